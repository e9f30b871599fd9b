"""What is asked about many experiments: a phase whose time is over, a group that fails, what is parked at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from autolab.model.event import Event, Failed, LaunchIntended, PatienceSet
from autolab.model.plan import LabPlan
from autolab.model.state import ACTIVE, PARKED, DispatchState, Entry, Status
from autolab.rules.outcome import words
from autolab.rules.questions import ask, open_question, withdraw
from autolab.rules.subjects import group_of, members, phase_of

SHOWN: Final = 10
_STORM: Final = timedelta(minutes=1)  # launches of one dispatch: the phase's clock has just begun


def begin(state: DispatchState, made: Iterable[Event], now: datetime) -> Iterator[Event]:
    """The clock of each phase of which something is launched for the first time, or after all of it had ended."""
    launched = {phase_of(state.entries[event.id]): event.id for event in made if isinstance(event, LaunchIntended)}
    for about, ident in launched.items():
        kept = state.patience.get(about)
        since = kept.since if kept is not None else None
        if since is not None and now - since < _STORM:
            continue
        if since is None or not any(_is_open(e) for e in members(state, about) if e.id != ident):
            yield PatienceSet(at=now, about=about, since=now, why=f"{state.entries[ident].spec.phase}: first dispatch")


def _is_open(entry: Entry) -> bool:
    return entry.status in PARKED or entry.status in ACTIVE


def phases_due(state: DispatchState, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """The question about a phase that is not finished when its time is over (1.35)."""
    for about, kept in list(state.patience.items()):
        due = about.startswith("phase:") and kept.since is not None and kept.since + _phase(plan) <= now
        if not due or kept.since is None or open_question(state, about, "poll_72h"):
            continue
        still = [entry for entry in members(state, about) if entry.status in ACTIVE | {Status.UNREACHABLE}]
        if not still:
            yield PatienceSet(at=now, about=about, why="it has ended")
            continue
        seen = (
            f"{still[0].spec.phase} was first dispatched {words(now - kept.since)} ago, and {len(still)} of its "
            f"experiments have not ended: {_names(still)}"
        )
        did = "nothing: what runs is looked at, and what waits is launched when there is room"
        yield from ask(state, about, "poll_72h", now, seen=seen, did=did)


def phases_wake(state: DispatchState, plan: LabPlan) -> Iterator[datetime]:
    """When the time of a phase is over."""
    for about, kept in state.patience.items():
        if kept.since is not None and about.startswith("phase:"):
            yield kept.since + _phase(plan)


def _phase(plan: LabPlan) -> timedelta:
    return timedelta(seconds=plan.patience.phase_s)


def group_alarms(state: DispatchState, made: Iterable[Event], plan: LabPlan, now: datetime) -> Iterator[Event]:
    """The question that pauses a group of which most has failed (1.74), and its end where that is no longer so."""
    failed = {group_of(state.entries[event.id]) for event in made if isinstance(event, Failed)}
    asked = {question.about for question in state.questions.values() if question.reason == "group_failing"}
    for about in sorted(failed | asked):
        everything = members(state, about)
        bad = [entry for entry in everything if entry.status is Status.FAILED]
        waits = [entry for entry in everything if entry.status is Status.PENDING]
        fails = len(bad) >= plan.patience.group_least and len(bad) > plan.patience.group_failed * len(everything)
        if about in asked and not (fails and waits):
            yield from withdraw(state, about, now, "it does not fail for the most part any more")
        elif about not in asked and fails and waits and len(bad) >= 2 * _level(state, about):
            one = bad[0].spec
            seen = f"{len(bad)} of {len(everything)} experiments of {one.group} in {one.phase} failed: {_kinds(bad)}"
            did = f"launches nothing more of it: {len(waits)} wait; what runs goes on"
            yield from ask(state, about, "group_failing", now, seen=seen, did=did)


def _level(state: DispatchState, about: str) -> float:
    """How many had failed when a person last said that the rest may be launched."""
    kept = state.patience.get(about)
    return kept.level if kept is not None else 0.0


def not_paused(state: DispatchState, entries: Iterable[Entry]) -> Iterable[Entry]:
    """Those whose group no open question keeps from being launched."""
    paused = {question.about for question in state.questions.values() if question.reason == "group_failing"}
    return (entry for entry in entries if group_of(entry) not in paused) if paused else entries


def parked_before_synthesis(state: DispatchState, about: str, now: datetime) -> Iterator[Event]:
    """The question about what is parked when all else of the phase ``about`` has ended (1.37); nothing: go on.

    about  ``phase:<name>`` as ``phase_of`` gives it
    """
    everything = members(state, about)
    parked = [entry for entry in everything if entry.status in PARKED]
    if not parked or any(entry.status in ACTIVE for entry in everything) or open_question(state, about, BEFORE):
        return
    seen = f"{len(parked)} of {len(everything)} experiments of {parked[0].spec.phase} are parked: " + "; ".join(
        f"{entry.id} ({entry.why or entry.substatus})" for entry in parked[:SHOWN]
    )
    yield from ask(state, about, BEFORE, now, seen=seen, did="waits with the synthesis")


BEFORE: Final = "on_hold_before_synthesis"


def _names(entries: list[Entry]) -> str:
    more = f" and {len(entries) - SHOWN} more" if len(entries) > SHOWN else ""
    return ", ".join(f"{entry.id} ({entry.status})" for entry in entries[:SHOWN]) + more


def _kinds(failed: list[Entry]) -> str:
    """``cuda_oom 3 (e1, e2, e3); undiagnosed 1 (e4)``."""
    by_kind: dict[str, list[str]] = {}
    for entry in failed:
        by_kind.setdefault(entry.kind or "failed", []).append(entry.id)
    return "; ".join(f"{kind} {len(ids)} ({', '.join(ids[:SHOWN])})" for kind, ids in sorted(by_kind.items()))
