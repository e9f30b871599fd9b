"""What people ask for, answered: the events it makes, or the rule that says no. All of a wish, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from autolab.errors import AutolabError, IllegalTransition, InvalidSpec, NeedsPerson, UnknownName
from autolab.model.event import (
    Added,
    Amended,
    CancelAsked,
    Cancelled,
    Ended,
    Event,
    Failed,
    Held,
    HostChanged,
    QuestionClosed,
    Released,
    RetryAsked,
    Succeeded,
    Unparked,
    WishSettled,
)
from autolab.model.plan import LabPlan
from autolab.model.state import (
    TERMINAL,
    DispatchState,
    End,
    EndHow,
    Entry,
    HostState,
    HostStatus,
    Question,
    Status,
)
from autolab.model.transitions import apply, may
from autolab.model.wish import Ask, Wish
from autolab.rules.questions import withdraw


def answer(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> list[Event]:
    """The events of ``wish``, its settlement last; a refused one changes nothing and says why in the settlement."""
    if wish.id in state.wishes:
        return []
    try:
        events = list(_ANSWERS[wish.ask](state, wish, plan, now))
        _rehearse(state, events)
        outcome = f"ok: {_summary(wish, events)}"
    except AutolabError as error:
        events, outcome = [], f"refused: {error.code}: {error.message}" + (f" ({error.hint})" if error.hint else "")
    return [*events, WishSettled(at=now, actor=wish.by, wish=wish.id, outcome=outcome, why=wish.why)]


def _rehearse(state: DispatchState, events: list[Event]) -> None:
    """Raises IllegalTransition where one of ``events`` could not happen after those before it: all or nothing."""
    played: dict[str, Entry] = {}
    for event in events:
        entry = played.get(event.id) or state.entries.get(event.id)
        if entry is not None:
            played[event.id] = apply(entry, event)


def _summary(wish: Wish, events: list[Event]) -> str:
    if not events:
        return "nothing to change"
    if wish.ask is Ask.DECIDE:
        return f"decided {wish.option} on {wish.question}"
    about = list(dict.fromkeys(event.id for event in events if event.id)) or list(wish.ids)
    return f"{wish.ask.value} {', '.join(about[:5])}{f' and {len(about) - 5} more' if len(about) > 5 else ''}".strip()


def _entries(state: DispatchState, wish: Wish) -> Iterator[Entry]:
    for ident in dict.fromkeys(wish.ids):
        if ident not in state.entries:
            raise UnknownName("experiment", ident, state.entries)
        yield state.entries[ident]


def _add(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
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


def _cancel(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
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
            yield _abandoned(entry, wish, now)
        elif entry.open_run is None and (wish.abandon or entry.status not in {Status.RUNNING, Status.UNREACHABLE}):
            yield Cancelled(**common)
        if entry.open_run is None or wish.abandon:  # else what is unknown of it stays a question until its end is seen
            yield from withdraw(state, entry.id, now, "cancelled")


def _hold(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    for entry in _entries(state, wish):
        if entry.decision is not None and entry.decision.what == "hold":
            continue
        _must(entry, Held)
        yield Held(at=now, id=entry.id, attempt=entry.attempt, actor=wish.by, why=wish.why)


def _release(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
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


def _retry(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    for entry in _entries(state, wish):
        if entry.open_run is not None:
            if not wish.abandon:
                run = entry.open_run
                raise NeedsPerson(
                    f"{entry.id}: attempt {run.number} on {run.host} is not closed ({entry.why or entry.status})",
                    hint="cancel it first, or --abandon --reason if you know that it is dead",
                )
            yield _abandoned(entry, wish, now)
        elif entry.status is Status.PENDING:
            continue
        else:
            _must(entry, RetryAsked)
            yield RetryAsked(at=now, id=entry.id, attempt=entry.attempt, actor=wish.by, why=wish.why or "again")
        yield from withdraw(state, entry.id, now, "answered by retry")


def _abandoned(entry: Entry, wish: Wish, now: datetime) -> Event:
    end = End(how=EndHow.ABANDONED, at=now, detail=f"given up by {wish.by}: {wish.why}")
    return Ended(at=now, id=entry.id, attempt=entry.attempt, actor=wish.by, end=end, why=end.detail)


def _must(entry: Entry, kind: type[Event]) -> None:
    if not may(entry.status, kind):
        raise IllegalTransition(
            f"{entry.id} is {entry.status}: that cannot happen to it", hint=f"autolab show {entry.id}"
        )


def _decide(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    question = state.questions.get(wish.question)
    if question is None:
        raise UnknownName("open question", wish.question, state.questions, hint="autolab status lists the open ones")
    if wish.option not in {option.name for option in question.options}:
        names = [option.name for option in question.options]
        raise UnknownName("option", wish.option, names, hint=f"{question.id} takes: {', '.join(names)}")
    digest = wish.context.get("digest")
    if digest and digest != question.digest:
        raise IllegalTransition(f"{question.id} is not what was answered", hint="read it again and decide anew")
    yield QuestionClosed(
        at=now,
        id="" if question.about.startswith("host:") else question.about,
        actor=wish.by,
        question=question.id,
        option=wish.option,
        note=wish.note,
        why=f"{wish.by} decided {wish.option}" + (f": {wish.note}" if wish.note else ""),
    )
    yield from _effect(state, question, wish, plan, now)


def _effect(state: DispatchState, question: Question, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """What an answer does, beside closing the question."""
    if question.about.startswith("host:"):
        name = question.about.removeprefix("host:")
        asked = replace(wish, ids=(name,), ask=Ask.DRAIN if wish.option == "drain" else Ask.RESUME)
        yield from _host(state, asked, plan, now)
        return
    entry = state.entries[question.about]
    about = replace(wish, ids=(entry.id,), why=wish.note or f"{question.id}: {wish.option}", abandon=True)
    current = question.attempt == entry.attempt
    if question.reason == "unconfirmed":
        kind: type[Event] = Succeeded if wish.option == "accept" else Failed
        facts: dict[str, Any] = {} if wish.option == "accept" else {"kind": "rejected"}
        yield kind(at=now, id=entry.id, attempt=entry.attempt, actor=wish.by, why=about.why, **facts)
    elif wish.option == "retry" and entry.status in TERMINAL:
        yield from _without_questions(_retry(state, about, plan, now))
    elif wish.option == "abandon" and entry.open_run is not None and current:
        yield _abandoned(entry, about, now)
    elif wish.option == "cancel" and (entry.open_run or entry.closed_run) is not None and current:
        yield from _without_questions(_cancel(state, about, plan, now))


def _without_questions(events: Iterator[Event]) -> Iterator[Event]:
    """The question that brought us here is closed by its answer, not a second time."""
    return (event for event in events if not isinstance(event, QuestionClosed))


def _host(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
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


_ANSWERS: Final[Mapping[Ask, Callable[[DispatchState, Wish, LabPlan, datetime], Iterator[Event]]]] = {
    Ask.ADD: _add,
    Ask.CANCEL: _cancel,
    Ask.HOLD: _hold,
    Ask.RELEASE: _release,
    Ask.RETRY: _retry,
    Ask.DECIDE: _decide,
    Ask.DRAIN: _host,
    Ask.RESUME: _host,
}
