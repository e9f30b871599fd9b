"""What to do now: requests to hosts, each with the events that are durable before it; and when to wake by the clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from autolab.model.action import Action, Collect, Fence, Hello, Signal, Stage, Start, Watch
from autolab.model.event import Event, KillAsked, StartAsked
from autolab.model.plan import LabPlan
from autolab.model.state import TERMINAL, DispatchState, Entry, Run, Status
from autolab.rules import dispatch, hello, hosts, outcome, readiness, survivors, together
from autolab.rules.attempts import in_doubt, kill_at, must_end, result_again_at, start_overdue
from autolab.rules.tick import Decision, Seen

YOUNG: Final = timedelta(minutes=2)  # what has just started may end at any moment: its look stays open

Act = tuple[Action, list[Event]]  # a request, and what is durable before it is made


def actions(state: DispatchState, seen: Seen, plan: LabPlan, now: datetime) -> list[Act]:
    """At most one request of a kind per host, for everything that is due there."""
    per_host: dict[str, list[Entry]] = {}
    for entry in state.entries.values():
        run = entry.run
        if run is not None and not run.judged and run.host in plan.hosts:
            per_host.setdefault(run.host, []).append(entry)
    hungry = seen.may_hold and any(
        e.status is Status.PENDING and dispatch.is_due(state, e, now) for e in state.entries.values()
    )
    due: list[Act] = []
    for name, entries in per_host.items():
        if hosts.may_ask(state.hosts.get(name), now):
            if name not in seen.busy:
                due += _acts(state, name, entries, plan, now)
            if name not in seen.full:
                due += _watch(name, entries, seen, plan, hungry, now)
    due += [(Hello(name, why="silent so far"), []) for name in hello.due(state, plan, now) if name not in seen.busy]
    return due


def _acts(state: DispatchState, host: str, entries: list[Entry], plan: LabPlan, now: datetime) -> list[Act]:
    """What ends comes before what begins."""
    opened = [(e, r) for e in entries if (r := e.open_run) is not None]
    unclaimed = [(e, r) for e, r in opened if r.claim is None and not in_doubt(state, e)]
    fence = tuple(e.id for e, r in unclaimed if r.fence_asked)
    stopped = plan.not_driving or hosts.in_trouble(state.hosts.get(host), now)
    new = [] if stopped else [(e, r) for e, r in unclaimed if not r.fence_asked]
    stage = tuple(e.id for e, r in new if r.staged_at is None)
    start = [e for e, r in new if r.staged_at and _may_start(e, r, plan, now)]
    kill = [e for e, r in opened if r.claim is not None and must_end(e) and kill_at(r, plan, now) <= now]
    collect = tuple(e.id for e in entries if _to_collect(e, plan, now))
    acts: list[Act] = []
    if fence:
        acts.append((Fence(host, fence, "nothing may start under these attempts"), []))
    if kill:
        asked = _kills(kill, "a person ends it: its processes are signalled", now)
        acts.append((Signal(host, tuple(e.id for e in kill), "ended by a person"), asked))
    if left := [e for e in entries if e.closed_run and survivors.to_end(e.closed_run, plan.policies)]:
        why = "what outlived it is signalled, as end_survivors says"
        acts.append((Signal(host, tuple(e.id for e in left), why), _kills(left, why, now)))
    if start:
        started: list[Event] = [StartAsked(at=now, id=e.id, attempt=e.attempt) for e in start]
        acts.append((Start(host, tuple(e.id for e in start), "due"), started))
    if stage:
        acts.append((Stage(host, stage, "intended"), []))
    if collect:
        acts.append((Collect(host, collect, "ended"), []))
    return acts


def _kills(entries: list[Entry], why: str, now: datetime) -> list[Event]:
    return [KillAsked(at=now, id=e.id, attempt=e.attempt, why=why) for e in entries]


def _may_start(entry: Entry, run: Run, plan: LabPlan, now: datetime) -> bool:
    tries = plan.policies.start_tries
    return entry.decision is None and run.starts < tries and start_overdue(run, plan, now)


def _to_collect(entry: Entry, plan: LabPlan, now: datetime) -> bool:
    run = entry.closed_run
    if run is None or run.collected or not outcome.needs_collecting(run):
        return False
    found = outcome.found_of(entry)
    return not found or (found.get("result") in {"absent", "stale"} and result_again_at(run, plan) <= now)


def _watch(host: str, entries: list[Entry], seen: Seen, plan: LabPlan, hungry: bool, now: datetime) -> list[Act]:
    """What is open there and no open look covers; a look stays open while work waits or something is young."""
    runs = [(e.id, run) for e in entries if (run := e.open_run) is not None and (run.claim or run.starts)]
    watched = tuple(ident for ident, _ in runs if ident not in seen.watched)
    young = any(run.last_start_at is not None and now - run.last_start_at < YOUNG for _, run in runs)
    hold = plan.policies.hold_s if seen.may_hold and (hungry or young) else 0.0
    due = hold or seen.watch_due is None or host in seen.watch_due
    return [(Watch(host, watched, hold, "due"), [])] if watched and due else []


def clocks(state: DispatchState, plan: LabPlan, now: datetime, made: Decision) -> None:
    """When to wake by the clock alone: waits, second looks, back-offs."""
    policies = plan.policies
    due = [*together.phases_wake(state, plan), *(q.due_at for q in state.questions.values() if q.due_at)]
    for entry in state.entries.values():
        if entry.status in TERMINAL:
            continue
        if entry.not_before:
            due.append(entry.not_before)
        run = entry.open_run
        if run is None:
            continue
        if run.gone_at is not None:
            due.append(run.gone_at + timedelta(seconds=policies.gone_again_s))
        if run.claim is None and run.last_start_at is not None:
            due.append(run.last_start_at + timedelta(seconds=policies.start_again_s))
        if run.claim is not None and must_end(entry):
            due.append(kill_at(run, plan, now))
    due += [host.not_before for host in state.hosts.values() if host.not_before]
    due += readiness.clocks(state)
    # What was due and could not be done waits for its host, and a host says when it is free: no instant of the past.
    if coming := [at for at in due if at > now]:
        made.due(min(coming))
