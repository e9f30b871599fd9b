"""Attempts on hosts that autolab.yaml names no more: nobody looks there any longer, so a person is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from autolab.model.event import Event, HostChanged, HostLost
from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, Entry, HostState, Run, Status
from autolab.rules.questions import ask_about, withdraw

OPEN: Final = "host_removed"
UNFETCHED: Final = "result_out_of_reach"
_DID: Final = "nothing: it is neither ended nor launched again, and nobody looks there"


def removed(state: DispatchState, opened: Iterable[Entry], plan: LabPlan, now: datetime) -> Iterator[Event]:
    """What follows once where a host left the settings while attempts are open there, and once where it is back.

    opened  entries whose attempt is not judged yet
    """
    gone: dict[str, list[tuple[Entry, Run]]] = {}
    for entry in opened:
        if entry.run is not None and entry.run.host not in plan.hosts:
            gone.setdefault(entry.run.host, []).append((entry, entry.run))
    for name, pairs in gone.items():
        host = state.hosts.get(name) or HostState(name=name)
        if host.removed_at is None:
            why = f"{name} is not in autolab.yaml any more"
            yield HostChanged(at=now, host=replace(host, removed_at=now), why=why)
            for entry, run in pairs:
                yield from _out_of_sight(state, entry, run, why, now)
    for host in [host for host in state.hosts.values() if host.removed_at is not None and host.name in plan.hosts]:
        why = f"{host.name} is in autolab.yaml again"
        yield HostChanged(at=now, host=replace(host, removed_at=None), why=why)
        yield from _back(state, host.name, why, now)


def _out_of_sight(state: DispatchState, entry: Entry, run: Run, why: str, now: datetime) -> Iterator[Event]:
    if entry.status is Status.RUNNING and run.end is None:
        yield HostLost(at=now, id=entry.id, attempt=entry.attempt, why=why)
    what = "may run there" if run.end is None else "ended there, and its files were not fetched"
    seen = f"{why}, and attempt {run.number} of {entry.id} {what}: {run.dir}"
    yield from ask_about(state, entry, OPEN if run.end is None else UNFETCHED, now, seen=seen, did=_DID)


def _back(state: DispatchState, name: str, why: str, now: datetime) -> Iterator[Event]:
    asked = {question.about for question in state.questions.values() if question.reason in (OPEN, UNFETCHED)}
    for ident in asked:
        run = state.entries[ident].run
        if run is not None and run.host == name:
            yield from withdraw(state, ident, now, why, OPEN, UNFETCHED)
