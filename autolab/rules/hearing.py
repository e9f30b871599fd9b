"""What an observation means: of an experiment that somebody else runs, of an attempt, of its host."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from autolab.model.documents import parse
from autolab.model.event import Event, HostLost, Observed
from autolab.model.observation import Authority, Look, Sighting
from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, Entry, Status
from autolab.model.transitions import may
from autolab.rules import external, hosts, liveness, noticing, patience, questions
from autolab.rules.tick import Seen


def consider(state: DispatchState, told: Observed, seen: Seen, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """What one observation means for the experiment that it is about, and for the host that it was made on."""
    entry = state.entries[told.id]
    if told.authority is Authority.AGENT and (claimed := list(external.claimed(entry, told.cells, now))):
        yield from claimed
        entry = state.entries[entry.id]
    if entry.spec.executor == "external":
        yield from external.heard(state, entry, seen.results.get(entry.id), now)
    elif told.authority is Authority.EXECUTOR and "sighting" in told.cells:
        yield from _sighted(state, entry, parse(Sighting, told.cells["sighting"]), plan, now)
    if told.authority is Authority.EXECUTOR:
        yield from noticing.heard(state, state.entries[entry.id], told, plan, now)


def _sighted(state: DispatchState, entry: Entry, sighting: Sighting, plan: LabPlan, now: datetime) -> Iterator[Event]:
    if entry.run is None:
        return
    yield from hosts.heard(state, entry.run.host, sighting, plan.policies, now)
    if entry.open_run is None:
        return
    yield from liveness.judge(entry, sighting, plan.policies, now)
    if why := liveness.puzzle(entry, sighting):
        yield from _unknown_end(state, entry, why, now)
        return
    if sighting.look is Look.SEEN:
        yield from questions.withdraw(state, entry.id, now, "it was seen again", "unknown_end")
    yield from patience.judge(state, state.entries[entry.id], sighting, plan, now)


def _unknown_end(state: DispatchState, entry: Entry, why: str, now: datetime) -> Iterator[Event]:
    """Nothing proves it over and nothing shows it alive: unknown, said so, and a person decides."""
    if may(entry.status, HostLost) and entry.status is Status.RUNNING:
        yield HostLost(at=now, id=entry.id, attempt=entry.attempt, why=why)
    did = "nothing: it is neither ended nor launched again"
    yield from questions.ask_about(state, entry, "unknown_end", now, seen=why, did=did)
