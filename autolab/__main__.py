"""``autolab`` and ``python -m autolab``."""

from __future__ import annotations

import importlib
import sys

from autolab._version import __version__


def main() -> None:
    """The program. ``--version`` is answered before the commands and their library are loaded."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"autolab {__version__}\n")
        return
    importlib.import_module("autolab.cli.main").main()


if __name__ == "__main__":
    main()
