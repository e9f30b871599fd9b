"""What each call gives, as ``--json`` shows it: plain documents with typed keys. Instants are UTC, ISO 8601, text.

``RESULTS`` names the type of each command's ``data``; the files of ``schemas/`` are made from it. Callers that must be
fast import this module for type checking only.
"""

from __future__ import annotations

from typing import Any, Final

# pydantic makes schemas of this TypedDict on every Python we support, of typing's only from 3.12 on.
from typing_extensions import TypedDict

from autolab.api.code_results import PreflightReport, PullReport
from autolab.api.failure_results import OF_FAILURES
from autolab.api.host_results import HOST_RESULTS
from autolab.api.notify_results import NotifiersReport, SendReport
from autolab.api.question_results import QUESTION_RESULTS, OptionLine


class EngineLine(TypedDict):
    """Who is the engine now."""

    what: str
    pid: int
    host: str
    since: str


class QuestionLine(TypedDict):
    """An open question and the command that answers it."""

    id: str
    about: str
    reason: str
    asked: str | None
    seen: str
    options: list[OptionLine]
    default: str | None
    due: str | None
    command: str


class ExperimentLine(TypedDict):
    """An experiment in a list. ``why`` says for a queued one what it waits for, else what moved it last."""

    id: str
    status: str
    substatus: str
    host: str | None
    gpu: int | str | None
    since: str | None
    attempt: int
    retries: int
    method: str
    dataset: str
    seed: int
    why: str


class HostLine(TypedDict):
    """A host as the lab knows it. ``logins_last_hour``: by every process of this clone."""

    name: str
    status: str
    since: str | None
    why: str
    slots: int | None
    used: int
    logins_last_hour: int


class StatusReport(TypedDict):
    """The lab at a glance, asked ``at``, written ``updated``. ``launching``: why nothing is launched; None: it is."""

    at: str
    project: str
    updated: str | None
    engine: EngineLine | None
    launching: str | None
    questions: list[QuestionLine]
    running: list[ExperimentLine]
    queued: list[ExperimentLine]
    parked: list[ExperimentLine]
    ended: list[ExperimentLine]
    counts: dict[str, int]
    hosts: list[HostLine]


class ListReport(TypedDict):
    at: str
    experiments: list[ExperimentLine]
    total: int


class ShowReport(TypedDict):
    """An experiment as state.json has it, the open questions about it, and its files that are there."""

    at: str
    experiment: dict[str, Any]
    questions: list[QuestionLine]
    files: dict[str, str]


class EventDocument(TypedDict):
    """One journal event; the facts of its kind stand beside these keys."""

    seq: int
    at: str
    actor: str
    id: str
    attempt: int
    event: str
    why: str


class EventsReport(TypedDict):
    """Journal events as they stand there, oldest first."""

    at: str
    events: list[dict[str, Any]]
    total: int


class LogReport(TypedDict):
    id: str
    attempt: int
    source: str
    text: str
    offset: int


class Changed(TypedDict):
    """What came of a wish. ``queued``: it is durable, and the engine has not answered within the time."""

    ask: str
    ids: list[str]
    outcome: str
    queued: bool
    wish: str
    dry_run: bool


class Difference(TypedDict):
    id: str
    key: str
    was: Any
    now: Any


class AddReport(TypedDict):
    """What ``add`` did, or would do."""

    added: list[str]
    updated: list[str]
    unchanged: list[str]
    differences: list[Difference]
    outcome: str
    queued: bool
    wish: str
    dry_run: bool


class AdoptReport(Changed):
    """A process that is an attempt now; ``command``: as the host shows it."""

    host: str
    pid: int
    command: str


class ImportReport(Changed):
    """``there``: how many were done before; ``without``: id -> why it has no good result, left out."""

    there: int
    without: dict[str, str]


class WaitReport(TypedDict):
    at: str
    done: list[str]
    failed: list[str]
    parked: list[str]


class InitReport(TypedDict):
    project: str
    folder: str
    lab: str
    anchor: str
    made: list[str]
    kept: list[str]
    warnings: list[str]
    dry_run: bool


class PollResult(TypedDict):
    """What one tick did; ``driven_by``: another engine does the work, and nothing was done here."""

    driven_by: str | None
    events: int
    started: int
    ended: int
    running: int
    pending: int
    questions: int


class ReplayReport(TypedDict):
    """``state.json`` against the journal; ``behind``: events that the view does not show yet."""

    events: int
    journal_seq: int
    state_seq: int
    behind: int
    equal: bool
    differences: list[str]


class HostsReport(TypedDict):
    at: str
    hosts: list[HostLine]


class Check(TypedDict):
    """One thing that was looked at: ok, warn or fail, and what to do."""

    name: str
    verdict: str
    found: str
    hint: str


class ChecksReport(TypedDict):
    checks: list[Check]
    failed: int
    warned: int


class ExecReport(TypedDict):
    host: str
    command: str
    status: int
    output: str


class ConfigLine(TypedDict):
    key: str
    value: Any
    origin: str


class ConfigReport(TypedDict):
    settings: list[ConfigLine]


class InstallReport(TypedDict):
    kind: str
    path: str
    text: str
    installed: bool
    next: list[str]


class StopReport(TypedDict):
    """``stopped`` False: there was none, or only asked; ``who``: which process it was."""

    stopped: bool
    who: str | None


class LeaseReport(TypedDict):
    """Who drives the lab; ``ours``: this clone does. ``number`` 0: nobody ever did. ``anchor`` keeps the lease."""

    number: int
    anchor: str
    holder: str | None
    since: str | None
    where: str | None
    reason: str
    ours: bool
    clone: str


class HeldLine(TypedDict):
    """What a host said when the lease was taken: its attempts, those that the journal lacked, what makes no sense."""

    host: str
    attempts: int
    adopted: list[str]
    strange: list[str]
    given_up: bool


class LeaseTaken(LeaseReport):
    """The lease once it was taken."""

    hosts: list[HeldLine]


class LeaseMoved(LeaseTaken):
    """The lease once another host keeps it."""

    moved: bool
    dry_run: bool


class RecoverReport(TypedDict):
    """A journal made anew: what came back, what is held until a person releases it, and what cannot be known."""

    seq: int
    experiments: int
    held: int
    open_attempts: list[str]
    unknown: list[str]
    dry_run: bool


class ResultLine(TypedDict):
    """Mean and spread over seeds. ``sd`` is the sample's (n - 1), None for one seed."""

    method: str
    dataset: str
    metric: str
    mean: float
    sd: float | None
    n: int


class DemoReport(TypedDict):
    folder: str
    seconds: float
    counts: dict[str, int]
    questions: list[QuestionLine]
    results: list[ResultLine]
    log: list[str]
    next: list[str]


class CompletionReport(TypedDict):
    shell: str
    script: str


class SchemaReport(TypedDict):
    name: str
    text: dict[str, Any]


RESULTS: Final[dict[str, type]] = {
    **HOST_RESULTS,
    "init": InitReport,
    "add": AddReport,
    "run": AddReport,
    "poll": PollResult,
    "daemon": PollResult,
    "daemon-install": InstallReport,
    "daemon-stop": StopReport,
    "status": StatusReport,
    "ps": ListReport,
    "show": ShowReport,
    "logs": LogReport,
    **OF_FAILURES,
    "history": EventsReport,
    "events": EventsReport,
    "event": EventDocument,
    **dict.fromkeys(("cancel", "hold", "release", "retry"), Changed),
    "adopt": AdoptReport,
    "import": ImportReport,
    "pull": PullReport,
    "decide": Changed,
    **QUESTION_RESULTS,
    "wait": WaitReport,
    "host-list": HostsReport,
    "host-test": ChecksReport,
    "host-exec": ExecReport,
    "host-drain": Changed,
    "host-resume": Changed,
    "config-list": ConfigReport,
    "config-get": ConfigReport,
    "doctor": ChecksReport,
    "lease-show": LeaseReport,
    "lease-take": LeaseTaken,
    "lease-move": LeaseMoved,
    "recover": RecoverReport,
    "preflight": PreflightReport,
    "replay": ReplayReport,
    "demo": DemoReport,
    "completion": CompletionReport,
    "schema": SchemaReport,
    "notify-list": NotifiersReport,
    "notify-test": SendReport,
    "notify-send": Changed,
}
