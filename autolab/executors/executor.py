"""Jobs of one host: a connection and a dialect. What a host may do wrong becomes a sighting, never an exception."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from autolab.errors import (
    CommandFailed,
    DiskFailed,
    HostKeyRefused,
    HostUnreachable,
    LoginRefused,
    NoAnswer,
    OutsideFailed,
    UnreadableReply,
)
from autolab.executors import probing
from autolab.executors.collecting import collect_all
from autolab.executors.dialects.dialect import NOTHING_BEFORE, OPTIONAL, Collected, Dialect, Probe, Seen
from autolab.executors.dialects.process import root_of
from autolab.hosts.connection import Connection
from autolab.model.action import Code, Driver, Job, StageOrder
from autolab.model.card import CardReport
from autolab.model.command import Request
from autolab.model.holding import Holding
from autolab.model.observation import Look

T = TypeVar("T")

BATCH: Final = 250  # orders in one staging request: with four small files each they stay below 2 MiB

TOLD: Final = 1_000  # ends remembered as told: more than any host has open

LOOK_OF: Final[dict[type[OutsideFailed], Look]] = {
    HostUnreachable: Look.UNREACHABLE,
    NoAnswer: Look.NO_ANSWER,
    LoginRefused: Look.REFUSED,
    HostKeyRefused: Look.REFUSED,
    UnreadableReply: Look.UNREADABLE,
    CommandFailed: Look.UNREADABLE,
}


class Executor:
    """Jobs of one host: every call is one request, safe to repeat; raises nothing for what a host may do.

    All jobs of a call belong to one lab folder or are asked for folder by folder; ids are distinct within a call.
    raises  InvalidSpec where an order itself is wrong (a path with a newline, a name that no shell exports)
    """

    def __init__(self, connection: Connection, dialect: Dialect, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._dialect = dialect
        self._clock = clock
        # Folders whose end was told, oldest first: no reason for a look that stays open to come back early. One that
        # is lost costs one early answer.
        self._told: dict[str, None] = {}
        self._running: dict[str, Seen] = {}  # folder -> the last sighting of what simply runs

    def stage(self, orders: Sequence[StageOrder]) -> dict[str, Seen]:
        """Each attempt's folder, made whole or not at all; the code travels only where a host lacks it."""
        seen: dict[str, Seen] = {}
        for group in _by_root(orders, lambda order: order.job):
            for first in range(0, len(group), BATCH):
                seen |= self._stage(group[first : first + BATCH])
        return seen

    def start(self, jobs: Sequence[Job], driver: Driver, hold_s: float = 0) -> dict[str, Seen]:
        """Start what is staged by this boot and has no claim; come back with the claims, or at the first end."""
        return self._each(jobs, lambda group: self._dialect.start(group, driver, hold_s, self._known(group)))

    def look(self, jobs: Sequence[Job], hold_s: float = 0.0) -> dict[str, Seen]:
        """Where each attempt stands; with ``hold_s`` as soon as one ends whose end was not told before."""
        before = {job.dir: seen for job in jobs if (seen := self._running.get(job.dir)) is not None}
        return self._each(jobs, lambda group: self._dialect.look(group, hold_s, self._known(group), before), before)

    def fence(self, jobs: Sequence[Job], by: str = "autolab") -> dict[str, Seen]:
        """Nothing can start under these attempts any more, or somebody has the claim: the sighting says which."""
        return self._each(jobs, lambda group: self._dialect.fence(group, by, self._clock()))

    def signal(self, jobs: Sequence[Job]) -> dict[str, Seen]:
        """TERM to all of theirs, KILL to what is left after the grace; at once where they obey."""
        return self._each(jobs, self._dialect.signal)

    def collect(self, job: Job, into: Path) -> Collected:
        """Files of one attempt; see ``collect_all``. raises OutsideFailed: nothing was brought."""
        return self.collect_all([job], into)[job.id]

    def collect_all(self, jobs: Sequence[Job], into: Path) -> dict[str, Collected]:
        """Log, run.json and result of these attempts as ``into/<ID>/<kind>``, by id, in one request.

        raises  OutsideFailed where the host did not answer or a file changed while it was read: nothing was brought
                DiskFailed where our own disk did not take it
        """
        found: dict[str, Collected] = {}
        for group in _by_root(jobs, lambda job: job):
            found |= collect_all(self._connection, self._dialect.collect(group), group, into)
        return found

    def skim(self, jobs: Sequence[Job]) -> dict[str, tuple[int, bytes]]:
        """Where the new bytes of each log begin, and those bytes, in one request; raises OutsideFailed."""
        found: dict[str, tuple[int, bytes]] = {}
        for group in _by_root(jobs, lambda job: job):
            found |= self._dialect.read_skim(self._connection.ask(self._dialect.skim(group)), group)
        return found

    def tail(self, job: Job, offset: int = 0, max_bytes: int = 65536) -> bytes:
        """Bytes of the log from ``offset``; raises OutsideFailed."""
        return self._dialect.read_tail(self._connection.ask(self._dialect.tail(job, offset, max_bytes)))

    def holds(self, lab_dir: str, driver: Driver | None = None) -> Holding:
        """Every attempt of a lab that the host holds, after it follows ``driver``; raises OutsideFailed: not known."""
        return self._dialect.read_holds(self._connection.ask(self._dialect.holds(lab_dir, driver)))

    def hello(self) -> Seen:
        """Whether the host is there, and who it is: a question that does nothing."""
        try:
            facts = self._dialect.read_hello(self._connection.ask(self._dialect.hello()))
        except OutsideFailed as error:
            return self._silence(error)
        return Seen(Look.SEEN, self._clock(), host=facts)

    def lease(self, lab_dir: str, number: int = 0, line: str = "") -> tuple[int, str]:
        """The lease of a lab whose anchor this host is: number and line, 0 where there is none; raises OutsideFailed.

        number  above 0: first take it with ``line``; whoever is first has it, so what comes back says whose it is
        """
        return self._dialect.read_lease(self._connection.ask(self._dialect.lease(lab_dir, number, line)))

    def cards(self, probe: str, card_dir: str, names: Sequence[str] = ()) -> CardReport:
        """The host's GPUs as they are now; raises OutsideFailed where it did not answer: nothing is known of them."""
        at = self._clock()
        return self._dialect.read_cards(self._connection.ask(self._dialect.cards(probe, card_dir)), at, names)

    def probe(self, state_dir: str) -> Probe:
        """Prove the host by a real claim below ``state_dir``; raises OutsideFailed where it does not answer."""
        host, checks = self._dialect.read_check(self._connection.ask(self._dialect.check(probing.lab_dir(state_dir))))
        if all(check.ok for check in checks if check.name not in OPTIONAL):
            with tempfile.TemporaryDirectory() as scratch:
                checks = [*checks, *probing.claims(self, state_dir, Path(scratch))]
        return Probe(host, tuple(checks))

    def _stage(self, orders: Sequence[StageOrder]) -> dict[str, Seen]:
        jobs = [order.job for order in orders]
        request = self._dialect.stage(orders)
        try:
            reply = self._connection.ask(request)
            lacking = self._dialect.read_lacking(reply, orders)
            if not lacking:
                return self._dialect.read(reply, jobs, self._clock())
            for code in lacking:
                why = self._place(code)
                if why:
                    return self._dialect.read_unplaced(reply, jobs, self._clock(), why)
        except OutsideFailed as error:
            return self._silent(jobs, error)
        return self._asked(jobs, request)

    def _place(self, code: Code) -> str:
        try:
            size = code.archive.stat().st_size
        except OSError as error:
            raise DiskFailed(f"the archive of the code cannot be read: {error}") from error
        return self._dialect.read_placed(self._connection.ask(self._dialect.place(code, size)))

    def _each(
        self,
        jobs: Sequence[Job],
        request: Callable[[Sequence[Job]], Request],
        before: Mapping[str, Seen] = NOTHING_BEFORE,
    ) -> dict[str, Seen]:
        seen: dict[str, Seen] = {}
        for group in _by_root(jobs, lambda job: job):
            seen |= self._asked(group, request(group), before)
        for job in jobs:
            self._remember(job.dir, seen[job.id])
        return seen

    def _known(self, jobs: Sequence[Job]) -> frozenset[str]:
        return frozenset(job.dir for job in jobs if job.dir in self._told)

    def _remember(self, folder: str, seen: Seen) -> None:
        if seen.exit is not None or seen.refused:
            self._told[folder] = None
            if len(self._told) > TOLD:
                self._told.pop(next(iter(self._told)), None)
        if seen.look is Look.SEEN and seen.runs:
            self._running[folder] = seen
        else:
            self._running.pop(folder, None)

    def _asked(
        self, jobs: Sequence[Job], request: Request, before: Mapping[str, Seen] = NOTHING_BEFORE
    ) -> dict[str, Seen]:
        try:
            return self._dialect.read(self._connection.ask(request), jobs, self._clock(), before)
        except OutsideFailed as error:
            return self._silent(jobs, error)

    def _silent(self, jobs: Sequence[Job], error: OutsideFailed) -> dict[str, Seen]:
        seen = self._silence(error)
        return {job.id: seen for job in jobs}

    def _silence(self, error: OutsideFailed) -> Seen:
        reason = error.message.removeprefix(f"{self._connection.host}: ")
        return Seen(LOOK_OF.get(type(error), Look.NO_ANSWER), self._clock(), reason=reason)


def look_of(error: OutsideFailed) -> Look:
    """What a question that brought no whole answer was; whatever is not known to be more is only no answer."""
    return LOOK_OF.get(type(error), Look.NO_ANSWER)


def _by_root(things: Sequence[T], job_of: Callable[[T], Job]) -> list[list[T]]:
    groups: dict[str, list[T]] = {}
    for thing in things:
        groups.setdefault(root_of(job_of(thing)), []).append(thing)
    return list(groups.values())
