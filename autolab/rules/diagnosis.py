"""What ended an attempt badly: the first kind of the ordered table that fits, and what in the evidence says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from autolab.model.failure import NAME_OF, READ, UNDIAGNOSED, Kind, Table
from autolab.model.patterns import found, lines_of
from autolab.model.state import End

TAIL_MAX: Final = 64 * 1024  # characters of log that a diagnosis reads
BY_SIGNAL: Final = 128  # a shell's status above this is that signal, or the program's own code


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """A kind, and why: in words, and where a log's line says it, that line, its number from 1, and the pattern."""

    kind: Kind
    because: str
    line: str = ""
    number: int = 0
    pattern: str = ""


def diagnose(end: End, tail: str, result: str, table: Table) -> Diagnosis | None:
    """The kind of failure, or None for an end that needs none: status 0, and its result (if declared) is good.

    tail    the last of this attempt's own log
    result  "", none, fresh, stale, absent, invalid: what was found of the declared result
    """
    if end.status == 0:
        return next((_by(kind, f"the result is {result}") for kind in table if result in kind.results), None)
    lines = lines_of(tail[-TAIL_MAX:]) if end.how in READ else []
    for kind in table:
        if (fits := _of_end(kind, end) or _of_log(kind, lines)) is not None:
            return fits
    return _by(UNDIAGNOSED, "nothing in the table of failures fits")


def _by(kind: Kind, because: str) -> Diagnosis:
    return Diagnosis(kind=kind, because=because)


def _of_end(kind: Kind, end: End) -> Diagnosis | None:
    """By how it was closed, what its host or scheduler recorded, or its status."""
    if end.how in kind.ends:
        return _by(kind, f"it ended as {end.how.value}")
    if cause := next((word for word in end.causes if word in kind.causes), ""):
        return _by(kind, f"its host or scheduler recorded {cause}")
    if end.how not in READ or end.status is None:
        return None
    if end.status in kind.statuses:
        return _by(kind, f"exit status {end.status}")
    if end.status - BY_SIGNAL in kind.signals:
        name = NAME_OF.get(end.status - BY_SIGNAL, "")
        return _by(kind, f"exit status {end.status}: signal {name}, or the program's own code")
    return None


def _of_log(kind: Kind, lines: Sequence[str]) -> Diagnosis | None:
    """The last line that one of its patterns finds."""
    first = 0 if kind.last_lines is None else max(len(lines) - kind.last_lines, 0)
    for number in range(len(lines), first, -1):
        line = lines[number - 1]
        if line and (pattern := matching(kind, line)):
            shown = line.strip()[:200]
            return Diagnosis(kind=kind, because=f"its log says: {shown}", line=shown, number=number, pattern=pattern)
    return None


def matching(kind: Kind, line: str) -> str:
    """The first pattern of ``kind`` that is found in ``line``; empty: none is, or it is one of those it is not."""
    for pattern in kind.patterns:
        if found(pattern, line):
            return "" if any(found(other, line) for other in kind.never) else pattern
    return ""


def noticed(lines: Sequence[str], table: Table) -> Diagnosis | None:
    """What new lines of a running attempt's log say already: the first kind that is watched for."""
    return next((fits for kind in table if kind.watch and (fits := _of_log(kind, lines)) is not None), None)


def of_line(line: str, table: Table) -> Kind | None:
    """The kind that a log of this one line would be; None: it would not be recognised."""
    lines = lines_of(line)
    return next((kind for kind in table if _of_log(kind, lines) is not None), None)


def contradictions(table: Table, rows: Iterable[Kind] | None = None) -> Iterator[str]:
    """Examples of ``rows`` (default: all) that the table as a whole says otherwise about, in words."""
    for kind in table if rows is None else rows:
        for line in kind.matches:
            got = of_line(line, table)
            if got is None or got.name != kind.name:
                yield f"{kind.name}: {line[:120]!r} should be of this kind and is {got.name if got else 'undiagnosed'}"
        for line in kind.misses:
            got = of_line(line, table)
            if got is not None and got.name == kind.name:
                yield f"{kind.name}: {line[:120]!r} should not be of this kind and is"
