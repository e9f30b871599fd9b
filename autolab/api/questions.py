"""Questions as people read them: the open ones, and one with everything that was seen when it was asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from autolab.api.logs import record
from autolab.api.place import Placed, read_state
from autolab.api.project import clock
from autolab.errors import CommandFailed, UnknownName
from autolab.model.documents import parse
from autolab.model.state import Question
from autolab.rules.question_page import headline, unanswered
from autolab.store.git import Git
from autolab.store.snapshot import NEVER

if TYPE_CHECKING:
    from autolab.api.question_results import AnswerLine, AskReport, AsksReport, OpenLine

DIFF_LINES: Final = 200
_OURS: Final = tuple(f":(exclude){path}" for path in NEVER)  # what no snapshot holds, though it may be committed
_COMMITS: Final = re.compile(r"git diff ([0-9a-f]{7,40}) ([0-9a-f]{7,40})$")


def ask_list(place: Placed) -> AsksReport:
    """The open questions, the oldest first: what is wrong, what happens if nobody answers, and the answers."""
    state = read_state(place)
    return {"at": f"{clock():%Y-%m-%dT%H:%M:%SZ}", "questions": [_line(q) for q in state.get("questions") or ()]}


def _line(shown: Mapping[str, Any]) -> OpenLine:
    return {
        "id": str(shown["id"]),
        "about": str(shown.get("about", "")),
        "reason": str(shown.get("reason", "")),
        "wrong": headline(str(shown.get("about", "")), str(shown.get("reason", ""))),
        "unanswered": unanswered(str(shown.get("reason", "")), shown.get("default"), shown.get("due")),
        "asked": str(shown.get("asked", "")),
        "again": int(shown.get("again") or 0),
        "options": [str(option["name"]) for option in shown.get("options") or ()],
    }


def ask_show(place: Placed, ident: str) -> AskReport:
    """The question ``ident``, open or closed, with all that was seen. raises UnknownName."""
    question: Question | None = None
    again: list[Mapping[str, Any]] = []
    answer: AnswerLine | None = None
    known: list[str] = []
    for event in record(place):
        if event["event"] == "question_asked":
            known.append(event["question"]["id"])
            question = parse(Question, event["question"]) if known[-1] == ident else question
        elif event["event"] == "question_repeated" and event["question"] == ident:
            again.append(event)
        elif event["event"] == "question_closed" and event["question"] == ident:
            answer = _answer(event)
    if question is None:
        raise UnknownName("question", ident, known, hint="autolab ask list shows the open ones")
    shown = {q["id"]: q for q in read_state(place).get("questions") or ()}.get(ident, {})
    return {
        "id": question.id,
        "about": question.about,
        "reason": question.reason,
        "wrong": headline(question.about, question.reason),
        "unanswered": unanswered(question.reason, question.default, shown.get("due")),
        "asked": f"{question.asked_at:%Y-%m-%dT%H:%M:%SZ}",
        "answer": answer,
        "options": [
            {"name": o.name, "effect": o.effect, "command": f"autolab decide {question.id} {o.name}"}
            for o in question.options
        ],
        "default": question.default,
        "due": shown.get("due"),
        "seen": question.seen,
        "did": question.did,
        "again": [{"at": str(event["at"]), "seen": str(event["seen"])} for event in again],
        "evidence": [{"what": piece.what, "text": piece.text} for piece in question.evidence],
        "diff": "\n".join(_diff(place, question)),
        "hash": question.digest,
        "page": str(place.layout.question(question.id).relative_to(place.layout.root)),
    }


def _answer(closed: Mapping[str, Any]) -> AnswerLine:
    return {
        "option": str(closed.get("option") or ""),
        "by": str(closed.get("actor", "")),
        "at": str(closed.get("at", "")),
        "note": str(closed.get("note") or ""),
        "why": str(closed.get("why") or ""),
    }


def _diff(place: Placed, question: Question) -> Iterator[str]:
    """What changed in the code since the last good run, where both are commits; cut to so many lines."""
    code = next((piece.text for piece in question.evidence if piece.what == "code"), "")
    found = _COMMITS.search(code)
    if found is None or place.layout.common is None:
        return
    try:
        words = ("diff", "--no-color", "--no-ext-diff", "--stat", "-p", found[1], found[2], "--", ".", *_OURS)
        reply = Git(place.layout.root).ask(*words)
    except CommandFailed as error:
        yield f"git cannot show it: {error.message}"
        return
    lines = reply.decode("utf-8", "replace").splitlines()
    yield from lines[:DIFF_LINES]
    if len(lines) > DIFF_LINES:
        yield f"... {len(lines) - DIFF_LINES} more lines: git diff {found[1]} {found[2]}"
