"""What ``diagnose`` gives: a diagnosis, the table that holds, and what became of its examples."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class DiagnosisReport(TypedDict):
    """What ended an attempt, what says so, and what autolab would do about it.

    kind     empty: its end needs none; ``origin``: whose row of the table it is
    line     the line of the log that says so, its ``number`` among the last ``lines`` ones, and the ``pattern``
    outcome  again, or ask; ``reason`` of the question; ``changed``: each parameter before and after
    """

    source: str
    id: str | None
    attempt: int | None
    status: int | None
    kind: str
    about: str
    origin: str
    because: str
    line: str
    number: int
    lines: int
    pattern: str
    remedy: str
    outcome: str
    reason: str
    changed: list[str]
    command: str
    wait_s: float
    charged: bool
    would: str


class TableReport(TypedDict):
    """The table of failures that holds, in its order: the first row that fits is the kind."""

    kinds: list[dict[str, Any]]


class ExamplesReport(TypedDict):
    """How many examples the rows of the table carry, and which of them it contradicts."""

    examples: int
    wrong: list[str]
