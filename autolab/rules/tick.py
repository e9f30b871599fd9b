"""What one tick reads, and what it makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from autolab.model.action import Action
from autolab.model.card import CardReport
from autolab.model.event import Event
from autolab.model.observation import Escalation, Sidecar, Sighting, Unreadable
from autolab.model.origin import Origin
from autolab.model.readiness import Checked
from autolab.model.wish import Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything a tick reads before it decides.

    code       digest of the snapshot that a launch would use; None: it cannot be made (``plan.launching`` says why)
    origin     where that code stands in git
    busy       hosts whose acting lane still works on something: no new action for them
    watched    experiments that an open look covers
    full       hosts that have as many open looks as they may have
    watch_due  hosts to look at now by their pace; None: all that have something running
    cards      host -> what it last said of its cards, where it was asked
    strays     sidecars of experiments that nobody has added, by their id
    escalations what agents wrote because they need somebody
    hellos     host -> what came of asking whether it is there
    results    of external experiments that say done: what was found of their declared file
    may_hold   a look may stay open on a host while work waits for a slot
    checked    how checks of hosts went that came back;  checking: hosts that are being checked now
    """

    sidecars: tuple[Sidecar, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    strays: Mapping[str, Sidecar] = field(default_factory=dict)
    escalations: tuple[Escalation, ...] = ()
    wishes: tuple[Wish, ...] = ()
    code: str | None = None
    origin: Origin = field(default_factory=Origin)
    busy: frozenset[str] = frozenset()
    watched: frozenset[str] = frozenset()
    full: frozenset[str] = frozenset()
    watch_due: frozenset[str] | None = None
    results: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    cards: Mapping[str, CardReport] = field(default_factory=dict)
    hellos: Mapping[str, Sighting] = field(default_factory=dict)
    may_hold: bool = False
    checked: tuple[Checked, ...] = ()
    checking: frozenset[str] = frozenset()


@dataclass(slots=True)
class Decision:
    """What a tick makes of what it saw. ``wake_at``: when something is due by the clock alone."""

    events: list[Event] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    wake_at: datetime | None = None

    def due(self, at: datetime) -> None:
        """Remember the earliest of what is due by the clock."""
        self.wake_at = at if self.wake_at is None else min(self.wake_at, at)
