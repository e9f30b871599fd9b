"""All output of commands: one JSON value, or lines for people. Results to stdout, talk to stderr."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import click
import orjson

from autolab.cli.base import Globals
from autolab.cli.text import COLORS, columns

T = TypeVar("T")
VERSION: Final = 1  # of every envelope; raised when a key changes its meaning or goes


def give(
    chosen: Globals, command: str, data: T, lines: Callable[[T], Iterable[str]], *, truncated: bool = False
) -> None:
    """``data`` in its envelope, or as the ``lines`` that say it."""
    if chosen.as_json:
        emit(envelope(command, data, truncated=truncated), indent=True)
        return
    text = "\n".join(lines(data))
    if text:
        click.echo(text)


def envelope(command: str, data: object, *, truncated: bool = False) -> dict[str, object]:
    """What every ``--json`` prints."""
    return {"schema": f"autolab.{command}/{VERSION}", "data": data, "truncated": truncated}


def emit(value: object, *, indent: bool) -> None:
    """One JSON value and a newline."""
    option = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indent else 0)
    click.echo(orjson.dumps(value, option=option), nl=False)


def talk(chosen: Globals, text: str) -> None:
    """Something for people beside the result."""
    if not chosen.quiet:
        click.echo(text, err=True)


def table(rows: Sequence[Sequence[object]], header: Sequence[str], margin: int = 0) -> list[str]:
    """Aligned lines, cut to the terminal's width less ``margin`` if there is one; the header bold."""
    width = shutil.get_terminal_size().columns - margin if sys.stdout.isatty() else None
    lines = columns(rows, header, width)
    return [click.style(lines[0], bold=True), *lines[1:]] if lines else []


def painted(text: str, word: str) -> str:
    """``text`` in the colour of the status or verdict ``word``."""
    return click.style(text, fg=COLORS.get(word))


def heading(text: str, count: int | None = None) -> str:
    """A section's title."""
    return click.style(text if count is None else f"{text} ({count})", bold=True)


def counted(counts: Mapping[str, int]) -> str:
    """``3 done, 1 failed``."""
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "0 experiments"


def plain(data: Mapping[str, Any]) -> list[str]:
    """A result that says itself in one key: its outcome."""
    return [str(data.get("outcome", ""))]
