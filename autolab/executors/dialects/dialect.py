"""What every job system must be able to say and to understand. Text out, text in: a dialect does no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from autolab.model.action import Code, Driver, Job, StageOrder
from autolab.model.card import CardReport
from autolab.model.command import Reply, Request
from autolab.model.holding import Holding
from autolab.model.observation import HostFacts, Liveness, Sighting


@dataclass(frozen=True, slots=True)
class Seen(Sighting):
    """A sighting, and what an ended attempt brought along because it was small.

    log       all of out.log; None: not brought, ask by ``collect`` or ``tail`` (an empty log is ``b""``)
    run_json  ``dispatch/<ID>.run.json`` as the job left it; None: none, or over 64 KiB
    """

    log: bytes | None = None
    run_json: bytes | None = None

    @property
    def runs(self) -> bool:
        """It has its claim, child and runner are alive, and nothing is odd about it."""
        alive = self.child is Liveness.ALIVE and self.runner is Liveness.ALIVE
        return alive and self.claim is not None and self.exit is None and not self.refused and not self.garbled


NOTHING_BEFORE: Final[Mapping[str, Seen]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Collected:
    """Files of one attempt, each whole and of the size and sha256 that the host named; None: not there.

    cause  what the host's kernel and disks say of one that did not end with status 0: ``causes.read_causes``
    log  only the bytes behind ``Job.log_from``, at most 64 MiB of them
    """

    log: Path | None = None
    run_json: Path | None = None
    cause: Path | None = None
    result: Path | None = None
    result_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a host can or cannot do, in a word, and the words for a person."""

    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a real claim proved about a host. ``ok``: it can run jobs."""

    host: HostFacts
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks if check.name not in OPTIONAL)


OPTIONAL = frozenset({"machine", "short_sleep"})  # a host without these runs jobs all the same


class Dialect(Protocol):
    """Orders -> Request, Reply -> what was seen. Each request speaks of one lab folder and may be repeated."""

    def place(self, code: Code, size: int) -> Request:
        """``size``: bytes of the archive, for the deadline."""
        ...

    def stage(self, orders: Sequence[StageOrder]) -> Request: ...

    def start(self, jobs: Sequence[Job], driver: Driver, hold_s: float, known: frozenset[str]) -> Request: ...

    def look(
        self,
        jobs: Sequence[Job],
        hold_s: float,
        known: frozenset[str],
        before: Mapping[str, Seen] = NOTHING_BEFORE,
    ) -> Request:
        """One look.

        known   folders whose end was already told, and is no reason to answer early
        before  folder -> the last sighting of what was seen running: a word is answer enough while it still does
        """
        ...

    def fence(self, jobs: Sequence[Job], by: str, at: datetime) -> Request: ...

    def signal(self, jobs: Sequence[Job]) -> Request: ...

    def collect(self, jobs: Sequence[Job]) -> Request: ...

    def tail(self, job: Job, offset: int, max_bytes: int) -> Request: ...

    def check(self, lab_dir: str) -> Request: ...

    def cards(self, probe: str, card_dir: str) -> Request:
        """What the host's GPUs are, who is on them and who reserved them; ``probe``: the tool to ask, or auto."""
        ...

    def holds(self, lab_dir: str, driver: Driver | None) -> Request:
        """What the host holds of the lab; with ``driver`` it follows that one first, and starts nothing of others."""
        ...

    def hello(self) -> Request:
        """A question that does nothing."""
        ...

    def read_hello(self, reply: Reply) -> HostFacts: ...

    def lease(self, lab_dir: str, number: int, line: str) -> Request:
        """Who may launch for the lab whose anchor this is; a ``number`` above 0 is first taken with ``line``."""
        ...

    def read_lease(self, reply: Reply) -> tuple[int, str]:
        """The greatest number and its line; 0 and "" where there is none."""
        ...

    def read(
        self, reply: Reply, jobs: Sequence[Job], at: datetime, before: Mapping[str, Seen] = NOTHING_BEFORE
    ) -> dict[str, Seen]:
        """Sightings by id; ``before`` as it was given to ``look``.

        raises  UnreadableReply where the whole makes no sense
        """
        ...

    def read_lacking(self, reply: Reply, orders: Sequence[StageOrder]) -> list[Code]:
        """The snapshots that staging did not find on the host."""
        ...

    def read_placed(self, reply: Reply) -> str:
        """ "" when the snapshot is there, else why not."""
        ...

    def read_unplaced(self, reply: Reply, jobs: Sequence[Job], at: datetime, why: str) -> dict[str, Seen]:
        """Sightings after a snapshot could not be made: what is not staged could not be staged, and ``why``."""
        ...

    def skim(self, jobs: Sequence[Job]) -> Request:
        """New bytes of these logs, from each ``Job.log_from`` on."""
        ...

    def read_skim(self, reply: Reply, jobs: Sequence[Job]) -> dict[str, tuple[int, bytes]]:
        """Where the new bytes of each log begin, and those bytes; raises UnreadableReply."""
        ...

    def read_tail(self, reply: Reply) -> bytes: ...

    def read_holds(self, reply: Reply) -> Holding: ...

    def read_cards(self, reply: Reply, at: datetime, names: Sequence[str] = ()) -> CardReport:
        """``names``: those the host goes by, for a tool that speaks of several."""
        ...

    def read_check(self, reply: Reply) -> tuple[HostFacts, list[Check]]: ...
