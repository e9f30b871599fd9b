"""What people are asked: reason, options and what follows from each. One open question per reason and subject."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from autolab.model.event import Event, QuestionAsked, QuestionClosed
from autolab.model.state import DispatchState, Entry, HostState, Option, Question

RETRY: Final = Option(name="retry", effect="a new attempt, as it is designed; its retries count anew")
ACCEPT: Final = Option(name="accept", effect="leave it failed; what depends on it will not run")
WAIT: Final = Option(name="wait", effect="keep looking; an end that is seen still counts")
KEEP: Final = Option(name="wait", effect="nothing now; with the host back in autolab.yaml it is looked at again")
ABANDON: Final = Option(
    name="abandon", effect="close this attempt on your word and run a new one; if the old one lives, both run"
)
GIVE_UP: Final = Option(name="cancel", effect="close this attempt on your word and cancel the experiment")
AGAIN: Final = Option(name="again", effect="use the host again")
DRAIN: Final = Option(name="drain", effect="launch nothing more there; what runs is still looked at")
CONFIRM: Final = Option(name="accept", effect="take the executor's word: done")
NOTED: Final = Option(name="noted", effect="go on with its last good value; it is read again when it changes")
REJECT: Final = Option(name="reject", effect="record it as failed")

OPTIONS: Final[dict[str, tuple[Option, ...]]] = {
    "undiagnosed_crash": (RETRY, ACCEPT),
    "retries_exhausted": (RETRY, ACCEPT),
    "result_missing": (RETRY, ACCEPT),
    "result_invalid": (RETRY, ACCEPT),
    "environment": (RETRY, ACCEPT),
    "missing_module": (RETRY, ACCEPT),
    "nan_loss": (RETRY, ACCEPT),
    "cuda_oom": (RETRY, ACCEPT),
    "unknown_end": (WAIT, ABANDON, GIVE_UP),
    "unreachable": (WAIT, ABANDON, GIVE_UP),
    "host_removed": (KEEP, ABANDON, GIVE_UP),
    "result_out_of_reach": (KEEP, GIVE_UP),
    "unconfirmed": (CONFIRM, REJECT),
    "sidecar_unreadable": (NOTED,),
    "host_quarantined": (AGAIN, DRAIN),
    "host_refused": (AGAIN, DRAIN),
}


def ask(
    state: DispatchState, about: str, reason: str, now: datetime, *, seen: str, did: str, attempt: int = 0
) -> Iterator[Event]:
    """The question, unless the same one is open about the same thing."""
    if any(q.about == about and q.reason == reason for q in state.questions.values()):
        return
    number = state.asked.get(about, 0) + 1
    ident = f"{about.replace(':', '-')}-{number}"
    options = OPTIONS[reason]
    text = "\0".join((ident, reason, seen, did, *(f"{o.name}={o.effect}" for o in options)))
    question = Question(
        id=ident,
        about=about,
        reason=reason,
        seen=seen,
        did=did,
        options=options,
        asked_at=now,
        attempt=attempt,
        digest=hashlib.sha256(text.encode()).hexdigest()[:16],
    )
    experiment = "" if about.startswith("host:") else about
    yield QuestionAsked(at=now, id=experiment, attempt=attempt, question=question, why=f"asks: {reason}")


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
            experiment = "" if about.startswith("host:") else about
            yield QuestionClosed(at=now, id=experiment, question=question.id, why=why)
