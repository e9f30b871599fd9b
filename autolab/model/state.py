"""Experiments as they stand: the seven statuses, an entry, an attempt, a host, and all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from autolab.model.card import CardNotes, GivenCard
from autolab.model.notice import Notice
from autolab.model.observation import Claim, HostFacts
from autolab.model.readiness import Readiness


class Status(StrEnum):
    """The seven words that stand on disk."""

    __hash__ = str.__hash__  # an enum's own is Python code, and every tick asks of every entry whether it has ended

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ON_HOLD = "on_hold"
    UNREACHABLE = "unreachable"


TERMINAL: Final = frozenset({Status.DONE, Status.FAILED, Status.CANCELLED})
PARKED: Final = frozenset({Status.ON_HOLD, Status.UNREACHABLE})
ACTIVE: Final = frozenset({Status.PENDING, Status.RUNNING})


@dataclass(frozen=True, slots=True)
class Resources:
    """What one run needs; ``mem_mib`` and ``walltime_s`` None: not asked."""

    cpus: int = 1
    gpus: int = 0
    mem_mib: int | None = None
    walltime_s: float | None = None
    gpu_mem_mib: int | None = None  # of each card
    gpu_share: int | None = None  # how many may be on its card with it; None: as its host says


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStep:
    """What a healthy run prints soon after its start: each of ``patterns``, in ``within_s`` seconds."""

    patterns: tuple[str, ...]
    within_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """An experiment as designed: what to run. ``extra`` holds the keys autolab does not act on, kept as they came."""

    id: str
    command: str
    expected_duration_hours: float
    phase: str
    group: str
    method: str
    dataset: str
    seed: int
    host: str | None = None  # a host's name, a pattern such as gpu*, or None: any
    gpu: int | str | None = None
    executor: str = "autolab"  # or "external": never launched by us
    depends_on: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    result_file: str | None = None  # relative to the project
    checkpoint_dir: str | None = None
    resume: str = ""  # the word that makes the command go on from its checkpoints
    max_retries: int = 3
    priority: int = 0
    stage: int = 1
    first_step: FirstStep | None = None
    notes: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


class EndHow(StrEnum):
    """What proves that an attempt is over (protocol, section 4)."""

    EXIT = "exit"  # its exit record
    CARD_TAKEN = "card_taken"  # nothing started: a card it was given had become somebody else's
    REFUSED = "refused"  # the claim's own child never became the command
    FENCED = "fenced"  # nothing ever started, nothing can
    LOST = "lost"  # killed with its runner; code unknown
    HOST_RESTART = "host_restart"
    ABANDONED = "abandoned"  # a person gave it up
    WITHDRAWN = "withdrawn"  # nothing of it was ever said to the host
    ACCOUNTING = "accounting"
    SAID = "said"  # an external executor's word


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How an attempt ended. ``status`` is the shell's, None where it cannot be known."""

    how: EndHow
    at: datetime
    status: int | None = None
    detail: str = ""
    ran_s: float | None = None  # by the host's own clock, from the command's start to its end
    survivors: int = 0  # processes of its own that were alive after a normal end
    causes: tuple[str, ...] = ()  # words of its kernel, disks or scheduler about it, where these can be read

    @property
    def by_host(self) -> bool:
        """Not the experiment's fault: not charged to its retries."""
        return self.how in {EndHow.REFUSED, EndHow.FENCED, EndHow.HOST_RESTART, EndHow.WITHDRAWN, EndHow.CARD_TAKEN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One attempt: one launch, one folder on one host, one claim. Never reopened once ``end`` is set."""

    number: int
    host: str
    dir: str  # RUN on the host
    project_dir: str  # the project's folder on the host
    token: str
    spec_hash: str
    code: str  # content hash of the snapshot it runs from
    commit: str = ""  # holds exactly that code; empty: no repository
    base: str = ""  # what was checked out; another than ``commit`` where something was not committed
    command: str
    env: Mapping[str, str] = field(default_factory=dict)  # what remedies changed, beside the spec's
    gpus: tuple[str, ...] = ()
    cards: tuple[GivenCard, ...] = ()  # the same, as its host and the job know them
    card_probe: str = ""  # the tool that told of them
    vram_mib: int | None = None  # estimate of what it takes of each card, and what that rests on
    vram_basis: str = ""
    peak_mib: int | None = None  # most it was seen to take of a card
    intended_at: datetime
    staged_boot: str | None = None
    staged_at: datetime | None = None
    starts: int = 0  # start requests sent so far
    last_start_at: datetime | None = None
    claim: Claim | None = None
    started_at: datetime | None = None
    seen_at: datetime | None = None  # our clock, when the host last said something about it that was recorded
    gone_at: datetime | None = None  # our clock, first look that found nothing of it alive
    fence_asked: bool = False
    noticed: tuple[str, ...] = ()  # kinds of failure that its log spoke of while it ran
    stopping: str = ""  # the kind for which its processes are to be ended
    kills: int = 0  # times its processes were to be signalled
    last_kill_at: datetime | None = None
    end: End | None = None
    fetched_at: datetime | None = None  # our clock, when the collector last said what it found
    collected: bool = False
    judged: bool = False  # a verdict was given on this attempt
    adopted: bool = False  # it watches a process that ran before: never a reason to start the command
    marks: Mapping[str, float] = field(default_factory=dict)  # reason -> level at which patience last asked about it


Stamp = tuple[int, str]  # seq and digest of a word: the greater holds
_OF_THE_LAST_WORD: Final[Mapping[str, Stamp]] = {}  # one for all: nearly every layer is whole


@dataclass(slots=True)  # not frozen, which would triple what it costs to make one: a storm brings ten thousand
class Layer:
    """What one authority says of an attempt. Never changed, only replaced (``model.layers``).

    seq, digest  of the greatest word that any key holds from
    values       key -> value; of each key the value of the greatest word that spoke of it
    older        key -> stamp of its word, for keys that hold from a smaller one than that
    """

    seq: int
    digest: str
    values: Mapping[str, Any]
    older: Mapping[str, Stamp] = field(default_factory=lambda: _OF_THE_LAST_WORD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A decision by a person that stands over verdicts: what, who, when, why."""

    what: str  # cancel, hold, restart
    by: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopting:
    """A process that ran before autolab came. ``start_ticks``: its start, field 22 of /proc/<pid>/stat."""

    host: str
    pid: int
    start_ticks: int
    log: str = ""  # a file on the host that it writes to
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An experiment's line in the state. Changed by ``transitions.apply`` only."""

    spec: Spec
    status: Status = Status.PENDING
    substatus: str = ""  # finer than the seven: launching, starting, collecting, cancelling, waiting ...
    since: datetime
    added_at: datetime
    attempt: int = 0  # launches so far: folders, logs, fences
    retry_count: int = 0  # failures charged to the experiment
    not_before: datetime | None = None
    command: str = ""  # of the next attempt, where a remedy changed it
    env: Mapping[str, str] = field(default_factory=dict)
    tried: tuple[str, ...] = ()  # commands of its attempts since it was designed or last asked for, the newest last
    avoid: tuple[str, ...] = ()  # hosts whose fault ended the attempts since it last failed by its own
    failures: Mapping[str, int] = field(default_factory=dict)  # kind -> attempts that were made because of it
    run: Run | None = None  # the current or last attempt
    layers: Mapping[str, Layer] = field(default_factory=dict)  # authority -> what it says of the current attempt
    seen: Mapping[str, str] = field(default_factory=dict)  # authority -> digest last taken in
    decision: Remark | None = None
    question: str = ""  # id of the open question about it
    kind: str = ""  # of the last failure
    why: str = ""  # one line: the last thing that moved it
    finished_at: datetime | None = None
    result: Mapping[str, Any] | None = None  # the checked result: path, sha256, bytes, asserted
    archived: bool = False
    adopting: Adopting | None = None  # what the next attempt is to watch instead of starting its command

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def open_run(self) -> Run | None:
        """The attempt that may still be alive somewhere, if there is one."""
        return self.run if self.run is not None and self.run.end is None else None

    @property
    def closed_run(self) -> Run | None:
        """The attempt that is over and on which no verdict was given yet, if there is one."""
        run = self.run
        return run if run is not None and run.end is not None and not run.judged else None


class HostStatus(StrEnum):
    """What autolab may do with a host now."""

    UNKNOWN = "unknown"
    READY = "ready"
    UNREACHABLE = "unreachable"
    TROUBLED = "troubled"  # answers, and cannot take work now: a full disk, say; asked again later
    REFUSED = "refused"  # login or key: waits for a person
    QUARANTINED = "quarantined"
    DRAINED = "drained"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """A host as the lab has come to know it."""

    name: str
    status: HostStatus = HostStatus.UNKNOWN
    since: datetime | None = None
    why: str = ""
    facts: HostFacts = field(default_factory=HostFacts)
    misses: int = 0  # looks in a row without an answer
    missed_at: datetime | None = None  # the last of them
    not_before: datetime | None = None  # no new login before
    cards: CardNotes | None = None  # None: never asked
    failures: tuple[str, ...] = ()  # experiments that lately ended there by its fault or within a minute
    removed_at: datetime | None = None  # when autolab.yaml was seen without it while attempts were open there


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer to a question: its word, and what follows from it."""

    name: str
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A piece of what was seen when it was asked: ``log``, ``end``, ``host``, ``code``, ``commands`` ..."""

    what: str
    text: str


def experiment_of(about: str) -> str:
    """The experiment that a question is about; empty for ``host:h1``, ``group:main`` and the like."""
    return "" if ":" in about else about


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person must decide. Immutable once asked, but for how often it came up again; ``digest`` is what an answer
    is bound to."""

    id: str  # <experiment or host>-<n>
    about: str  # an experiment's id, or host:<name>, phase:<name>, group:<name>
    reason: str  # a reason code of requirements.md
    seen: str
    did: str
    options: tuple[Option, ...]
    asked_at: datetime
    attempt: int = 0
    default: str | None = None
    due_at: datetime | None = None
    digest: str = ""
    evidence: tuple[Evidence, ...] = ()
    again: int = 0  # times that it came up again while it was open
    again_at: datetime | None = None
    again_seen: str = ""  # what was seen the last time


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """What is remembered of a phase or group between two questions: since when it counts, how far it went."""

    since: datetime | None = None
    level: float = 0.0


@dataclass(slots=True)
class DispatchState:
    """Everything the journal says, folded. ``fold`` of ``transitions`` is the only writer."""

    project: str
    lab: str
    updated: datetime | None = None
    seq: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)
    hosts: dict[str, HostState] = field(default_factory=dict)
    readiness: dict[str, Readiness] = field(default_factory=dict)  # of hosts that were checked
    questions: dict[str, Question] = field(default_factory=dict)  # open ones
    codes: dict[str, str] = field(default_factory=dict)  # open question -> hash of the code that answers it
    answered: dict[str, str] = field(default_factory=dict)  # lately closed: id -> what, by whom, when
    asked: dict[str, int] = field(default_factory=dict)  # about -> how many were ever asked
    wishes: dict[str, str] = field(default_factory=dict)  # lately settled: id -> outcome
    unreadable: dict[str, str] = field(default_factory=dict)  # path -> digest reported
    driver: int = 0  # number of the lease we hold
    patience: dict[str, Patience] = field(default_factory=dict)  # phase:<name>, group:<name> -> its clock
    notices: dict[str, Notice] = field(default_factory=dict)  # seq -> what people were lately told
    announced: dict[str, str] = field(default_factory=dict)  # a notice's key -> its last summary
