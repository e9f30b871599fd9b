"""Experiments that somebody else runs: what their executors' words mean. An end is news in every status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from autolab.model.documents import best
from autolab.model.event import Cancelled, Event, Failed, HostLost, Parked, Started, Succeeded, Unparked
from autolab.model.state import TERMINAL, DispatchState, Entry, Status
from autolab.rules.questions import ask_about, withdraw


def heard(state: DispatchState, entry: Entry, result: Mapping[str, Any] | None, now: datetime) -> Iterator[Event]:
    """Where its executor says that it stands; ``done`` is believed with its result, or asked about."""
    word = best(entry, "status")
    if entry.status in TERMINAL:
        return
    if word in TERMINAL:
        yield from _ended(state, entry, word, result, now)
    elif entry.decision is None:
        yield from _moved(entry, word, now)


def _ended(
    state: DispatchState, entry: Entry, word: str, result: Mapping[str, Any] | None, now: datetime
) -> Iterator[Event]:
    common: dict[str, Any] = {"at": now, "id": entry.id, "attempt": entry.attempt}
    cancelled = entry.decision is not None and entry.decision.what == "cancel"
    if cancelled or word == Status.CANCELLED:
        yield Cancelled(**common, why=f"its executor says {word}")
    elif word == Status.FAILED:
        yield Failed(**common, kind="said_failed", why="its executor says failed")
    elif result:
        yield Succeeded(**common, result=result, why="its executor says done, and its result is there")
    else:
        if entry.substatus != "unconfirmed":
            why = "its executor says done, and nothing confirms it"
            yield Parked(**common, reason="unconfirmed", why=why)
            yield from ask_about(state, entry, "unconfirmed", now, seen=why, did="it waits as on_hold")
        return
    yield from withdraw(state, entry.id, now, "its end is known", "unconfirmed")


def _moved(entry: Entry, word: Any, now: datetime) -> Iterator[Event]:
    common: dict[str, Any] = {"at": now, "id": entry.id, "attempt": entry.attempt}
    if word == Status.RUNNING and entry.status in {Status.PENDING, Status.UNREACHABLE}:
        yield Started(**common, why="its executor says that it runs")
    elif word == Status.RUNNING and entry.substatus == "said":
        yield Unparked(**common, why="its executor says that it runs again")
    elif word == Status.UNREACHABLE and entry.status is Status.RUNNING:
        yield HostLost(**common, why="its executor cannot reach it")
    elif word == Status.ON_HOLD and entry.status is not Status.ON_HOLD:
        yield Parked(**common, reason="said", why="its executor put it on hold")
