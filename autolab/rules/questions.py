"""What people are asked: once per reason and subject; what comes up again is added to the question that is open.

Reasons and options stand in ``model.reasons``, what an answer does in ``rules.decisions``, what is shown beside a
question in ``rules.evidence``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from autolab.model.event import Event, QuestionAsked, QuestionClosed, QuestionRepeated
from autolab.model.reasons import REASONS
from autolab.model.state import DispatchState, Entry, HostState, Question, experiment_of

REPEATED_AFTER: Final = timedelta(minutes=1)  # what comes up again sooner is the same occasion


def ask(
    state: DispatchState, about: str, reason: str, now: datetime, *, seen: str, did: str, attempt: int = 0
) -> Iterator[Event]:
    """The question; where the same one is open about the same thing, that it came up again."""
    common: dict[str, Any] = {"at": now, "id": experiment_of(about), "attempt": attempt}
    if (known := open_question(state, about, reason)) is not None:
        if now - (known.again_at or known.asked_at) >= REPEATED_AFTER:
            yield remind(known, now, seen)
        return
    question = Question(
        id=f"{about.replace(':', '-')}-{state.asked.get(about, 0) + 1}",
        about=about,
        reason=reason,
        seen=seen,
        did=did,
        options=REASONS[reason].options,
        asked_at=now,
        attempt=attempt,
    )
    yield QuestionAsked(**common, question=sealed(question), why=f"asks: {reason}")


def remind(question: Question, now: datetime, seen: str) -> Event:
    """What ``question`` asks about came up again."""
    about: dict[str, Any] = {"at": now, "id": experiment_of(question.about), "attempt": question.attempt}
    return QuestionRepeated(**about, question=question.id, seen=seen, why=f"{question.id} again: {seen}"[:500])


def sealed(question: Question) -> Question:
    """``question`` with the digest of all that an answer is bound to."""
    parts = [question.id, question.reason, question.seen, question.did]
    parts += [f"{option.name}={option.effect}" for option in question.options]
    parts += [f"{piece.what}={piece.text}" for piece in question.evidence]
    return replace(question, digest=hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16])


def open_question(state: DispatchState, about: str, reason: str) -> Question | None:
    """The open question about ``about`` for this reason, if there is one."""
    return next((q for q in state.questions.values() if q.about == about and q.reason == reason), None)


def ask_about(
    state: DispatchState, entry: Entry, reason: str, now: datetime, *, seen: str, did: str
) -> Iterator[Event]:
    """A question about an experiment's current attempt."""
    yield from ask(state, entry.id, reason, now, seen=seen, did=did, attempt=entry.attempt)


def ask_about_host(
    state: DispatchState, host: HostState, reason: str, now: datetime, *, seen: str, did: str
) -> Iterator[Event]:
    """A question about a host."""
    yield from ask(state, f"host:{host.name}", reason, now, seen=seen, did=did)


def withdraw(state: DispatchState, about: str, now: datetime, why: str, *reasons: str) -> Iterator[Event]:
    """Close what was asked about ``about`` (for one of ``reasons``, or any) because it is no longer open."""
    for question in list(state.questions.values()):
        if question.about == about and (not reasons or question.reason in reasons):
            yield QuestionClosed(at=now, id=experiment_of(about), question=question.id, why=why)
