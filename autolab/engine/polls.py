"""What one poll did, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autolab.model.event import Cancelled, Event, Failed, Started, Succeeded
from autolab.model.state import DispatchState, Status


@dataclass(frozen=True, slots=True)
class PollReport:
    """What one poll did: events made, commands started, experiments ended; and what still runs or waits."""

    events: int
    started: int
    ended: int
    running: int
    pending: int
    questions: int


def report_of(state: DispatchState, before: int, happened: Mapping[type[Event], int]) -> PollReport:
    """The report of a poll that began at event ``before`` and made so many events of each kind."""
    entries = state.entries.values()
    return PollReport(
        events=state.seq - before,
        started=happened.get(Started, 0),
        ended=sum(happened.get(kind, 0) for kind in (Succeeded, Failed, Cancelled)),
        running=len([e for e in entries if e.status is Status.RUNNING]),
        pending=len([e for e in entries if e.status is Status.PENDING]),
        questions=len(state.questions),
    )
