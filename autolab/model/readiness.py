"""Whether a host can run what is sent there: what a check found, and how far the lab is with finding out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from autolab.model.observation import Sighting


class Step(StrEnum):
    """What of a check did not succeed."""

    LOGIN = "login"  # it gave no answer, or none that is of use: it is asked again when it may be
    HOST = "host"  # what jobs need of the machine itself
    ENTER = "enter"  # the environment is not there and nothing says how to make it, or looking into it failed
    CREATE = "create"
    INSTALL = "install"
    DRY_RUN = "dry_run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. ``verdict``: ok, warn or fail."""

    name: str
    verdict: str
    found: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReport:
    """What one check found. ``failed`` None: the host is ready.

    output   the last 20 lines of the step that failed
    dry_run  whether the sample ran through; None: not tried, or the command knows neither of our two flags
    cards    indices the host lists; None: not asked or no answer;  method: how they were found out
    """

    failed: Step | None = None
    why: str = ""
    output: str = ""
    findings: tuple[Finding, ...] = ()
    python: str | None = None
    torch: str | None = None
    cuda: bool | None = None
    dry_run: bool | None = None
    cards: tuple[str, ...] | None = None
    method: str = ""
    conda_env: str | None = None
    project_dir: str = ""
    notes: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        return self.failed is None

    @property
    def may_help(self) -> bool:
        """Whether another try can end otherwise: what was downloaded may be there next time."""
        return self.failed in {Step.ENTER, Step.CREATE, Step.INSTALL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """How a check went: with ``report`` the host answered to the end, else ``sighting`` says what kept it from that."""

    host: str
    number: int
    sighting: Sighting
    report: HostReport | None = None


class Stage(StrEnum):
    """How far the lab is with one host."""

    WANTED = "wanted"  # to be checked as soon as it may be asked
    CHECKING = "checking"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What the lab knows of a host's being ready.

    number       checks begun so far; it names the check's work on the host, so that no try is begun twice
    tries        of them in this row, since it was asked for or since environment or code changed
    environment  hash of the environment's settings and of what it is made from;  code: the snapshot it was tried with
    wanted_by    who asked; empty: the engine itself;  asked_at: when somebody asked last
    sample       experiment whose command is tried; empty: none is
    """

    host: str
    stage: Stage
    since: datetime
    number: int = 0
    tries: int = 0
    environment: str = ""
    code: str = ""
    wanted_by: str = ""
    asked_at: datetime | None = None
    thorough: bool = False
    dry_run: bool = False
    sample: str = ""
    not_before: datetime | None = None
    checked_at: datetime | None = None
    valid_until: datetime | None = None
    cards_until: datetime | None = None
    report: HostReport | None = None
