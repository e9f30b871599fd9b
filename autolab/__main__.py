"""``autolab`` and ``python -m autolab``."""

from __future__ import annotations

import importlib
import os
import sys

from autolab._version import __version__
from autolab.packaged import packaged

HELP_COLUMNS = 80


def main() -> None:
    """The program. ``--version``, ``--help`` and a poll with nothing to do end before any command is loaded."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"autolab {__version__}\n")
        return
    if sys.argv[1:] in (["--help"], ["-h"]) and (text := _help_text()):
        sys.stdout.write(text)
        return
    poll = _plain_poll(sys.argv[1:])
    if poll is not None and importlib.import_module("autolab.api.quiet").nothing_to_do(poll[0]):
        sys.stdout.write(poll[1])
        return
    importlib.import_module("autolab.cli.main").main()


def _help_text() -> str:
    """What click would print, as ``scripts/schemas`` wrote it down; "" where lines must be shorter, or it is not there.

    Loading click takes four times as long as all the rest.
    """
    try:
        narrow = "COLUMNS" in os.environ or os.get_terminal_size(1).columns < HELP_COLUMNS
    except OSError:  # no terminal
        narrow = False
    try:
        with open(f"{packaged('templates')}/help.txt", encoding="utf-8") as file:
            return "" if narrow else file.read()
    except OSError:
        return ""


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
