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
    poll = _plain_poll(sys.argv[1:])
    if poll is not None and importlib.import_module("autolab.api.quiet").nothing_to_do(poll[0]):
        sys.stdout.write(poll[1])
        return
    importlib.import_module("autolab.cli.main").main()


def _plain_poll(words: list[str]) -> tuple[str, str] | None:
    """The folder of ``[-C DIR] [-q] poll``, as cron says it, and what to say when nothing is to do."""
    folder = "."
    if len(words) > 2 and words[0] == "-C":
        folder, words = words[1], words[2:]
    silent = words[:1] == ["-q"]
    if words[silent:] != ["poll"] or "AUTOLAB_OUTPUT" in os.environ:
        return None
    return folder, "" if silent else "nothing to do\n"


if __name__ == "__main__":
    main()
