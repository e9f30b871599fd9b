"""What is free on a host while a round of placements is made: slots, cores, memory and cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from autolab.model.card import Card, CardReport, GivenCard
from autolab.model.documents import best
from autolab.model.ids import lab8
from autolab.model.plan import CardRules, HostPlan, LabPlan
from autolab.model.state import DispatchState, Entry, HostState, HostStatus, Resources, Run, Status
from autolab.rules.cards import is_asked, kept_from, last_ends, listed, tokens
from autolab.rules.estimates import Estimate
from autolab.rules.hosts import is_open

USABLE = frozenset({HostStatus.UNKNOWN, HostStatus.READY})


@dataclass(slots=True)
class Seat:
    """A card that may be given out. ``taken``: MiB promised to those of ours on it; ``limit``: how many they allow."""

    card: Card
    holders: int = 0
    taken: float = 0.0
    limit: int = 1
    settled: bool = True

    def fits(self, need: Estimate, share: int, factor: float) -> bool:
        """Whether an experiment that allows ``share`` on its card may have it."""
        memory, wanted = self.card.memory_mib, None if need.mib is None else factor * need.mib
        if need.measured and memory is not None and wanted is not None and wanted > memory:
            wanted = need.mib  # no card of this size has such a margin, and one of that size carried it
        if not self.holders:
            free = None if memory is None else memory - (self.card.used_mib or 0)
            return wanted is None or free is None or free >= wanted
        if wanted is None or memory is None or not self.settled:
            return False
        return self.holders < min(self.limit, share) and memory - self.taken >= wanted


@dataclass(slots=True)
class Room:
    """A host's room; ``take`` makes it smaller."""

    plan: HostPlan
    rules: CardRules
    slots: int
    cpus: int | None = None
    mem_mib: int | None = None
    seats: list[Seat] = field(default_factory=list)
    probe: str = ""

    def fits(self, entry: Entry, need: Estimate) -> bool:
        """Whether ``entry`` has room here now."""
        wants = entry.spec.resources
        return (
            self.slots > 0
            and (self.cpus is None or self.cpus >= wants.cpus)
            and (self.mem_mib is None or self.mem_mib >= (wants.mem_mib or 0))
            and (not wants.gpus or len(self._seats(entry, need)) == wants.gpus)
        )

    @property
    def free_cards(self) -> int:
        return sum(not seat.holders for seat in self.seats)

    def take(self, entry: Entry, need: Estimate) -> tuple[GivenCard, ...]:
        """The cards ``entry`` gets."""
        wants = entry.spec.resources
        self.slots -= 1
        if self.cpus is not None:
            self.cpus -= wants.cpus
        if self.mem_mib is not None:
            self.mem_mib -= wants.mem_mib or 0
        seats = self._seats(entry, need) if wants.gpus else []
        share = self._share(entry, need)
        for seat in seats:
            seat.limit = min(seat.limit, share) if seat.holders else share
            seat.holders += 1
            seat.taken += self.rules.memory_factor * (need.mib or 0)
            seat.settled = False
        mib = need.mib if share > 1 else None
        return tuple(GivenCard(seat.card.index, seat.card.key, seat.card.uuid, mib) for seat in seats)

    def _seats(self, entry: Entry, need: Estimate) -> list[Seat]:
        """The cards it would get, whole ones before shared ones; fewer than it wants where there are not enough."""
        share, named = self._share(entry, need), entry.spec.gpu
        fitting = [seat for seat in self.seats if seat.fits(need, share, self.rules.memory_factor)]
        fitting.sort(
            key=lambda seat: (str(named) not in _names(seat.card) if named is not None else False, seat.holders)
        )
        if isinstance(named, int) and not (fitting and str(named) in _names(fitting[0].card)):
            return []
        return fitting[: entry.spec.resources.gpus]

    def _share(self, entry: Entry, need: Estimate) -> int:
        """How many it lets be on its card: one unless it says how much it needs, and of several cards always one."""
        wants = entry.spec.resources
        return 1 if need.mib is None or wants.gpus != 1 else wants.gpu_share or self.plan.share


def _names(card: Card) -> tuple[str, str]:
    return (card.index, card.uuid)


def usable(host: HostState | None, now: datetime) -> bool:
    """Whether something new may be launched there now."""
    return host is None or (host.status in USABLE and not (host.not_before and host.not_before > now))


def free_rooms(
    state: DispatchState, plan: LabPlan, now: datetime, reports: Mapping[str, CardReport]
) -> dict[str, Room]:
    """Slots, cores, memory and cards that no open attempt of ours holds, and nobody else's."""
    rooms: dict[str, Room] = {}
    ours, ends = (tokens(state), last_ends(state)) if reports else (frozenset(), {})
    for name, host in plan.hosts.items():
        if usable(state.hosts.get(name), now) and is_open(state, host, now):
            rooms[name] = room = Room(host, plan.cards, host.slots, host.cpus, host.mem_mib)
            report = reports.get(name)
            room.probe = report.probe if report is not None and is_asked(host) else ""
            if not is_asked(host) or _is_fresh(report, plan.cards, now):
                room.seats = [
                    Seat(card, limit=host.share)
                    for card in listed(report, host)
                    if not kept_from(card, host, plan.cards, ours, lab8(state.lab))
                    and not _is_older(report, ends.get(name, {}).get(card.index))
                ]
    for entry in state.entries.values():
        run = entry.open_run
        if run is not None and (held := rooms.get(run.host)) is not None:
            _occupy(held, run, entry.spec.resources, now)
        elif entry.status is Status.RUNNING and entry.spec.executor == "external":
            _stay_off(rooms, entry)
    return rooms


def _stay_off(rooms: Mapping[str, Room], entry: Entry) -> None:
    """What somebody else's executor says it runs on is its, whatever the numbers say."""
    held, indices = rooms.get(str(best(entry, "host"))), str(best(entry, "gpu")).split(",")
    if held is not None:
        held.seats = [seat for seat in held.seats if seat.card.index not in indices]


def _occupy(room: Room, run: Run, wants: Resources, now: datetime) -> None:
    room.slots -= 1
    if room.cpus is not None:
        room.cpus -= wants.cpus
    if room.mem_mib is not None:
        room.mem_mib -= wants.mem_mib or 0
    shares = {card.index: card.mib for card in run.cards}
    whole = {index for index in run.gpus if shares.get(index) is None}
    room.seats = [seat for seat in room.seats if seat.card.index not in whole]
    begun = run.started_at or run.intended_at
    for seat in room.seats:
        mib = shares.get(seat.card.index)
        if mib is not None:
            limit = wants.gpu_share or room.plan.share
            seat.limit = min(seat.limit, limit) if seat.holders else limit
            seat.holders += 1
            seat.taken += room.rules.memory_factor * mib
            seat.settled = seat.settled and now - begun >= timedelta(seconds=room.rules.settle_s)


def _is_fresh(report: CardReport | None, rules: CardRules, now: datetime) -> bool:
    """Old words about cards are no words: something may have come since."""
    if report is None:
        return False
    return report.at is None or now - report.at <= timedelta(seconds=2 * rules.look_s)


def _is_older(report: CardReport | None, end: datetime | None) -> bool:
    """What was said of a card while ours still ran on it says nothing of it now."""
    return end is not None and report is not None and report.at is not None and report.at <= end
