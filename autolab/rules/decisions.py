"""What an answer to a question does. Every option that does something has its effect in ``EFFECTS``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from autolab.errors import IllegalTransition, UnknownName
from autolab.model.event import (
    CheckAsked,
    Event,
    Failed,
    Held,
    HostAccepted,
    Parked,
    PatienceSet,
    QuestionClosed,
    Released,
    RestartAsked,
    StopAsked,
    Succeeded,
    Unparked,
)
from autolab.model.plan import LabPlan
from autolab.model.state import TERMINAL, DispatchState, Entry, Question, Status, experiment_of
from autolab.model.transitions import may
from autolab.model.wish import Ask, Wish
from autolab.rules import wishes
from autolab.rules.reserved import check
from autolab.rules.subjects import members

_LIST: Final = "autolab status lists the open ones"
PARKING: Final = frozenset({"timeout", "unreachable", "intermittent", "poll_72h"})  # asked about with a park


def decide(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """The question closed with its answer, and what follows from that.

    raises  UnknownName for a question or option that is not there; IllegalTransition for one that was closed or
            changed; Refused for somebody who may not answer it
    """
    question = state.questions.get(wish.question)
    if question is None:
        raise _not_open(state, wish.question)
    if wish.option not in {option.name for option in question.options}:
        names = [option.name for option in question.options]
        raise UnknownName("option", wish.option, names, hint=f"{question.id} takes: {', '.join(names)}")
    digest = wish.context.get("digest")
    if digest and digest != question.digest:
        raise IllegalTransition(f"{question.id} is not what was answered", hint="read it again and decide anew")
    check(state, question, wish, plan.answers)
    yield from taken(state, question, wish, plan, now)


def defaults_due(state: DispatchState, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """The default of each question whose time is over, taken and said to be that."""
    for question in list(state.questions.values()):
        if question.default is not None and question.due_at is not None and question.due_at <= now:
            note = f"nobody answered by {question.due_at:%Y-%m-%dT%H:%M:%SZ}"
            wish = Wish(
                id=f"default-{question.id}",
                ask=Ask.DECIDE,
                by="autolab (default)",
                question=question.id,
                option=question.default,
                note=note,
            )
            yield from taken(state, question, wish, plan, now)


def taken(state: DispatchState, question: Question, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """``question`` closed with the option of ``wish``, and what that does."""
    yield QuestionClosed(
        at=now,
        id=experiment_of(question.about),
        actor=wish.by,
        question=question.id,
        option=wish.option,
        note=wish.note,
        why=f"{wish.by} decided {wish.option}" + (f": {wish.note}" if wish.note else ""),
    )
    effect = EFFECTS.get(f"{question.reason}/{wish.option}") or EFFECTS[wish.option]
    for happened in effect(Answered(state, question, wish, plan, now)):
        if not isinstance(happened, QuestionClosed):  # the question that brought us here is closed once
            yield happened


def _not_open(state: DispatchState, question: str) -> Exception:
    """Why there is nothing to answer: it was closed (by whom, when), or it never was."""
    if (said := state.answered.get(question)) is not None:
        return IllegalTransition(f"{question} is not open any more: {said}", hint=_LIST)
    return UnknownName("open question", question, state.questions, hint=_LIST)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with all that its effect may need."""

    state: DispatchState
    question: Question
    wish: Wish
    plan: LabPlan
    now: datetime

    def entries(self) -> list[Entry]:
        """What it is about, as it stands; all of a phase or group."""
        return members(self.state, self.question.about)

    def about(self, *entries: Entry) -> Wish:
        """The same wish, for these."""
        why = self.wish.note or f"{self.question.id}: {self.wish.option}"
        return replace(self.wish, ids=tuple(entry.id for entry in entries), why=why, abandon=False)

    def of(self, entry: Entry) -> dict[str, Any]:
        """What every event about ``entry`` says."""
        wish = self.about(entry)
        return {"at": self.now, "id": entry.id, "attempt": entry.attempt, "actor": wish.by, "why": wish.why}

    def is_current(self, entry: Entry) -> bool:
        """Its attempt is still the one that was asked about, and not judged."""
        return (entry.open_run or entry.closed_run) is not None and self.question.attempt == entry.attempt


def _nothing(told: Answered) -> Iterator[Event]:
    yield from ()


def _retry(told: Answered) -> Iterator[Event]:
    for entry in told.entries():
        if entry.status in TERMINAL:
            yield from wishes.retry(told.state, told.about(entry), told.plan, told.now)


def _abandon(told: Answered) -> Iterator[Event]:
    for entry in told.entries():
        if told.is_current(entry) and entry.open_run is not None:
            yield wishes.abandoned(entry, told.about(entry), told.now)


def _give_up(told: Answered) -> Iterator[Event]:
    for entry in told.entries():
        if told.is_current(entry):
            yield from wishes.cancel(told.state, replace(told.about(entry), abandon=True), told.plan, told.now)


def _confirm(told: Answered) -> Iterator[Event]:
    for entry in told.entries():
        yield Succeeded(**told.of(entry))


def _reject(told: Answered) -> Iterator[Event]:
    for entry in told.entries():
        yield Failed(**told.of(entry), kind="rejected")


def _let_run(told: Answered) -> Iterator[Event]:
    """Parked no more, unless another question parks it or a person holds it."""
    for entry in told.entries():
        if entry.status is Status.ON_HOLD and entry.decision is None and not _parked_by_another(told, entry):
            yield Unparked(**told.of(entry))


def _parked_by_another(told: Answered, entry: Entry) -> bool:
    others = (q for q in told.state.questions.values() if q.id != told.question.id and q.about == entry.id)
    return any(question.reason in PARKING for question in others)


def _stop(told: Answered) -> Iterator[Event]:
    for entry in told.entries():
        if told.is_current(entry):
            yield from wishes.cancel(told.state, told.about(entry), told.plan, told.now)


def _restart(told: Answered) -> Iterator[Event]:
    for entry in told.entries():
        if told.is_current(entry) and entry.open_run is not None:
            yield RestartAsked(**told.of(entry))


def _end(told: Answered) -> Iterator[Event]:
    for entry in told.entries():
        if told.is_current(entry) and entry.open_run is not None:
            yield StopAsked(**told.of(entry), kind=next(iter(reversed(entry.open_run.noticed)), ""))


def _extend(told: Answered) -> Iterator[Event]:
    about = told.question.about
    yield PatienceSet(at=told.now, actor=told.wish.by, about=about, since=told.now, why="waits for longer")


def _park(told: Answered) -> Iterator[Event]:
    for entry in told.entries():
        if entry.status in {Status.RUNNING, Status.UNREACHABLE}:
            yield Parked(**told.of(entry), reason="poll_72h")
        elif entry.status is Status.PENDING and may(entry.status, Held):
            yield Held(**told.of(entry))
    yield PatienceSet(at=told.now, actor=told.wish.by, about=told.question.about, why="goes on without what is parked")


def _go_on(told: Answered) -> Iterator[Event]:
    failed = sum(entry.status is Status.FAILED for entry in told.entries())
    about = told.question.about
    yield PatienceSet(at=told.now, actor=told.wish.by, about=about, level=float(failed), why="launches the rest")


def _waiting(told: Answered) -> list[Entry]:
    return [e for e in told.entries() if e.status is Status.PENDING and e.open_run is None]


def _hold_rest(told: Answered) -> Iterator[Event]:
    yield from wishes.hold(told.state, told.about(*_waiting(told)), told.plan, told.now)


def _cancel_rest(told: Answered) -> Iterator[Event]:
    yield from wishes.cancel(told.state, told.about(*_waiting(told)), told.plan, told.now)


def _parked(told: Answered) -> list[Entry]:
    return [e for e in told.entries() if e.status in {Status.ON_HOLD, Status.UNREACHABLE}]


def _elsewhere(told: Answered) -> Iterator[Event]:
    """Again on another host: what may live is ended first, and its end proven."""
    for entry in _parked(told):
        if entry.open_run is not None:
            yield RestartAsked(**told.of(entry), avoid=tuple(dict.fromkeys((*entry.avoid, entry.open_run.host))))
        else:
            yield Released(**told.of(entry))


def _cancel_parked(told: Answered) -> Iterator[Event]:
    yield from wishes.cancel(told.state, told.about(*_parked(told)), told.plan, told.now)


def _use_host(told: Answered) -> Iterator[Event]:
    ask = Ask.DRAIN if told.wish.option == "drain" else Ask.RESUME
    wish = replace(told.wish, ids=(told.question.about.removeprefix("host:"),), ask=ask)
    yield from wishes.use_host(told.state, wish, told.plan, told.now)


def _check_again(told: Answered) -> Iterator[Event]:
    name = told.question.about.removeprefix("host:")
    yield CheckAsked(at=told.now, actor=told.wish.by, host=name, why=f"{name} is checked again")


def _as_it_is(told: Answered) -> Iterator[Event]:
    name = told.question.about.removeprefix("host:")
    yield HostAccepted(at=told.now, actor=told.wish.by, host=name, why=f"{name} is used as it is")


Effect = Callable[[Answered], Iterator[Event]]
# option, or reason/option where the same word does something else there -> what it does beside closing the question
EFFECTS: Final[Mapping[str, Effect]] = {
    "retry": _retry,
    "accept": _nothing,
    "noted": _nothing,
    "partial": _nothing,
    "wait": _let_run,
    "stop": _stop,
    "restart": _restart,
    "abandon": _abandon,
    "cancel": _give_up,
    "reject": _reject,
    "unconfirmed/accept": _confirm,
    "end": _end,
    "extend": _extend,
    "park": _park,
    "go_on": _go_on,
    "group_failing/hold": _hold_rest,
    "group_failing/cancel": _cancel_rest,
    "elsewhere": _elsewhere,
    "on_hold_before_synthesis/cancel": _cancel_parked,
    "again": _use_host,
    "env_failed/again": _check_again,
    "env_failed/accept": _as_it_is,
    "drain": _use_host,
}
