"""Experiments that somebody else runs: what their executors' words mean. An end is news in every status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from autolab.model.documents import best
from autolab.model.event import (
    Amended,
    Cancelled,
    Event,
    Failed,
    HostLost,
    Noted,
    Parked,
    Started,
    Succeeded,
    Unparked,
)
from autolab.model.observation import Escalation
from autolab.model.state import TERMINAL, DispatchState, Entry, Status
from autolab.rules.questions import ask_about, withdraw


def claimed(entry: Entry, cells: Mapping[str, Any], now: datetime) -> Iterator[Event]:
    """An agent's word that it runs what nobody has launched: its executor from now on, and never launched by us.

    Only with a process or job number: a bare ``running`` may be an intention that never became a run.
    """
    names = [f"{key} {cells[key]}" for key in ("pid", "job_id") if cells.get(key)]
    ours = entry.spec.executor == "autolab" and entry.status is Status.PENDING and entry.run is None
    ours = ours and entry.adopting is None  # a person has said whose process it is
    if ours and not entry.attempt and cells.get("status") == Status.RUNNING and names:
        where = f" on {cells['host']}" if cells.get("host") else ""
        why = f"an agent runs it already ({names[0]}{where}): it is looked after by its sidecar, and not launched"
        spec = replace(entry.spec, executor="external")
        yield Amended(at=now, id=entry.id, actor="agent", spec=spec, why=why)


def escalated(state: DispatchState, found: Iterable[Escalation], now: datetime) -> Iterator[Event]:
    """What agents escalate is asked about, each text once (1.34)."""
    for one in found:
        path = f"progress/escalate_{one.id}.md"
        if one.id not in state.entries or state.unreadable.get(path) == one.digest:
            continue
        yield Noted(at=now, id=one.id, actor="agent", kind="escalation", path=path, digest=one.digest,
                    why=f"{path}: an agent needs somebody")  # fmt: skip
        did = "nothing: its executor goes on as it sees fit"
        yield from ask_about(state, state.entries[one.id], "escalated", now, seen=one.text, did=did)


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
    if word == entry.status and entry.substatus != "said":  # as nearly always
        return
    common: dict[str, Any] = {"at": now, "id": entry.id, "attempt": entry.attempt}
    if word == Status.RUNNING and entry.status in {Status.PENDING, Status.UNREACHABLE}:
        yield Started(**common, why="its executor says that it runs")
    elif word == Status.RUNNING and entry.substatus == "said":
        yield Unparked(**common, why="its executor says that it runs again")
    elif word == Status.UNREACHABLE and entry.status is Status.RUNNING:
        yield HostLost(**common, why="its executor cannot reach it")
    elif word == Status.ON_HOLD and entry.status is not Status.ON_HOLD:
        yield Parked(**common, reason="said", why="its executor put it on hold")
