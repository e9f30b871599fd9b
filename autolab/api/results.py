"""What calls about the lab as a whole give, as ``--json`` prints it: plain documents with typed keys.

Instants are UTC, ISO 8601, text. What other calls give is in the ``_results`` module of what they are about; callers
that must be fast import these modules for type checking only. ``result_table`` says which command gives which.
"""

from __future__ import annotations

from typing import Any

# pydantic makes schemas of this TypedDict on every Python we support, of typing's only from 3.12 on.
from typing_extensions import TypedDict

from autolab.api.experiment_results import ExperimentLine
from autolab.api.host_results import HostLine
from autolab.api.question_results import QuestionLine


class EngineLine(TypedDict):
    """Who is the engine now."""

    what: str
    pid: int
    host: str
    since: str


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
