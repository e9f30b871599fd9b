"""What calls about experiments give: lists, an experiment, its events and log, what came of a wish."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from autolab.api.question_results import QuestionLine


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
