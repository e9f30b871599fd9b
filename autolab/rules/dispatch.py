"""Which pending experiment goes where, now; and why one waits, in one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase

from autolab.model.plan import HostPlan, LabPlan
from autolab.model.state import DispatchState, Entry, HostState, HostStatus, Status

USABLE = frozenset({HostStatus.UNKNOWN, HostStatus.READY})


@dataclass(frozen=True, slots=True)
class Placement:
    """This experiment, on this host, with these cards."""

    id: str
    host: str
    gpus: tuple[str, ...] = ()


@dataclass(slots=True)
class Room:
    """What is free on one host while a round of placements is made."""

    plan: HostPlan
    slots: int
    gpus: list[str] = field(default_factory=list)

    def fits(self, entry: Entry) -> bool:
        certain = str(entry.spec.gpu) if isinstance(entry.spec.gpu, int) and entry.spec.resources.gpus else None
        has_it = certain is None or certain in self.gpus
        return self.slots > 0 and entry.spec.resources.gpus <= len(self.gpus) and has_it

    def take(self, entry: Entry) -> tuple[str, ...]:
        """The cards ``entry`` gets; the room is smaller afterwards."""
        self.slots -= 1
        wanted = str(entry.spec.gpu) if entry.spec.gpu is not None else ""
        count = entry.spec.resources.gpus
        if wanted in self.gpus and count:
            self.gpus.remove(wanted)
            self.gpus.insert(0, wanted)
        cards, self.gpus = tuple(self.gpus[:count]), self.gpus[count:]
        return cards


def place(state: DispatchState, plan: LabPlan, now: datetime, waiting: Iterable[Entry]) -> Iterator[Placement]:
    """Fill the free slots: by stage, then priority, then order of adding; spread over the hosts with most room."""
    if plan.launching:
        return
    rooms = free_rooms(state, plan, now)
    if not any(room.slots for room in rooms.values()):
        return
    for entry in sorted((e for e in waiting if is_due(state, e, now)), key=_order):
        fitting = [room for name, room in rooms.items() if suits(entry, name) and room.fits(entry)]
        if not fitting:
            continue
        best = max(fitting, key=lambda room: (room.plan.name not in entry.avoid, room.slots))
        yield Placement(entry.id, best.plan.name, best.take(entry))


def adopted(plan: LabPlan, waiting: Iterable[Entry]) -> Iterator[Placement]:
    """What runs already goes where it runs, whatever room there is; not while the lab may launch nothing."""
    for entry in waiting:
        there = entry.adopting
        if there is not None and entry.open_run is None and there.host in plan.hosts and not plan.launching:
            yield Placement(entry.id, there.host, there.gpus)


def _order(entry: Entry) -> tuple[int, int, datetime]:
    return (entry.spec.stage, -entry.spec.priority, entry.added_at)


def is_due(state: DispatchState, entry: Entry, now: datetime) -> bool:
    """Nothing but room keeps it from being launched."""
    return (
        entry.status is Status.PENDING
        and entry.spec.executor == "autolab"
        and entry.decision is None
        and entry.open_run is None
        and entry.adopting is None
        and not entry.archived
        and not (entry.not_before and entry.not_before > now)
        and not open_dependencies(state.entries, entry)
    )


def open_dependencies(entries: Mapping[str, Entry], entry: Entry) -> list[str]:
    """Those it depends on that are not done."""
    return [d for d in entry.spec.depends_on if d not in entries or entries[d].status is not Status.DONE]


def suits(entry: Entry, host: str) -> bool:
    """Whether the design lets it run there: no host named, its name, or a pattern."""
    return entry.spec.host is None or fnmatchcase(host, entry.spec.host)


def usable(host: HostState | None, now: datetime) -> bool:
    """Whether something new may be launched there now."""
    return host is None or (host.status in USABLE and not (host.not_before and host.not_before > now))


def free_rooms(state: DispatchState, plan: LabPlan, now: datetime) -> dict[str, Room]:
    """Slots and cards that no open attempt of ours holds."""
    rooms = {
        name: Room(host, host.slots, list(_cards(host, state.hosts.get(name))))
        for name, host in plan.hosts.items()
        if usable(state.hosts.get(name), now)
    }
    for entry in state.entries.values():
        run = entry.open_run
        if run is not None and (room := rooms.get(run.host)) is not None:
            room.slots -= 1
            room.gpus = [card for card in room.gpus if card not in run.gpus]
    return rooms


def _cards(plan: HostPlan, host: HostState | None) -> tuple[str, ...]:
    """Indices that may be given out; a host told to find out by itself has none until it was asked."""
    if plan.gpus is not None:
        return plan.gpus
    return (host.facts.gpus or ()) if host is not None else ()
