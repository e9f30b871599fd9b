"""What a running attempt prints that matters already: a kind of failure, or that its first step was made.

Only new bytes count, whole lines of them; what was noticed once in an attempt is not asked about again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from autolab.model.documents import best
from autolab.model.event import Event, Noticed, Observed, StopAsked
from autolab.model.failure import Table
from autolab.model.patterns import LINE_MAX, found, lines_of
from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, Entry, Run
from autolab.rules.diagnosis import noticed
from autolab.rules.questions import ask_about, withdraw

ASKED: Final = ("seen_failing", "no_first_step")  # reasons of its questions: over when the attempt is


@dataclass(frozen=True, slots=True)
class Reading:
    """How far an attempt's log was read, and what was seen in it.

    offset  bytes that were read or left out; unread: those left out because too many came at once
    steps   patterns of the first step that were seen
    """

    offset: int = 0
    unread: int = 0
    steps: frozenset[str] = frozenset()


def reading_of(entry: Entry) -> Reading:
    """Where to go on after a restart: behind the last thing that was told."""
    told = [word for word in (best(entry, "noticed"), best(entry, "first_step")) if isinstance(word, Mapping)]
    offsets = [at for word in told if isinstance(at := word.get("to"), int) and at >= 0]
    return Reading(offset=max(offsets, default=0))


def read(
    entry: Entry, run: Run, before: Reading, start: int, piece: bytes, table: Table, now: datetime
) -> tuple[Reading, dict[str, Any]]:
    """How far it is read after ``piece``, which begins at byte ``start``, and what is to be told of it."""
    whole = _whole_lines(piece)
    lines = lines_of(piece[:whole].decode("utf-8", "replace")) if whole else []
    after = replace(before, offset=start + whole, unread=before.unread + max(start - before.offset, 0))
    told: dict[str, Any] = {}
    if (fits := noticed(lines, table)) is not None:
        told["noticed"] = {"kind": fits.kind.name, "line": fits.line, "pattern": fits.pattern, "to": after.offset}
    if entry.spec.first_step is not None:
        after, step = _first_step(entry, run, after, lines, now)
        told |= {"first_step": step} if step else {}
    return after, told


def _whole_lines(piece: bytes) -> int:
    """How much of ``piece`` is whole lines; a line without an end is waited for while it is short."""
    end = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
    return end if len(piece) - end <= LINE_MAX else len(piece)


def _first_step(
    entry: Entry, run: Run, reading: Reading, lines: list[str], now: datetime
) -> tuple[Reading, dict[str, Any] | None]:
    """Whether all of its patterns were seen, or are missing although their time is over; None: not yet to be told."""
    step = entry.spec.first_step
    assert step is not None
    seen = reading.steps | {pattern for pattern in step.patterns if any(found(pattern, line) for line in lines)}
    missing = [pattern for pattern in step.patterns if pattern not in seen]
    before = best(entry, "first_step")
    known = before.get("seen") if isinstance(before, Mapping) else None
    late = run.started_at is not None and now - run.started_at >= timedelta(seconds=step.within_s)
    told = None
    if known is not True and (not missing or (late and known is None)):
        told = {"seen": not missing, "missing": missing, "unread": reading.unread, "to": reading.offset}
    return replace(reading, steps=seen), told


def heard(state: DispatchState, entry: Entry, told: Observed, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """What follows from what was read: a question; a stop only where the project says so."""
    if entry.open_run is None:
        return
    word, step = told.cells.get("noticed"), told.cells.get("first_step")
    if isinstance(word, Mapping):
        yield from _noticed(state, entry, entry.open_run, word, plan, now)
    if isinstance(step, Mapping):
        yield from _stepped(state, entry, step, now)


def _noticed(
    state: DispatchState, entry: Entry, run: Run, word: Mapping[str, Any], plan: LabPlan, now: datetime
) -> Iterator[Event]:
    name, line = str(word.get("kind", "")), str(word.get("line", ""))[:LINE_MAX]
    kind = next((kind for kind in plan.failures if kind.name == name), None)
    if kind is None or name in run.noticed:
        return
    common: dict[str, Any] = {"at": now, "id": entry.id, "attempt": entry.attempt}
    yield Noticed(**common, kind=name, line=line, why=f"{name} while it runs: {line}")
    if kind.stop and entry.decision is None:
        yield StopAsked(**common, kind=name, why=f"{name}: stopped, as `stop: true` of its row says")
        return
    did = "nothing: it runs on. `stop: true` in the row of this kind ends such a run at once"
    yield from ask_about(state, entry, "seen_failing", now, seen=f"{name}: {line}", did=did)


def _stepped(state: DispatchState, entry: Entry, step: Mapping[str, Any], now: datetime) -> Iterator[Event]:
    if step.get("seen") is True:
        yield from withdraw(state, entry.id, now, "its first step was seen", "no_first_step")
        return
    missing = step.get("missing")
    lines = [f"not seen: {pattern}" for pattern in missing] if isinstance(missing, (list, tuple)) else []
    if unread := step.get("unread"):
        lines.append(f"{unread} bytes of its log came too fast to be read")
    did = "nothing: it runs on, and its log is read on"
    yield from ask_about(state, entry, "no_first_step", now, seen="\n".join(lines), did=did)
