"""Text for terminals: nothing from a file reaches one raw, times as people say them, columns. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

# Control characters, direction overrides, line separators and lone surrogates: what could move the cursor, hide or
# reorder text, or not be encoded.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_LINE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
GLYPHS: Final = {
    "pending": "·",
    "running": "▶",
    "done": "✓",
    "failed": "✗",
    "cancelled": "⊘",
    "on_hold": "‖",
    "unreachable": "?",
}
COLORS: Final = {
    "running": "cyan",
    "done": "green",
    "failed": "red",
    "on_hold": "yellow",
    "unreachable": "yellow",
    "ok": "green",
    "warn": "yellow",
    "fail": "red",
}


def clean(value: object) -> str:
    """``value`` as one line that a terminal can be given."""
    return _UNSAFE.sub(_escaped, "" if value is None else str(value))


def clean_lines(text: str) -> str:
    """``text`` with its newlines and tabs, and nothing else that a terminal would obey."""
    return _UNSAFE_LINE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    if found.group() in "\n\t":
        return " "
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def ago(at: str | None, now: str) -> str:
    """How long before ``now`` that was: ``3 min``; both as files write instants."""
    if not at:
        return "-"
    try:
        seconds = (datetime.fromisoformat(now) - datetime.fromisoformat(at)).total_seconds()
    except (ValueError, TypeError):
        return clean(at)
    return duration(max(seconds, 0))


def duration(seconds: float) -> str:
    """``42 s``, ``3 min``, ``5 h``, ``2 d``."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def columns(rows: Sequence[Sequence[object]], header: Sequence[str] = (), width: int | None = None) -> list[str]:
    """Rows as lines with aligned columns, every cell cleaned; cut to ``width`` where one is given."""
    cells = [[clean(cell) for cell in row] for row in rows]
    if header:
        cells.insert(0, list(header))
    if not cells:
        return []
    wide = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, wide, strict=True)).rstrip() for row in cells]
    if width is None:
        return lines
    return [line if len(line) <= width else f"{line[: width - 1]}…" for line in lines]


def state_word(status: str, substatus: str = "") -> str:
    """A glyph, the word, and the finer step: never colour alone."""
    finer = f" ({clean(substatus)})" if substatus else ""
    return f"{GLYPHS.get(status, ' ')} {clean(status)}{finer}"
