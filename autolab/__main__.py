"""``autolab`` and ``python -m autolab``."""

from __future__ import annotations

from autolab.cli.main import main

if __name__ == "__main__":
    main()
