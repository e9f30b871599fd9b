"""Who may answer: people by name, and for reserved reasons only who holds the one-time code that was sent to the chat.

A program with the same login as the engine can do whatever autolab can: a name is a convention, and a code is more only
because it never stands on this machine's disk before it is used.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from autolab.errors import InvalidSpec, Refused, UnknownName
from autolab.model.event import CodeIssued, Event
from autolab.model.plan import AnswersPlan, LabPlan
from autolab.model.state import DispatchState, Question
from autolab.model.wish import Wish

_HASH: Final = re.compile(r"[0-9a-f]{64}")


def code_hash(question: Question, code: str) -> str:
    """What is kept of a one-time code: good for this question as it stands, and for no other."""
    typed = code.replace("-", "").replace(" ", "").lower()
    return hashlib.sha256("\0".join((question.id, question.digest, typed)).encode()).hexdigest()


def issue(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """The hash of a new code for an open question; the one before is worth nothing any more."""
    question = state.questions.get(wish.question)
    if question is None:
        raise UnknownName("open question", wish.question, state.questions)
    said = str(wish.context.get("hash", ""))
    if not _HASH.fullmatch(said):
        raise InvalidSpec("a code is kept as the 64 digits of its hash", hint="autolab ask code makes one")
    why = f"a code for {question.id} is sent"
    yield CodeIssued(at=now, actor=wish.by, question=question.id, code_hash=said, why=why)


def check(state: DispatchState, question: Question, wish: Wish, answers: AnswersPlan) -> None:
    """Raises Refused where ``wish`` may not answer ``question``."""
    if answers.who and wish.by not in answers.who:
        raise Refused(
            f"{question.id} is answered by {', '.join(answers.who)}, not by {wish.by}",
            hint="autolab decide, as one of them; a tick does not say who made it",
        )
    if question.reason not in answers.reserved or not answers.code_sent:
        return
    issued, code = state.codes.get(question.id), str(wish.context.get("code", ""))
    if not code or issued is None or not hmac.compare_digest(issued, code_hash(question, code)):
        what = "the code is not the one that was sent" if code else "it needs the code that was sent to the chat"
        raise Refused(
            f"{question.id} is reserved for people: {what}",
            hint=f"autolab ask code {question.id} sends a new one; then decide with --code",
        )


def reservation(question: Question, answers: AnswersPlan) -> str:
    """What a reserved question says of itself; empty: it is not reserved."""
    if question.reason not in answers.reserved:
        return ""
    if answers.code_sent:
        return f"Reserved for people: autolab ask code {question.id} sends a code to the chat, and decide takes it."
    return "Reserved for people by convention: no chat is set (answers.code_by), so nothing here can tell who answers."
