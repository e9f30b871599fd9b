"""What other programs may rely on in the files they read: ``state.json``, sidecars, the journal's view, ``lab.json``.

Only for making schemas and for tests: the engine writes these documents itself, and reads them with its own checks.
Keys that are not named here may come; those that are keep their name and type within a format.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

StatusWord = Literal["pending", "running", "done", "failed", "cancelled", "on_hold", "unreachable"]
GroupWord = Literal["main", "baseline", "ablation", "analysis"]
OPEN: Final = ConfigDict(extra="allow")


@with_config(OPEN)
class ExperimentDocument(TypedDict):
    """One experiment in ``state.json``; every reader knows ``id`` to ``stage``. Instants are UTC text, ISO 8601."""

    id: str
    status: StatusWord
    command: str
    expected_duration_hours: float
    phase: str
    group: GroupWord
    method: str
    dataset: str
    seed: int
    host: str | None
    gpu: int | str | None
    pid: int | None
    job_id: int | str | None
    started: str | None
    finished: str | None
    wandb_run_id: str | None
    retry_count: int
    max_retries: int
    notes: str
    priority: int
    stage: int
    result_file: str | None
    checkpoint_dir: str | None
    executor: Literal["autolab", "external"]
    depends_on: list[str]
    attempt: int
    substatus: str
    since: str | None
    why: str
    question: str | None


@with_config(OPEN)
class QuestionDocument(TypedDict):
    """An open question in ``state.json``; ``options`` are the words that answer it and what follows from each."""

    id: str
    about: str
    reason: str
    asked: str | None
    seen: str
    again: NotRequired[int]
    options: list[dict[str, str]]
    default: str | None
    due: str | None


@with_config(OPEN)
class HostDocument(TypedDict):
    """A host in ``state.json``, as the lab has come to know it."""

    name: str
    status: str
    since: str | None
    why: str
    slots: int | None


@with_config(OPEN)
class StateDocument(TypedDict):
    """``dispatch/state.json``: the whole lab, a view of the journal up to ``journal_seq``."""

    project: str
    updated: str | None
    format: Literal[1]
    journal_seq: int
    lab: NotRequired[str]
    launching: NotRequired[str | None]
    questions: NotRequired[list[QuestionDocument]]
    hosts: NotRequired[list[HostDocument]]
    experiments: list[ExperimentDocument]


@with_config(OPEN)
class SidecarDocument(TypedDict):
    """``dispatch/<ID>.status.json``: what an executor says of its experiment, written by rename."""

    id: str
    status: NotRequired[StatusWord | None]
    attempt: NotRequired[int | None]
    seq: NotRequired[int | None]
    started: NotRequired[str | None]
    finished: NotRequired[str | None]
    host: NotRequired[str | None]
    gpu: NotRequired[int | str | None]
    pid: NotRequired[int | None]
    job_id: NotRequired[int | str | None]
    job_id_number: NotRequired[int | str | None]
    wandb_run_id: NotRequired[str | None]
    wandb_artifact: NotRequired[str | None]
    hf_artifact_url: NotRequired[str | None]
    retry_count: NotRequired[int | None]
    notes: NotRequired[str | None]


@with_config(OPEN)
class JournalDocument(TypedDict):
    """One line of ``dispatch/journal.jsonl``: a fact, in the order of ``seq``."""

    seq: int
    event: str
    at: str
    actor: NotRequired[str]
    id: NotRequired[str]
    attempt: NotRequired[int]
    why: NotRequired[str]


@with_config(OPEN)
class LabDocument(TypedDict):
    """``dispatch/lab.json``: which lab this is."""

    format: Literal[1]
    lab: str


class HintedError(TypedDict):
    """What went wrong, and what to do next; ``code`` is stable."""

    code: str
    message: str
    hint: str
    details: NotRequired[Any]


class ErrorEnvelope(TypedDict):
    """What ``--json`` writes to standard error when a command fails."""

    error: HintedError


DOCUMENTS: Final[dict[str, type]] = {
    "state": StateDocument,
    "sidecar": SidecarDocument,
    "journal": JournalDocument,
    "lab": LabDocument,
    "error": ErrorEnvelope,
}
