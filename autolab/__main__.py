"""``autolab`` and ``python -m autolab``."""

from __future__ import annotations

import importlib
import os
import sys

from autolab._version import __version__


def main() -> None:
    """The program. ``--version``, and a poll with nothing to do, end before any command is loaded."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"autolab {__version__}\n")
        return
    plain_poll = sys.argv[1:] == ["poll"] and "AUTOLAB_OUTPUT" not in os.environ
    if plain_poll and importlib.import_module("autolab.api.quiet").nothing_to_do():
        sys.stdout.write("nothing to do\n")
        return
    importlib.import_module("autolab.cli.main").main()


if __name__ == "__main__":
    main()
