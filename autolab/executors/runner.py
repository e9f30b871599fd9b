"""The POSIX sh and awk that runs on hosts: read once from ``scripts/`` and cut to what a host needs."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from autolab.errors import InvalidSpec

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
SEPARATOR = "\x1f"  # between fields of a line: unlike a tab, a shell's read keeps empty fields beside it


@cache
def script(name: str) -> str:
    """The text of ``scripts/<name>`` without its comment lines, which a host would only carry and parse."""
    text = files("autolab.executors").joinpath("scripts", name).read_text(encoding="utf-8")
    return "".join(f"{line}\n" for line in text.splitlines() if not line.lstrip().startswith("#"))


@cache
def variable(name: str, *files_: str) -> str:
    """An assignment of scripts of ours to a shell variable: the one text that stands in a shell word."""
    return f"{name}={shlex.quote(''.join(script(file) for file in files_))}\n"


def spoken(name: str, lines: Iterable[str], reader: str = "cat", descriptor: str = "") -> str:
    """A shell function that gives ``lines`` to ``reader``: how all user data travel, in a quoted here-document.

    descriptor  by which the reader finds them, if not as its standard input

    The delimiter is a hash of what it closes, so no text can hold its own.
    raises  InvalidSpec for a line with a control character: newline and separator would make two of one
    """
    body = "".join(f"{_printable(line, SEPARATOR)}\n" for line in lines)
    end = "AL" + hashlib.sha256(body.encode("utf-8", "surrogateescape")).hexdigest()[:40]
    return f"{name}() {{\n{reader} {descriptor}<<'{end}'\n{body}{end}\n}}\n"


def fields(*values: str) -> str:
    """One line of several values; raises InvalidSpec for a control character, the separator among them."""
    return SEPARATOR.join(_printable(value) for value in values)


def _printable(text: str, allowed: str = "") -> str:
    if any(character != allowed for character in _CONTROL.findall(text)):
        shown = text if len(text) <= 80 else f"{text[:77]}..."
        raise InvalidSpec(f"control character in {shown!r}", hint="paths on hosts hold no newline and no tab")
    return text
