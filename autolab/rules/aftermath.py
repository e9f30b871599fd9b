"""What follows from a diagnosis: another attempt, here or elsewhere, as it was or changed; or a question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from autolab.model.documents import best
from autolab.model.event import Event, Failed, Requeued
from autolab.model.failure import UNDIAGNOSED, Kind, Remedy
from autolab.model.plan import Policies
from autolab.model.reasons import REASONS
from autolab.model.state import DispatchState, Entry, Run
from autolab.rules.diagnosis import Diagnosis
from autolab.rules.questions import ask_about
from autolab.rules.remedies import Change, change_of

LINE_SHOWN: Final = 300  # characters of a log's line in a question's head
UNCHANGED: Final = Change()


def answer(
    state: DispatchState, entry: Entry, run: Run, diagnosis: Diagnosis, policies: Policies, now: datetime
) -> Iterator[Event]:
    """The next attempt of ``entry``, or its failure with a question that says why there is none."""
    kind = diagnosis.kind
    change = change_of(kind, run.command, {**entry.spec.env, **run.env}) if kind.remedy is Remedy.CHANGE else UNCHANGED
    hosts = _failed_on(entry, run) if kind.by_host else ()
    used, limit = entry.failures.get(kind.name, 0), kind.tries
    if run.adopted:
        did = "nothing: the process may be alive, so its command is not started"
        yield from _give_up(state, entry, diagnosis, "adopted_end", did, now)
    elif kind.remedy is Remedy.ASK:
        yield from _give_up(state, entry, diagnosis, _reason(kind), "not tried again by itself", now)
    elif kind.charged and entry.retry_count >= entry.spec.max_retries:
        did = f"{entry.retry_count} of {entry.spec.max_retries} retries used"
        yield from _give_up(state, entry, diagnosis, "retries_exhausted", did, now)
    elif limit is not None and used >= limit:
        did = f"{used} of {limit} further attempts after {kind.name} used"
        yield from _give_up(state, entry, diagnosis, "retries_exhausted", did, now)
    elif len(hosts) >= policies.give_up_hosts:
        did = f"{len(hosts)} hosts failed it: {', '.join(hosts)}; it is launched nowhere until you say so"
        yield from _give_up(state, entry, diagnosis, "many_hosts", did, now)
    elif change is None:
        yield from _give_up(state, entry, diagnosis, _reason(kind), _nothing_to_change(kind), now)
    else:
        yield Requeued(
            at=now,
            id=entry.id,
            attempt=entry.attempt,
            kind=kind.name,
            remedy=kind.remedy.value,
            charged=kind.charged,
            not_before=now + timedelta(seconds=kind.wait_s) if kind.wait_s else None,
            command=change.command,
            env=change.env,
            avoid=hosts,
            changed=change.said,
            why=_again(entry, run, diagnosis, change),
        )


def _failed_on(entry: Entry, run: Run) -> tuple[str, ...]:
    """The hosts whose fault ended its attempts, this one's too."""
    return tuple(dict.fromkeys((*entry.avoid, run.host)))


def _reason(kind: Kind) -> str:
    """The reason code a question carries for a kind of failure."""
    return "undiagnosed_crash" if kind is UNDIAGNOSED else kind.name if kind.name in REASONS else "known_failure"


def _nothing_to_change(kind: Kind) -> str:
    names = [*kind.halve, *kind.values]
    looked = f": none of {', '.join(names[:6])}{' ...' if len(names) > 6 else ''} can be" if names else ""
    return f"nothing in the command is left to change{looked}"


def _again(entry: Entry, run: Run, diagnosis: Diagnosis, change: Change) -> str:
    """``retrying as X`` of the lab log: which attempt comes next, why, and what a remedy changed, before and after."""
    kind = diagnosis.kind
    what = f"{kind.name} ({run.end.detail if run.end else ''}): attempt {entry.attempt + 1}"
    if not kind.charged:
        what += ", not charged"
    if kind.by_host:
        what += f", {run.host} avoided"
    if change.said:
        what += f"; {', '.join(change.said)}"
    if change.command:
        what += f"; before: {run.command} after: {change.command}"
    return what


def _give_up(
    state: DispatchState, entry: Entry, diagnosis: Diagnosis, reason: str, did: str, now: datetime
) -> Iterator[Event]:
    kind, run = diagnosis.kind, entry.run
    detail = run.end.detail if run and run.end else ""
    yield Failed(at=now, id=entry.id, attempt=entry.attempt, kind=kind.name, why=f"{kind.name}: {detail}")
    said = diagnosis.because if diagnosis.line else _last_line(str(best(entry, "log_tail") or ""))
    head = f"{kind.name}: {detail}" + (f"\n{said}" if said else "")
    parts = (head, _recorded(best(entry, "collected")))
    seen = "\n\n".join(part for part in parts if part)
    yield from ask_about(state, entry, reason, now, seen=seen, did=did)


def _last_line(tail: str) -> str:
    """Where no row of the table knows a line, the last one is what most likely says it."""
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    return f"its log ends: {lines[-1][:LINE_SHOWN]}" if lines else ""


def _recorded(found: Any) -> str:
    """What its host's kernel and disks say, as far as they can be read."""
    evidence = found.get("evidence") if isinstance(found, Mapping) else None
    notes = evidence.get("notes") if isinstance(evidence, Mapping) else None
    return "\n".join(str(note) for note in notes) if isinstance(notes, (list, tuple)) else ""
