"""The lease as a tick uses it: the anchor is asked where something waits to be launched, and what it says is told."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from autolab.engine.lanes import Lane, Lanes
from autolab.engine.seat import Seat
from autolab.model.event import DriverTaken, Event
from autolab.model.state import TERMINAL, DispatchState

ANCHOR_LANE: Final = "(anchor)"  # no host can have this name


class Wheel:
    """One engine's; the seat's word is asked for in a lane, so that no tick waits for it."""

    def __init__(self, seat: Seat, lanes: Lanes) -> None:
        self._seat, self._lanes = seat, lanes
        self._told = ""

    @property
    def problem(self) -> str:
        """Why nothing may be started from here now; empty: it may."""
        return self._seat.standing().problem

    @property
    def shown(self) -> str:
        """The same for people: an anchor that nobody had a reason to ask yet is no problem."""
        return self.problem if self._seat.known else ""

    def ask(self, state: DispatchState, now: datetime) -> None:
        """Ask the anchor if that is due."""
        due = self.due_at(state)
        if due is not None and due <= now:
            self._lanes.put(ANCHOR_LANE, Lane.LOOK, self._seat.asking())

    def taken(self, state: DispatchState, now: datetime) -> list[Event]:
        """The event of having the lease, where the journal does not know it yet."""
        standing = self._seat.standing()
        if standing.problem or standing.number <= state.driver:
            return []
        return [DriverTaken(at=now, number=standing.number, why=f"driven from here: {standing.clone}")]

    def due_at(self, state: DispatchState) -> datetime | None:
        """When the anchor is asked next; None: never, or nothing waits to be launched."""
        due = self._seat.due_at()
        return due if due is not None and _something_waits(state) else None

    def has_news(self) -> bool:
        """Whether what is shown differs from when this was asked last."""
        before, self._told = self._told, self.shown
        return before != self._told


def _something_waits(state: DispatchState) -> bool:
    return any(
        entry.spec.executor == "autolab" and entry.status not in TERMINAL and (entry.run is None or not entry.run.claim)
        for entry in state.entries.values()
    )
