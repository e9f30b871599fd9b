"""What was seen: of a host, of an attempt's folder there, of a file that an executor wrote. Facts, no verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Who answered. Compared with what a claim says before anything is concluded from a missing process."""

    boot_id: str = ""
    machine_id: str = ""
    node: str = ""
    pid_ns: str = ""
    uptime_s: float = 0.0
    gpus: tuple[str, ...] | None = None  # indices the vendor's tool lists; None: not asked or no answer


@dataclass(frozen=True, slots=True)
class Claim:
    """The one record that lets an attempt's command run, as the child wrote it on the host."""

    nonce: str
    lab: str
    id: str
    attempt: int
    spec_hash: str
    pid: int
    start_ticks: int
    runner_pid: int
    runner_start_ticks: int
    boot_id: str
    pid_ns: str
    machine_id: str
    node: str


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """How the command ended, as its runner saw it: the shell's status, above 128 that signal *or* that code."""

    nonce: str
    status: int
    at: str = ""  # the host's clock, for people
    uptime_s: float = 0.0
    peak_mib: float | None = None
    ooms: int = 0  # processes of its cgroup that the kernel ended for want of memory while it ran


class Liveness(StrEnum):
    """Of a process that a claim names; zombies count as gone; UNKNOWN where we could not look."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"


class Look(StrEnum):
    """What kind of answer a look at one attempt was."""

    SEEN = "seen"  # the host answered about this folder: the other fields hold
    UNREACHABLE = "unreachable"  # nothing was said there
    NO_ANSWER = "no_answer"  # asked, no whole answer
    REFUSED = "refused"  # login or host key
    UNREADABLE = "unreadable"  # answered nonsense
    NO_SPACE = "no_space"  # staging failed: the host's disk is full
    CANNOT = "cannot"  # staging failed for a reason that stands in ``reason``
    NOT_DRIVER = "not_driver"  # the host follows a higher lease, or another clone


NOTHING_SAID: Final = frozenset({Look.UNREACHABLE, Look.REFUSED})  # it ended before a word of ours reached the host


@dataclass(frozen=True, slots=True)
class Sighting:
    """One look at one attempt. ``look`` says whether the rest means anything.

    run          the attempt's folder is there
    staged_boot  boot id in ``staged``; None: not staged
    claim        what ``claim`` holds; None: no claim; ``fenced``: ours, nothing can ever start
    garbled      a claim or record that is there and makes no sense, in words
    refused      why the claim's own child could not become the command
    refusals     how many children said so without owning the claim
    exit         the exit record of the claim's nonce
    child, runner  the processes that the claim names, on this boot and pid namespace
    others       processes of ours beside these two: the claim's session, or with its nonce in their environment; at
                 an end those that outlived it, in the first look that tells it
    unreadable   processes of this user younger than the claim whose environment cannot be read
    result       the declared result file: "" not declared, ``absent``, ``stale``, ``fresh``
    log_size     bytes in out.log
    """

    look: Look
    at: datetime
    reason: str = ""
    host: HostFacts = field(default_factory=HostFacts)
    run: bool = False
    staged_boot: str | None = None
    claim: Claim | None = None
    fenced: bool = False
    garbled: str = ""
    refused: str = ""
    refusals: int = 0
    exit: ExitRecord | None = None
    child: Liveness = Liveness.UNKNOWN
    runner: Liveness = Liveness.UNKNOWN
    others: int = 0
    unreadable: int = 0
    result: str = ""
    log_size: int = 0
    looks: int = 0  # at this attempt so far, this one included ...
    missed: int = 0  # ... and those of them that brought no answer
    ran_s: float = 0.0  # by the host's own clock, since the command began; 0: not known
    grew_at: datetime | None = None  # our clock, when its log was first seen to be as long as it is
    untouched: bool = False  # nothing of this attempt was ever said to the host, this look included


class Authority(StrEnum):
    """Who speaks of an experiment; who stands higher is believed about how it ended."""

    EXIT = "exit"
    ACCOUNTING = "accounting"
    EXECUTOR = "executor"
    SCRIPT = "script"
    AGENT = "agent"


@dataclass(slots=True)  # not frozen, which would triple what it costs to make one: a storm brings ten thousand
class Sidecar:
    """What one executor says of one experiment: a file read whole, parsed and checked, as cells.

    seq      None where the writer gave none: the merge gives it the next one if ``digest`` is new
    attempt  None where the writer gave none
    cells    key -> value; an absent key is not in it, a null is None
    digest   of the content, so that the same one twice is no news
    """

    id: str
    authority: Authority
    cells: Mapping[str, Any]
    digest: str
    attempt: int | None = None
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Escalation:
    """What an agent wrote into ``progress/escalate_<ID>.md`` because it needs somebody."""

    id: str
    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A sidecar (or another file people and agents write) that could not be taken in."""

    path: str
    reason: str
    digest: str = ""  # of what was there, so that it is reported once
    id: str = ""  # the experiment it would speak of, if any
