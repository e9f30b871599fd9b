"""Every setting with its default, its unit and what it does: what ``autolab.yaml`` may say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from autolab.errors import UnknownName
from autolab.model.border import Border, Flag, Number, Whole, Word
from autolab.model.check_settings import CheckSettings
from autolab.model.failure_settings import KindSettings, Pattern
from autolab.model.formula import parse_formula
from autolab.model.host import AvoidedGpu, HostName, HostSettings, LocalHost, NearPath, SshHost, Variable
from autolab.model.notice import USUAL, known_pattern
from autolab.model.patience_settings import AnswerSettings, PatienceSettings
from autolab.model.units import Duration, MemoryMib
from autolab.model.values import EnvMap

_SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _project(text: str) -> str:
    if not _SLUG.fullmatch(text) or ".." in text:
        raise ValueError("is not well-formed\n1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit")
    return text


def _formula(text: str) -> str:
    parse_formula(text)
    return text


def _some_host(hosts: dict[str, HostSettings]) -> dict[str, HostSettings]:
    if not hosts:
        raise ValueError("names no host\nname at least one, such as `local: {kind: local}`")
    return hosts


def _here() -> dict[str, HostSettings]:
    return {"local": LocalHost(kind="local")}


class SshSettings(Border):
    """How SSH hosts are reached."""

    config: NearPath | None = Field(default=None, description="OpenSSH configuration file; default: ~/.ssh/config.")


class Secret(Border):
    """Where a secret is kept; exactly one of the three. Its value never stands in a file of the project."""

    variable: Variable | None = Field(default=None, description="An environment variable of the engine.")
    file: NearPath | None = Field(default=None, description="A file that only its owner may read (mode 0600).")
    command: tuple[Word, ...] | None = Field(
        default=None,
        min_length=1,
        description="A program and its arguments, run without a shell; its first line is the value.",
    )

    @model_validator(mode="before")
    @classmethod
    def _no_value(cls, given: Any) -> Any:
        if not isinstance(given, (dict, Secret)):
            raise ValueError("holds a value, which does not belong into a file\nsay where it is kept: {variable: NAME}")
        return given

    @model_validator(mode="after")
    def _one(self) -> Secret:
        if sum(each is not None for each in (self.variable, self.file, self.command)) != 1:
            raise ValueError("needs exactly one of `variable`, `file`, `command`")
        return self


class Notifier(Border):
    """Somebody who is told what happens: over a service that apprise knows, named by a URL that is a secret."""

    name: HostName = Field(description="What this notifier is called.")
    url: Secret = Field(description="Where its apprise URL is kept, such as {variable: TELEGRAM_URL}.")
    events: tuple[Annotated[Word, AfterValidator(known_pattern)], ...] = Field(
        default=USUAL, min_length=1, description="Kinds of notice it is sent, by name or pattern such as phase_*."
    )


def _named_once(notifiers: tuple[Notifier, ...]) -> tuple[Notifier, ...]:
    names = [notifier.name for notifier in notifiers]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"names {', '.join(twice)} twice\ngive each notifier a name of its own")
    return notifiers


class Links(Border):
    """Pages that notices lead to."""

    dashboard: Word | None = Field(default=None, description="Address of a page that shows this lab.")
    wandb: Word | None = Field(default=None, description="Address of its wandb project; default: as runs report it.")


class ResourceSettings(Border):
    """What one run needs."""

    cpus: Whole = Field(default=1, ge=1, le=100_000, description="Processor cores.")
    gpus: Whole = Field(default=0, ge=0, le=1024, description="GPUs.")
    mem: MemoryMib | None = Field(default=None, description="Memory, with a unit: 32GB.")
    walltime: Duration | None = Field(default=None, description="Longest run, with a unit: 2h, or HH:MM:SS.")
    gpu_mem: MemoryMib | None = Field(default=None, description="Memory it takes of each GPU, with a unit: 6GB.")
    gpu_share: Whole | None = Field(
        default=None, ge=1, le=64, description="How many may be on its GPU with it; default: the host's gpu_share."
    )


def phase_text(value: object) -> str:
    """A phase as readers see it: the text as it came; ``4`` for the number 4."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError("must be text or a whole number")
    text = str(value).strip()
    if not text or not text.isprintable():
        raise ValueError("must be one line of text")
    return text


Phase = Annotated[str, BeforeValidator(phase_text), WithJsonSchema({"type": ["string", "integer"]})]
Group = Literal["main", "baseline", "ablation", "analysis"]
Hours = Annotated[Number, Field(gt=0, le=100_000)]


class FirstStepSettings(Border):
    """What a healthy run prints soon after its start; where it does not, a person is asked."""

    patterns: tuple[Pattern, ...] = Field(min_length=1, max_length=20, description="Each must occur in a line.")
    within: Duration = Field(default=timedelta(minutes=10), description="After its start.")


class Defaults(Border):
    """What an experiment gets that does not say it itself."""

    phase: Phase | None = Field(default=None, description="Phase of the study, kept as written.")
    expected_duration_hours: Hours | None = Field(default=None, description="Hours a run should take.")
    group: Group | None = Field(default=None, description="main, baseline, ablation or analysis.")
    method: Word | None = Field(default=None, description="Method under test.")
    dataset: Word | None = Field(default=None, description="Data set.")
    executor: Literal["autolab", "external"] = Field(
        default="autolab", description="Who runs it; external: never launched by autolab."
    )
    host: Word | None = Field(default=None, description="A host's name or a pattern such as gpu*; default: any.")
    env: EnvMap = Field(default_factory=dict, description="Environment variables of every command.")
    resources: ResourceSettings = Field(default_factory=ResourceSettings, description="What one run needs.")
    max_retries: Whole = Field(default=3, ge=0, le=1000, description="Failures that are tried again.")
    priority: Whole = Field(default=0, ge=-1_000_000, le=1_000_000, description="Greater goes first.")
    first_step: FirstStepSettings | None = Field(default=None, description="What a run prints soon after its start.")
    stage: Whole = Field(default=1, ge=1, le=1000, description="A stage waits for the one before it.")


class Policies(Border):
    """How the engine paces itself, when it gives up, and what it refuses."""

    look_fastest: Duration = Field(default=timedelta(seconds=10), description="Between looks while something happens.")
    look_slowest: Duration = Field(default=timedelta(seconds=120), description="Between looks while nothing happens.")
    look_held: Duration = Field(default=timedelta(seconds=30), description="How long a host may hold a look open.")
    connect_within: Duration = Field(
        default=timedelta(seconds=10), description="How long a host may take to take a connection, and to say hello."
    )
    answer_within: Duration = Field(
        default=timedelta(seconds=30), description="How long a host may take to answer a look; twice that to stage."
    )
    log_every: Duration = Field(
        default=timedelta(seconds=60), description="Between readings of what running attempts print."
    )
    scan_every: Duration = Field(default=timedelta(seconds=30), description="Between scans of all sidecars.")
    sidecar_patience: Whole = Field(
        default=3, ge=1, le=100, description="Scans before an unreadable sidecar is a question."
    )
    wish_wait: Duration = Field(default=timedelta(seconds=10), description="How long a command waits for its effect.")
    backoff: tuple[Duration, ...] = Field(
        default=tuple(timedelta(seconds=each) for each in (30, 120, 600, 1800)),
        min_length=1,
        description="Waits after a host refused or did not answer; the last one repeats.",
    )
    gone_again: Duration = Field(
        default=timedelta(seconds=10), description="Between two looks that find nothing alive."
    )
    result_grace: Duration = Field(default=timedelta(seconds=90), description="Wait for a result after a clean end.")
    result_again: Duration = Field(default=timedelta(seconds=15), description="Between two looks for a late result.")
    start_tries: Whole = Field(
        default=3, ge=1, le=100, description="Starts without a claim before the host has failed."
    )
    start_again: Duration = Field(
        default=timedelta(seconds=15), description="Between two starts of one attempt that made no claim."
    )
    ask_after_misses: Whole = Field(
        default=3,
        ge=1,
        le=10_000,
        description="Looks in a row without an answer before what runs there is a question; again after as many.",
    )
    quarantine_after: Whole = Field(
        default=3, ge=1, le=1000, description="Experiments a host may fail before it is left alone."
    )
    give_up_hosts: Whole = Field(
        default=3, ge=1, le=1000, description="Hosts that may fail one experiment before a person is asked about it."
    )
    quarantine_within: Duration = Field(
        default=timedelta(seconds=60), description="How soon after its start a failure counts there."
    )
    notify_within: Duration = Field(
        default=timedelta(seconds=20), description="Longest time one notification may take."
    )
    notify_for: Duration = Field(
        default=timedelta(days=1), description="How long a notification is tried again before it is given up."
    )
    kill_grace: Duration = Field(default=timedelta(seconds=10), description="Between TERM and KILL.")
    end_survivors: Flag = Field(
        default=False, description="End processes that an experiment leaves running when it ends; else only say so."
    )
    kill_again: Duration = Field(
        default=timedelta(seconds=15), description="Before what survived KILL is signalled again; doubled each time."
    )
    code_limit_mib: Whole = Field(default=200, ge=1, le=65_536, description="Largest code snapshot that is sent, MiB.")
    matrix_limit: Whole = Field(default=100_000, ge=1, le=10_000_000, description="Most experiments of one file.")

    @model_validator(mode="after")
    def _in_order(self) -> Policies:
        if self.look_fastest > self.look_slowest:
            raise ValueError("look_fastest must not be longer than look_slowest")
        return self


class GitSettings(Border):
    """What is committed for people, beside the journal."""

    commit: Flag = Field(default=True, description="Commit milestones on the branch that is checked out.")
    state_ref: Flag = Field(default=True, description="Keep state and journal in refs/autolab/state.")
    every: Duration = Field(default=timedelta(minutes=10), description="Least time between two updates of that ref.")
    within: Duration = Field(default=timedelta(seconds=30), description="Longest time one git command may take.")


class CodeSettings(Border):
    """Which code may be launched. What ran is always a commit: one of yours, or one under refs/autolab/code."""

    unclean: Literal["record", "refuse"] = Field(
        default="record", description="What is not committed: launched, recorded as a commit of ours; or refused."
    )
    unpushed: Literal["allow", "refuse"] = Field(
        default="allow", description="Commits that no remote holds, as far as was fetched: launched, or refused."
    )
    tag: Flag = Field(default=True, description="Tag what is dispatched: exp/<project>/<YYYYMMDD-HHMM>.")
    contract: Literal["ignore", "refuse"] = Field(
        default="ignore", description="Experiments whose script lacks the contract's flags: added, or refused."
    )


class GpuSettings(Border):
    """When a GPU counts as free; what an experiment needs of one."""

    busy_percent: Number = Field(default=20, gt=0, le=100, description="Utilisation from which a GPU is busy, percent.")
    used_fraction: Number = Field(default=0.3, gt=0, le=1, description="Part of its memory from which it is in use.")
    memory_factor: Number = Field(default=1.2, ge=1, le=10, description="Free memory over the estimate, at least.")
    settle: Duration = Field(
        default=timedelta(seconds=60), description="Between two starts on one shared GPU: its numbers lag behind."
    )
    look_every: Duration = Field(
        default=timedelta(seconds=30), description="Between two questions to a host while something waits for a GPU."
    )
    measure_every: Duration = Field(
        default=timedelta(seconds=120), description="Between two questions while something runs on one."
    )
    avoid: tuple[AvoidedGpu, ...] = Field(default=(), description="Models never given out on any host: RTX A6000.")
    estimate: Annotated[Word, AfterValidator(_formula)] | None = Field(
        default=None, description="MiB an experiment needs, of its own numbers: 1200 + 3.5 * batch_size."
    )


class SyncSettings(Border):
    """Which of the project's files go to hosts: tracked and not ignored ones, less these."""

    exclude: tuple[Word, ...] = Field(default=(), description="Patterns of paths that are not sent.")


class Settings(Border):
    """autolab's settings for a project."""

    project: Annotated[Word, AfterValidator(_project)] = Field(description="The project's name: one word.")
    hosts: Annotated[dict[HostName, HostSettings], AfterValidator(_some_host)] = Field(
        default_factory=_here, description="Where experiments run; default: here."
    )
    ssh: SshSettings = Field(default_factory=SshSettings, description="How SSH hosts are reached.")
    secrets: dict[Variable, Secret] = Field(
        default_factory=dict, description="Variables of commands whose values are kept elsewhere."
    )
    defaults: Defaults = Field(default_factory=Defaults, description="What experiments get that do not say it.")
    policies: Policies = Field(default_factory=Policies, description="Pace, patience and limits.")
    patience: PatienceSettings = Field(default_factory=PatienceSettings, description="When people are asked.")
    answers: AnswerSettings = Field(default_factory=AnswerSettings, description="Who answers, and by when.")
    gpus: GpuSettings = Field(default_factory=GpuSettings, description="When a GPU is free.")
    checks: CheckSettings = Field(default_factory=CheckSettings, description="How hosts are checked.")
    git: GitSettings = Field(default_factory=GitSettings, description="What is committed.")
    code: CodeSettings = Field(default_factory=CodeSettings, description="Which code may be launched.")
    sync: SyncSettings = Field(default_factory=SyncSettings, description="What is sent.")
    failures: tuple[KindSettings, ...] = Field(
        default=(), max_length=200, description="Kinds of failure of the project's own; see failures.yaml."
    )
    notify: Annotated[tuple[Notifier, ...], AfterValidator(_named_once)] = Field(
        default=(), description="Who is told what happens; default: nobody, it stands in progress/notifications.log."
    )
    links: Links = Field(default_factory=Links, description="Pages that notices lead to.")

    def host(self, name: str) -> LocalHost | SshHost:
        """The settings of ``name``; raises UnknownName with the nearest ones."""
        if name not in self.hosts:
            raise UnknownName("host", name, self.hosts)
        return self.hosts[name]

    def ssh_alias(self, name: str) -> str | None:
        """What OpenSSH is asked for to reach ``name``; None for this machine."""
        host = self.host(name)
        return (host.ssh or name) if isinstance(host, SshHost) else None

    def project_dir(self, name: str, root: str) -> str:
        """The project's folder on ``name``, absolute or beginning with ``~/``; ``root`` is the one here."""
        host = self.host(name)
        return host.dir or (root if isinstance(host, LocalHost) else f"~/autolab/{self.project}")


def hosts_offering(settings: Settings, gpus: int) -> Mapping[str, bool]:
    """Each host's name, and whether it may have ``gpus`` GPUs: with ``auto`` only the host knows, so it may."""
    return {name: _offers(host.gpus) >= gpus for name, host in settings.hosts.items()}


def _offers(gpus: str | int | tuple[int, ...]) -> int:
    if isinstance(gpus, tuple):
        return len(gpus)
    if isinstance(gpus, int):
        return gpus
    return 1024 if gpus == "auto" else 0
