"""What ``ask`` gives, and a question as lists show it."""

from __future__ import annotations

from typing_extensions import TypedDict


class OptionLine(TypedDict):
    name: str
    effect: str


class OpenLine(TypedDict):
    """An open question in a few lines. ``again``: how often it came up since it was asked."""

    id: str
    about: str
    reason: str
    wrong: str
    unanswered: str
    asked: str
    again: int
    options: list[str]


class AsksReport(TypedDict):
    at: str
    questions: list[OpenLine]


class AnswerLine(TypedDict):
    """How a question was closed; ``option`` is empty where it was withdrawn, and ``why`` says so."""

    option: str
    by: str
    at: str
    note: str
    why: str


class ChoiceLine(TypedDict):
    name: str
    effect: str
    command: str


class EvidenceLine(TypedDict):
    what: str
    text: str


class AgainLine(TypedDict):
    at: str
    seen: str


class AskReport(TypedDict):
    """A question with everything that was seen; ``answer`` is null while it is open."""

    id: str
    about: str
    reason: str
    wrong: str
    unanswered: str
    asked: str
    answer: AnswerLine | None
    options: list[ChoiceLine]
    default: str | None
    due: str | None
    seen: str
    did: str
    again: list[AgainLine]
    evidence: list[EvidenceLine]
    diff: str
    hash: str
    page: str


class CodeSent(TypedDict):
    question: str
    sent_by: str


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
