"""What follows from what is known of an attempt: it is fenced, its results are in, it is judged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from autolab.model.event import Collected, Event, FenceAsked
from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, Entry, Run
from autolab.model.transitions import may
from autolab.rules import cards, outcome, patience, questions, survivors
from autolab.rules.attempts import in_doubt, must_end, other_boot, result_again_at, start_overdue
from autolab.rules.tick import Decision

A_MOMENT: Final = timedelta(seconds=1)


def follow(state: DispatchState, entry: Entry, plan: LabPlan, now: datetime, made: Decision) -> Iterator[Event]:
    """What is next for an attempt: fenced while it is open; once it ended, its results, then the judgement."""
    run = entry.run
    if run is None or run.judged:
        return
    if run.end is None:
        yield from _steer(state, entry, run, plan, now)
        return
    if survivors.to_end(run, plan.policies):
        return
    if not run.collected:
        if outcome.needs_collecting(run) and not outcome.found_of(entry):
            return
        late = outcome.result_is_late(entry, plan.policies, now)
        if late is not None:
            made.due(late if run.fetched_at is None else min(late, max(result_again_at(run, plan), now + A_MOMENT)))
            return
        yield Collected(at=now, id=entry.id, attempt=entry.attempt, causes=outcome.causes_of(entry))
    yield from questions.withdraw(state, entry.id, now, "it ended", *patience.OVER)
    yield from outcome.conclude(state, state.entries[entry.id], plan, now)


def _steer(state: DispatchState, entry: Entry, run: Run, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """What has no claim is fenced when it is cancelled, never claims, or was staged before a restart."""
    common: dict[str, Any] = {"at": now, "id": entry.id, "attempt": entry.attempt}
    if run.claim is None and not run.fence_asked and may(entry.status, FenceAsked) and not in_doubt(state, entry):
        if must_end(entry):
            yield FenceAsked(**common, why="ended by a person before it started: fenced")
        elif taken := cards.refusal(entry):
            yield FenceAsked(**common, why=taken)
        elif run.starts >= plan.policies.start_tries and start_overdue(run, plan, now):
            yield FenceAsked(**common, why=f"{run.starts} starts on {run.host} without a claim")
        elif other_boot(entry, run):
            yield FenceAsked(**common, why=f"{run.host} was restarted before it started")
