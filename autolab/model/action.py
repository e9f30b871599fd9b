"""What the engine wishes done on hosts. Each batch goes to one host as one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autolab.model.card import CARD_DIR, GivenCard


@dataclass(frozen=True, slots=True)
class Driver:
    """Who launches for a lab: the number of its lease, which only grows, and the clone that holds it."""

    number: int
    clone: str


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt, as every request names it. ``dir`` is RUN, absolute or beginning with ``~/``."""

    lab: str
    id: str
    attempt: int
    dir: str
    token: str
    spec_hash: str
    project_dir: str
    result_file: str | None = None  # relative to project_dir
    log_from: int = 0  # bytes of out.log that we already have
    cards: tuple[GivenCard, ...] = ()
    card_probe: str = ""  # the tool that lists who is on them
    card_dir: str = CARD_DIR  # where they are reserved on the host


@dataclass(frozen=True, slots=True)
class Code:
    """A snapshot of the project's files: what an attempt's command starts in, never changed once it is there.

    archive  a local tar of it; links: name in the snapshot -> absolute or ``~/`` target on the host, for results,
             checkpoints, logs and declared data, which live in the project's folder there
    """

    digest: str
    dir: str
    archive: Path
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StageOrder:
    """Everything that RUN holds before anything starts. ``cmd`` is the shell text of environment and command."""

    job: Job
    code: Code
    cmd: str
    env: Mapping[str, str]
    spec_json: str


class Action:
    """A wish to a host; ``host`` names it. Performed outside every lock; what came of it returns in sidecars."""

    __slots__ = ()
    host: str
    why: str


@dataclass(frozen=True, slots=True)
class Stage(Action):
    host: str
    ids: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Start(Action):
    host: str
    ids: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Watch(Action):
    """Look at these attempts; with ``hold_s`` the host answers when one has ended, or after that time."""

    host: str
    ids: tuple[str, ...]
    hold_s: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Fence(Action):
    host: str
    ids: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Signal(Action):
    """TERM to all of these attempts' processes, KILL after 10 s; never to a runner."""

    host: str
    ids: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Collect(Action):
    """Bring result, log and run.json of these ended attempts back."""

    host: str
    ids: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Check(Action):
    """Find out whether the host can run what is sent there, and make its environment where it is missing."""

    host: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Hello(Action):
    """Ask the host whether it is there; nothing is done and no experiment is concerned."""

    host: str
    ids: tuple[str, ...] = ()
    why: str = ""


HOST_ACTIONS = (Stage, Start, Watch, Fence, Signal, Collect)
