"""Which pending experiment goes where, now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

from autolab.model.card import CardReport, GivenCard
from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, Entry, Status
from autolab.rules.estimates import Estimate, Estimates
from autolab.rules.room import Room, free_rooms

NOTHING_SEEN: Final[Mapping[str, CardReport]] = MappingProxyType({})
_NO_NEED: Final = Estimate()


@dataclass(frozen=True, slots=True)
class Placement:
    """This experiment, on this host, with these cards; ``probe``: the tool that told of them."""

    id: str
    host: str
    cards: tuple[GivenCard, ...] = ()
    probe: str = ""
    need: Estimate = _NO_NEED

    @property
    def gpus(self) -> tuple[str, ...]:
        return tuple(card.index for card in self.cards)


def place(
    state: DispatchState,
    plan: LabPlan,
    now: datetime,
    waiting: Iterable[Entry],
    reports: Mapping[str, CardReport] = NOTHING_SEEN,
) -> Iterator[Placement]:
    """Fill the free slots: by stage, priority, turns of the groups, order of adding; spread over the hosts with most
    room. ``reports``: what hosts last said of their cards."""
    if plan.launching:
        return
    rooms = free_rooms(state, plan, now, reports)
    if not any(room.slots > 0 for room in rooms.values()):
        return
    due = [e for e in waiting if is_due(state, e, now)]
    if not due:
        return
    stages = open_stages(state.entries.values())
    estimates = Estimates(
        state.entries.values() if any(e.spec.resources.gpus for e in due) else (), plan.cards.estimate
    )
    for entry in in_turn([e for e in due if e.spec.stage <= stages.get(e.spec.phase, e.spec.stage)], state):
        need = estimates.of(entry) if entry.spec.resources.gpus else _NO_NEED
        fitting = [room for name, room in rooms.items() if suits(entry, name) and room.fits(entry, need)]
        if fitting:
            best = max(fitting, key=lambda room: _preference(room, entry))
            yield Placement(entry.id, best.plan.name, best.take(entry, need), best.probe, need)


def adopted(plan: LabPlan, waiting: Iterable[Entry]) -> Iterator[Placement]:
    """What runs already goes where it runs, whatever room there is; not while the lab may launch nothing."""
    for entry in waiting:
        there = entry.adopting
        if there is not None and entry.open_run is None and there.host in plan.hosts and not plan.launching:
            yield Placement(entry.id, there.host, tuple(GivenCard(index) for index in there.gpus))


def _preference(room: Room, entry: Entry) -> tuple[bool, int, int]:
    """Not where it failed by the host's fault; then where most is free of what it asks for."""
    return (room.plan.name not in entry.avoid, room.free_cards if entry.spec.resources.gpus else 0, room.slots)


def in_turn(due: Iterable[Entry], state: DispatchState) -> list[Entry]:
    """By stage, then priority; among equals the groups take turns, those with less at work first; then as added."""
    held = Counter(e.spec.group for e in state.entries.values() if e.open_run is not None)
    turns: Counter[tuple[int, int, str]] = Counter()
    ordered: list[tuple[int, int, int, datetime, int, Entry]] = []
    for entry in sorted(due, key=lambda e: e.added_at):
        rank = (entry.spec.stage, -entry.spec.priority)
        place = (*rank, entry.spec.group)
        ordered.append((*rank, held[entry.spec.group] + turns[place], entry.added_at, len(ordered), entry))
        turns[place] += 1
    return [entry for *_, entry in sorted(ordered, key=lambda one: one[:-1])]


def open_stages(entries: Iterable[Entry]) -> dict[str, int]:
    """Phase -> its stage that is at work: the first with something that has not passed.

    Done passes, and so does what a person cancelled. What failed does not while a question about it stands open; when
    a person has answered it and left it failed, the next stage may begin.
    """
    stages: dict[str, int] = {}
    for entry in entries:
        if not (entry.archived or _has_passed(entry)):
            phase, stage = entry.spec.phase, entry.spec.stage
            stages[phase] = min(stages.get(phase, stage), stage)
    return stages


def _has_passed(entry: Entry) -> bool:
    return entry.status in {Status.DONE, Status.CANCELLED} or (entry.status is Status.FAILED and not entry.question)


def is_due(state: DispatchState, entry: Entry, now: datetime) -> bool:
    """Nothing but room and its stage keeps it from being launched."""
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
