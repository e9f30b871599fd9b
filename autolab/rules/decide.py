"""One tick's decision, in order: what is news, what people want, what is proven, what follows, what to do now.

Pure: the state, what was seen, the plan and the time go in; events and actions come out. The state is advanced by the
events as they are made, so that each step sees what the step before decided; nothing is acted upon before the caller
has made the events durable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from autolab.model.action import Action, Collect, Fence, Hello, Signal, Stage, Start, Watch
from autolab.model.card import CardReport
from autolab.model.documents import best, parse, said_by
from autolab.model.event import (
    Added,
    Collected,
    Event,
    FenceAsked,
    HostLost,
    KillAsked,
    LaunchIntended,
    Observed,
    QuestionAsked,
    StartAsked,
)
from autolab.model.observation import Authority, Escalation, Look, Sidecar, Sighting, Unreadable
from autolab.model.origin import Origin
from autolab.model.plan import LabPlan
from autolab.model.readiness import Checked
from autolab.model.state import TERMINAL, DispatchState, Entry, Run, Status
from autolab.model.transitions import fold, may
from autolab.model.wish import Wish
from autolab.rules import (
    answers,
    cards,
    dispatch,
    evidence,
    external,
    hello,
    hosts,
    liveness,
    merge,
    noticing,
    outcome,
    patience,
    questions,
    readiness,
    survivors,
    together,
)
from autolab.rules.decisions import defaults_due
from autolab.rules.intent import intended_run
from autolab.rules.removed import removed


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything a tick reads before it decides.

    code       digest of the snapshot that a launch would use; None: it cannot be made (``plan.launching`` says why)
    origin     where that code stands in git
    busy       hosts whose acting lane still works on something: no new action for them
    watched    experiments that an open look covers
    full       hosts that have as many open looks as they may have
    watch_due  hosts to look at now by their pace; None: all that have something running
    cards      host -> what it last said of its cards, where it was asked
    strays     sidecars of experiments that nobody has added, by their id
    escalations what agents wrote because they need somebody
    hellos     host -> what came of asking whether it is there
    results    of external experiments that say done: what was found of their declared file
    may_hold   a look may stay open on a host while work waits for a slot
    checked    how checks of hosts went that came back;  checking: hosts that are being checked now
    """

    sidecars: tuple[Sidecar, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    strays: Mapping[str, Sidecar] = field(default_factory=dict)
    escalations: tuple[Escalation, ...] = ()
    wishes: tuple[Wish, ...] = ()
    code: str | None = None
    origin: Origin = field(default_factory=Origin)
    busy: frozenset[str] = frozenset()
    watched: frozenset[str] = frozenset()
    full: frozenset[str] = frozenset()
    watch_due: frozenset[str] | None = None
    results: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    cards: Mapping[str, CardReport] = field(default_factory=dict)
    hellos: Mapping[str, Sighting] = field(default_factory=dict)
    may_hold: bool = False
    checked: tuple[Checked, ...] = ()
    checking: frozenset[str] = frozenset()


@dataclass(slots=True)
class Decision:
    """What a tick makes of what it saw. ``wake_at``: when something is due by the clock alone."""

    events: list[Event] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    wake_at: datetime | None = None

    def due(self, at: datetime) -> None:
        """Remember the earliest of what is due by the clock."""
        self.wake_at = at if self.wake_at is None else min(self.wake_at, at)


def decide(state: DispatchState, seen: Seen, plan: LabPlan, now: datetime) -> Decision:
    """One tick. ``state`` is advanced by the events that are returned."""
    made = Decision()

    def take(events: Iterable[Event]) -> None:
        for happened in events:
            if isinstance(happened, QuestionAsked):
                happened = evidence.complete(state, happened, plan, now)
            fold(state, happened)
            made.events.append(happened)

    take(merge.merge_sidecars(state, seen.sidecars, now))
    take(external.escalated(state, seen.escalations, now))
    take(merge.report_unreadable(state, seen.unreadable, plan.policies.sidecar_patience, now))
    for wish in seen.wishes:
        take(answers.answer(state, wish, plan, now))
    take(defaults_due(state, plan, now))
    for happened in list(made.events):
        if isinstance(happened, Added) and (stray := seen.strays.get(happened.id)) is not None:
            take(external.claimed(state.entries[happened.id], stray.cells, now))
    for happened in list(made.events):
        if isinstance(happened, Observed):
            take(_consider(state, happened, seen, plan, now))
    for ident, result in seen.results.items():
        if result and ident in state.entries:
            take(external.heard(state, state.entries[ident], result, now))
    opened = [(i, e) for i, e in state.entries.items() if e.run is not None and not e.run.judged]
    take(removed(state, (e for _, e in opened), plan, now))
    for ident in [i for i, e in opened if e.status not in TERMINAL]:
        take(_follow(state, state.entries[ident], plan, now, made))
    for name, sighting in seen.hellos.items():
        take(hosts.heard(state, name, sighting, plan.policies, now))
    take(hosts.relieve(state, now))
    take(cards.noted(state, seen.cards, plan, now))
    take(cards.peaks(state, seen.cards, now))
    take(together.group_alarms(state, list(made.events), plan, now))
    take(readiness.heard(state, seen.checked, plan, now))
    take(readiness.begin(state, seen.code, plan, now))
    take(readiness.ask(state, plan, now))
    take(_intend(state, seen, plan, now))
    take(together.begin(state, list(made.events), now))
    take(together.phases_due(state, plan, now))
    for action, events in _actions(state, seen, plan, now):
        take(events)
        made.actions.append(action)
    made.actions += readiness.checks(state, seen.checking, plan, now)
    _clocks(state, plan, now, made)
    return made


# --- what an observation means ---------------------------------------------------------------------------------------


def _consider(state: DispatchState, told: Observed, seen: Seen, plan: LabPlan, now: datetime) -> Iterator[Event]:
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


# --- what follows from what is known ---------------------------------------------------------------------------------


def _follow(state: DispatchState, entry: Entry, plan: LabPlan, now: datetime, made: Decision) -> Iterator[Event]:
    run = entry.run
    if run is None or run.judged:
        return
    if run.end is None:
        yield from _steer(state, entry, run, plan, now)
        return
    if survivors.to_end(run, plan.policies):
        return
    if not run.collected:
        if outcome.needs_collecting(run) and not outcome.found_of(entry):
            return
        late = outcome.result_is_late(entry, plan.policies, now)
        if late is not None:
            made.due(late if run.fetched_at is None else min(late, max(_again_at(run, plan), now + A_MOMENT)))
            return
        collected = Collected(at=now, id=entry.id, attempt=entry.attempt, causes=outcome.causes_of(entry))
        yield collected
        entry = state.entries[entry.id]
    yield from questions.withdraw(state, entry.id, now, "it ended", *patience.OVER)
    yield from outcome.conclude(state, state.entries[entry.id], plan, now)


def _steer(state: DispatchState, entry: Entry, run: Run, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """What has no claim is fenced when it is cancelled, never claims, or was staged before a restart."""
    common: dict[str, Any] = {"at": now, "id": entry.id, "attempt": entry.attempt}
    if run.claim is None and not run.fence_asked and may(entry.status, FenceAsked) and not _in_doubt(state, entry):
        if _to_end(entry):
            yield FenceAsked(**common, why="ended by a person before it started: fenced")
        elif taken := cards.refusal(entry):
            yield FenceAsked(**common, why=taken)
        elif run.starts >= plan.policies.start_tries and _start_overdue(run, plan, now):
            yield FenceAsked(**common, why=f"{run.starts} starts on {run.host} without a claim")
        elif _other_boot(entry, run):
            yield FenceAsked(**common, why=f"{run.host} was restarted before it started")


def _to_end(entry: Entry) -> bool:
    """Its processes are to be ended: by a person's word (cancelled, or to be run anew), or for what its log says."""
    if entry.run is not None and entry.run.stopping:
        return True
    return entry.decision is not None and entry.decision.what in {"cancel", "restart"}


def _in_doubt(state: DispatchState, entry: Entry) -> bool:
    """What was last seen of it makes no sense: a folder made anew proves nothing about the one that is gone."""
    if any(q.about == entry.id and q.reason == "unknown_end" for q in state.questions.values()):
        return True
    told = said_by(entry, Authority.EXECUTOR, "sighting")
    return told is not None and bool(liveness.puzzle(entry, parse(Sighting, told)))


def _other_boot(entry: Entry, run: Run) -> bool:
    told = best(entry, "sighting")
    boot = told.get("host", {}).get("boot_id") if isinstance(told, Mapping) and told.get("look") == Look.SEEN else None
    return bool(run.staged_boot and boot and boot != run.staged_boot)


def _start_overdue(run: Run, plan: LabPlan, now: datetime) -> bool:
    return run.last_start_at is None or now - run.last_start_at >= timedelta(seconds=plan.policies.start_again_s)


def _intend(state: DispatchState, seen: Seen, plan: LabPlan, now: datetime) -> Iterator[Event]:
    if seen.code is None:
        return
    waiting = [e for e in state.entries.values() if e.status is Status.PENDING]
    launched = list(together.not_paused(state, waiting))
    for placed in (*dispatch.adopted(plan, waiting), *dispatch.place(state, plan, now, launched, seen.cards)):
        entry, host = state.entries[placed.id], plan.hosts[placed.host]
        run = intended_run(state, entry, host, placed, seen.code, seen.origin, now)
        gpus = f", GPU {','.join(placed.gpus)}" if placed.gpus else ""
        yield LaunchIntended(at=now, id=entry.id, attempt=run.number, run=run, why=f"goes to {host.name}{gpus}")


# --- what to do about it ---------------------------------------------------------------------------------------------


def _actions(state: DispatchState, seen: Seen, plan: LabPlan, now: datetime) -> list[tuple[Action, list[Event]]]:
    """At most one request of a kind per host, for everything that is due there."""
    per_host: dict[str, list[Entry]] = {}
    for entry in state.entries.values():
        run = entry.run
        if run is not None and not run.judged and run.host in plan.hosts:
            per_host.setdefault(run.host, []).append(entry)
    hungry = seen.may_hold and any(
        e.status is Status.PENDING and dispatch.is_due(state, e, now) for e in state.entries.values()
    )
    due: list[tuple[Action, list[Event]]] = []
    for name, entries in per_host.items():
        if hosts.may_ask(state.hosts.get(name), now):
            if name not in seen.busy:
                due += _acts(state, name, entries, plan, now)
            if name not in seen.full:
                due += _watch(name, entries, seen, plan, hungry, now)
    due += [(Hello(name, why="silent so far"), []) for name in hello.due(state, plan, now) if name not in seen.busy]
    return due


def _acts(
    state: DispatchState, host: str, entries: list[Entry], plan: LabPlan, now: datetime
) -> list[tuple[Action, list[Event]]]:
    opened = [(e, r) for e in entries if (r := e.open_run) is not None]
    unclaimed = [(e, r) for e, r in opened if r.claim is None and not _in_doubt(state, e)]
    fence = tuple(e.id for e, r in unclaimed if r.fence_asked)
    stopped = plan.not_driving or hosts.in_trouble(state.hosts.get(host), now)
    new = [] if stopped else [(e, r) for e, r in unclaimed if not r.fence_asked]
    stage = tuple(e.id for e, r in new if r.staged_at is None)
    start = [e for e, r in new if r.staged_at and _may_start(e, r, plan, now)]
    kill = [e for e, r in opened if r.claim is not None and _to_end(e) and _kill_at(r, plan, now) <= now]
    collect = tuple(e.id for e in entries if _to_collect(e, plan, now))
    acts: list[tuple[Action, list[Event]]] = []
    asked: list[Event]
    if fence:
        acts.append((Fence(host, fence, "nothing may start under these attempts"), []))
    if kill:
        why = "a person ends it: its processes are signalled"
        signalled: list[Event] = [KillAsked(at=now, id=e.id, attempt=e.attempt, why=why) for e in kill]
        acts.append((Signal(host, tuple(e.id for e in kill), "ended by a person"), signalled))
    if left := [e for e in entries if e.closed_run and survivors.to_end(e.closed_run, plan.policies)]:
        why = "what outlived it is signalled, as end_survivors says"
        asked = [KillAsked(at=now, id=e.id, attempt=e.attempt, why=why) for e in left]
        acts.append((Signal(host, tuple(e.id for e in left), why), asked))
    if start:
        asked = [StartAsked(at=now, id=e.id, attempt=e.attempt) for e in start]
        acts.append((Start(host, tuple(e.id for e in start), "due"), asked))
    if stage:
        acts.append((Stage(host, stage, "intended"), []))
    if collect:
        acts.append((Collect(host, collect, "ended"), []))
    return acts


def _may_start(entry: Entry, run: Run, plan: LabPlan, now: datetime) -> bool:
    tries = plan.policies.start_tries
    return entry.decision is None and run.starts < tries and _start_overdue(run, plan, now)


def _kill_at(run: Run, plan: LabPlan, now: datetime) -> datetime:
    """When its processes are signalled next: what does not die of KILL is not asked at every tick."""
    if run.last_kill_at is None:
        return now
    return run.last_kill_at + timedelta(seconds=plan.policies.kill_again_s * 2 ** min(run.kills - 1, 6))


def _again_at(run: Run, plan: LabPlan) -> datetime:
    """When a late result is looked for again."""
    return (run.fetched_at or run.intended_at) + timedelta(seconds=plan.policies.result_again_s)


def _to_collect(entry: Entry, plan: LabPlan, now: datetime) -> bool:
    run = entry.closed_run
    if run is None or run.collected or not outcome.needs_collecting(run):
        return False
    found = outcome.found_of(entry)
    return not found or (found.get("result") in {"absent", "stale"} and _again_at(run, plan) <= now)


A_MOMENT: Final = timedelta(seconds=1)
YOUNG: Final = timedelta(minutes=2)  # what has just started may end at any moment: its look stays open


def _watch(
    host: str, entries: list[Entry], seen: Seen, plan: LabPlan, hungry: bool, now: datetime
) -> list[tuple[Action, list[Event]]]:
    """What is open there and no open look covers; a look stays open while work waits or something is young."""
    runs = [(e.id, run) for e in entries if (run := e.open_run) is not None and (run.claim or run.starts)]
    watched = tuple(ident for ident, _ in runs if ident not in seen.watched)
    young = any(run.last_start_at is not None and now - run.last_start_at < YOUNG for _, run in runs)
    hold = plan.policies.hold_s if seen.may_hold and (hungry or young) else 0.0
    due = hold or seen.watch_due is None or host in seen.watch_due
    return [(Watch(host, watched, hold, "due"), [])] if watched and due else []


def _clocks(state: DispatchState, plan: LabPlan, now: datetime, made: Decision) -> None:
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
        if run.claim is not None and _to_end(entry):
            due.append(_kill_at(run, plan, now))
    due += [host.not_before for host in state.hosts.values() if host.not_before]
    due += readiness.clocks(state)
    # What was due and could not be done waits for its host, and a host says when it is free: no instant of the past.
    if coming := [at for at in due if at > now]:
        made.due(min(coming))
