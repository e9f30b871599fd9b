"""How every change comes in: a wish, durable first, then settled by the engine, ours for an instant where free."""

from __future__ import annotations

import getpass
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Final

from autolab.api.project import Project, clock, open_engine
from autolab.api.waiting import between_looks
from autolab.engine import running
from autolab.errors import AutolabError, Busy, Refused
from autolab.model.wish import Ask, Wish
from autolab.store.inbox import Inbox

LOOK_S: Final = 0.05
TRY_AGAIN: Final = 10  # looks between two tries for the lock: who held it may have been a command that has ended


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a wish. ``queued``: it is durable and not answered yet."""

    wish: str
    outcome: str
    queued: bool = False


def wish_id(ask: Ask, key: str = "") -> str:
    """A wish's id: random, or always the same for one ``key``, so that a repeated command acts once."""
    if not key:
        return f"{clock():%Y%m%dT%H%M%S%f}-{secrets.token_hex(8)}"
    return f"key-{hashlib.sha256(f'{ask.value}:{key}'.encode()).hexdigest()[:24]}"


def me() -> str:
    """Who asks, as the journal names them."""
    return getpass.getuser()


def settle(project: Project, wish: Wish) -> Settled:
    """Make ``wish`` durable and wait for its outcome, 10 s unless set.

    raises  what the engine refused it with; whatever keeps an engine from beginning, and then nothing was written
    """
    inbox = Inbox(project.layout, project.files)
    told = inbox.outcome(wish.id)
    if told is not None:
        return _read(wish.id, str(told.get("outcome", "")))
    if not _by_ourselves(project, inbox, wish):
        inbox.put(asdict(wish), clock(), wish.id)
    patience = project.settings.policies.wish_wait.total_seconds()
    for turn, _ in enumerate(between_looks(LOOK_S, patience)):
        told = inbox.outcome(wish.id)
        if told is not None:
            return _read(wish.id, str(told.get("outcome", "")))
        if turn % TRY_AGAIN == TRY_AGAIN - 1:
            _by_ourselves(project, inbox, None)
    return Settled(wish.id, "queued: the engine will take it at its next tick", queued=True)


def _by_ourselves(project: Project, inbox: Inbox, wish: Wish | None) -> bool:
    """Be the engine for one settlement; False where another process is. The lock comes first: a lab that cannot be
    opened takes no wish."""
    try:
        engine = open_engine(project, "a command")
    except Busy:
        return False
    with closing(engine):
        if wish is not None:
            inbox.put(asdict(wish), clock(), wish.id)
        running.settle(engine)
    return True


def _read(wish: str, outcome: str) -> Settled:
    if outcome.startswith("refused: "):
        raise refusal(outcome)
    return Settled(wish, outcome.removeprefix("ok: "))


def refusal(outcome: str) -> AutolabError:
    """``refused: <code>: <message> (<hint>)`` as the error it was where it was raised."""
    code, _, rest = outcome.removeprefix("refused: ").partition(": ")
    message, hint = rest, ""
    if rest.endswith(")") and " (" in rest:
        message, _, hint = rest[:-1].rpartition(" (")
    error = Refused(message, hint=hint)
    for kind in _kinds(AutolabError):
        told = kind.__new__(kind)
        AutolabError.__init__(told, message, hint=hint)
        if told.code == code:
            error = told  # type: ignore[assignment]
    return error


def _kinds(kind: type[AutolabError]) -> Iterator[type[AutolabError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)
