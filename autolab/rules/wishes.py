"""What people can ask for, one function each: the events it makes, or the error that says no."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from autolab.errors import IllegalTransition, InvalidSpec, NeedsPerson, UnknownName
from autolab.model.event import (
    Added,
    Amended,
    CancelAsked,
    Cancelled,
    Ended,
    Event,
    Held,
    HostChanged,
    Released,
    RetryAsked,
    Unparked,
)
from autolab.model.plan import LabPlan
from autolab.model.state import (
    DispatchState,
    End,
    EndHow,
    Entry,
    HostState,
    HostStatus,
    Status,
)
from autolab.model.transitions import may
from autolab.model.wish import Ask, Wish
from autolab.rules.questions import withdraw


def _entries(state: DispatchState, wish: Wish) -> Iterator[Entry]:
    for ident in dict.fromkeys(wish.ids):
        if ident not in state.entries:
            raise UnknownName("experiment", ident, state.entries)
        yield state.entries[ident]


def add(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """New experiments, or new designs of those that were never attempted."""
    folded = {ident.casefold(): ident for ident in state.entries}
    if len({spec.id for spec in wish.specs}) < len(wish.specs):
        raise InvalidSpec("an id stands twice in what is to be added", hint="give each experiment an id of its own")
    for spec in wish.specs:
        known = state.entries.get(spec.id)
        if known is None:
            if (other := folded.get(spec.id.casefold())) is not None:
                raise InvalidSpec(f"{spec.id} differs from {other} by case only", hint="choose another id")
            folded[spec.id.casefold()] = spec.id
            yield Added(at=now, id=spec.id, actor=wish.by, spec=spec, why="added")
        elif known.spec == spec:
            continue
        elif known.attempt:
            raise InvalidSpec(
                f"{spec.id} was attempted already: its design is fixed", hint="give the new design a new id"
            )
        elif not wish.update:
            raise InvalidSpec(
                f"{spec.id} is there with another design", hint="see the difference with add --update --dry-run"
            )
        else:
            yield Amended(at=now, id=spec.id, actor=wish.by, spec=spec, why="new design")


def cancel(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """Cancel, also what runs; ``abandon``: on the person's word where nothing proves it dead."""
    for entry in _entries(state, wish):
        if entry.status is Status.CANCELLED or (
            entry.decision and entry.decision.what == "cancel" and not wish.abandon
        ):
            continue
        if not may(entry.status, CancelAsked):
            raise IllegalTransition(
                f"{entry.id} is {entry.status} already", hint=f"autolab retry {entry.id} runs it again"
            )
        common: dict[str, Any] = {
            "at": now,
            "id": entry.id,
            "attempt": entry.attempt,
            "actor": wish.by,
            "why": wish.why,
        }
        yield CancelAsked(**common)
        if wish.abandon and entry.open_run is not None:
            yield abandoned(entry, wish, now)
        elif entry.open_run is None and (wish.abandon or entry.status not in {Status.RUNNING, Status.UNREACHABLE}):
            yield Cancelled(**common)
        if entry.open_run is None or wish.abandon:  # else what is unknown of it stays a question until its end is seen
            yield from withdraw(state, entry.id, now, "cancelled")


def hold(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """Keep from being launched."""
    for entry in _entries(state, wish):
        if entry.decision is not None and entry.decision.what == "hold":
            continue
        _must(entry, Held)
        yield Held(at=now, id=entry.id, attempt=entry.attempt, actor=wish.by, why=wish.why)


def release(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """Held or parked no more."""
    for entry in _entries(state, wish):
        if entry.status is not Status.ON_HOLD:
            if entry.status in {Status.PENDING, Status.RUNNING}:
                continue
            _must(entry, Released)
        yield _let_go(entry, wish, now)
        yield from withdraw(state, entry.id, now, "released")


def _let_go(entry: Entry, wish: Wish, now: datetime) -> Event:
    """Held or parked no more: running where a claim was seen, waiting otherwise."""
    running = entry.open_run is not None and entry.open_run.claim is not None
    kind = Unparked if running or entry.closed_run is not None else Released
    return kind(at=now, id=entry.id, attempt=entry.attempt, actor=wish.by, why=wish.why or "released")


def retry(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """A new attempt of what has ended, or of what a person knows to be dead."""
    for entry in _entries(state, wish):
        if entry.open_run is not None:
            if not wish.abandon:
                run = entry.open_run
                raise NeedsPerson(
                    f"{entry.id}: attempt {run.number} on {run.host} is not closed ({entry.why or entry.status})",
                    hint="cancel it first, or --abandon --reason if you know that it is dead",
                )
            yield abandoned(entry, wish, now)
        elif entry.status is Status.PENDING:
            continue
        else:
            _must(entry, RetryAsked)
            yield RetryAsked(at=now, id=entry.id, attempt=entry.attempt, actor=wish.by, why=wish.why or "again")
        yield from withdraw(state, entry.id, now, "answered by retry")


def abandoned(entry: Entry, wish: Wish, now: datetime) -> Event:
    """Its attempt, closed on a person's word."""
    end = End(how=EndHow.ABANDONED, at=now, detail=f"given up by {wish.by}: {wish.why}")
    return Ended(at=now, id=entry.id, attempt=entry.attempt, actor=wish.by, end=end, why=end.detail)


def _must(entry: Entry, kind: type[Event]) -> None:
    if not may(entry.status, kind):
        raise IllegalTransition(
            f"{entry.id} is {entry.status}: that cannot happen to it", hint=f"autolab show {entry.id}"
        )


def use_host(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """Drain or resume hosts."""
    for name in dict.fromkeys(wish.ids):
        if name not in plan.hosts:
            raise UnknownName("host", name, plan.hosts)
        host = state.hosts.get(name) or HostState(name=name)
        status = HostStatus.DRAINED if wish.ask is Ask.DRAIN else HostStatus.UNKNOWN
        if host.status is status:
            continue
        changed = replace(host, status=status, since=now, why=wish.why, not_before=None, misses=0, failures=())
        yield HostChanged(at=now, actor=wish.by, host=changed, why=wish.why or wish.ask.value)
        if wish.ask is Ask.RESUME:
            yield from withdraw(state, f"host:{name}", now, "resumed")
