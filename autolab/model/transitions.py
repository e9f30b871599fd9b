"""How a status changes: one table, and the only functions that change an entry or the state.

Whatever is not in the table cannot happen: a command that asks for it is refused, an observation that would cause it
changes nothing. ``docs/states.md`` is printed from this table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final, TypeVar

from autolab.errors import Bug, IllegalTransition
from autolab.model import event as e
from autolab.model.evolve import evolved
from autolab.model.state import ACTIVE, TERMINAL, DispatchState, Entry, HostState, Patience, Status

T = TypeVar("T")
P, R, U, H = Status.PENDING, Status.RUNNING, Status.UNREACHABLE, Status.ON_HOLD
D, F, C = Status.DONE, Status.FAILED, Status.CANCELLED

# Everything that only adds facts: the status stays whatever it is.
NEUTRAL: Final = (
    e.Observed, e.PeakSeen, e.QuestionAsked, e.QuestionRepeated, e.QuestionClosed, e.Noted, e.Noticed, e.Marked,
)  # fmt: skip

TRANSITIONS: Final[Mapping[tuple[Status, type[e.Event]], Status]] = {
    (P, e.Amended): P,
    (P, e.AdoptAsked): P,
    (P, e.LaunchIntended): P,
    (P, e.Staged): P,
    (P, e.StartAsked): P,
    (P, e.FenceAsked): P,
    (P, e.Started): R,
    (P, e.Ended): P,  # fenced, refused or withdrawn before a claim was seen
    (P, e.Requeued): P,
    (P, e.Collected): P,
    (P, e.Parked): H,
    (P, e.Succeeded): D,  # an external executor's word, checked
    (P, e.Failed): F,
    (P, e.CancelAsked): P,
    (P, e.Cancelled): C,
    (P, e.Held): H,
    (P, e.Released): P,
    (R, e.Started): R,  # told twice: no harm
    (R, e.SeenAgain): R,
    (R, e.HostLost): U,
    (R, e.Vanished): R,
    (R, e.KillAsked): R,
    (R, e.StopAsked): R,
    (R, e.FenceAsked): R,
    (R, e.Ended): R,
    (R, e.Collected): R,
    (R, e.Succeeded): D,
    (R, e.Failed): F,
    (R, e.Requeued): P,
    (R, e.Parked): H,
    (R, e.CancelAsked): R,
    (R, e.RestartAsked): R,
    (R, e.Cancelled): C,
    (R, e.Held): H,
    (U, e.Started): R,
    (U, e.SeenAgain): R,
    (U, e.Vanished): R,
    (U, e.HostLost): U,
    (U, e.KillAsked): U,
    (U, e.StopAsked): U,
    (U, e.FenceAsked): U,
    (U, e.Ended): R,
    (U, e.Parked): H,
    (U, e.CancelAsked): U,
    (U, e.RestartAsked): U,
    (U, e.Held): H,
    (U, e.Succeeded): D,  # an external executor's word comes without an attempt of ours that would end first
    (U, e.Failed): F,
    (U, e.Cancelled): C,
    (H, e.Amended): H,  # held before its first attempt
    (H, e.Started): H,  # held by a person, and it runs: shown, not revived (B1)
    (H, e.Staged): H,
    (H, e.SeenAgain): H,
    (H, e.Vanished): H,
    (H, e.HostLost): H,
    (H, e.KillAsked): H,
    (H, e.StopAsked): H,
    (H, e.FenceAsked): H,
    (H, e.Ended): H,
    (H, e.Collected): H,
    (H, e.Parked): H,
    (H, e.Succeeded): D,  # a parked job may still end well (B18)
    (H, e.Failed): F,
    (H, e.Requeued): P,
    (H, e.CancelAsked): H,
    (H, e.RestartAsked): H,
    (H, e.Cancelled): C,
    (H, e.Held): H,
    (H, e.Released): P,
    (H, e.AdoptAsked): P,
    (H, e.Unparked): R,
    (D, e.RetryAsked): P,
    (F, e.RetryAsked): P,
    (C, e.RetryAsked): P,
}


def may(status: Status, kind: type[e.Event]) -> bool:
    """Whether ``kind`` can happen to an entry that is ``status``."""
    return kind in NEUTRAL or (status, kind) in TRANSITIONS


def apply(entry: Entry, happened: e.Event) -> Entry:
    """The entry after ``happened``; the only place where a status comes from."""
    kind = type(happened)
    after = entry.status if kind in NEUTRAL else TRANSITIONS.get((entry.status, kind))
    if after is None:
        raise IllegalTransition(f"{entry.id} is {entry.status}: {happened.name} cannot happen to it")
    changes = {"why": happened.why or entry.why, **happened.changes(entry)}
    if after is not entry.status:
        changes |= {"status": after, "since": happened.at}
    return evolved(entry, changes)


def fold(state: DispatchState, happened: e.Event) -> None:
    """Let one event happen to the state. The caller gives it its ``seq`` by the order of calls."""
    if happened.id and not isinstance(happened, e.Added):
        entry = state.entries.get(happened.id)
        if entry is not None:
            state.entries[happened.id] = apply(entry, happened)
    if type(happened) in _OF_THE_LAB:
        _fold_lab(state, happened)
    state.seq += 1
    state.updated = happened.at


# What changes more of the state than one entry: asked first, because nearly all that happens is not of these kinds.
_OF_THE_LAB: Final = frozenset(
    {
        e.LabMade,
        e.Added,
        e.HostChanged,
        e.DriverTaken,
        e.WishSettled,
        e.Noted,
        e.QuestionAsked,
        e.QuestionRepeated,
        e.QuestionClosed,
        e.CodeIssued,
        e.PatienceSet,
        e.EngineReturned,
        e.Announced,
        *e.OF_READINESS,
    }
)


def _fold_lab(state: DispatchState, happened: e.Event) -> None:
    match happened:
        case e.LabMade():
            state.project, state.lab = happened.project, happened.lab
        case e.Added():
            if happened.id in state.entries:
                raise Bug(f"{happened.id} was added twice")
            state.entries[happened.id] = Entry(
                spec=happened.spec,
                since=happened.at,
                added_at=happened.at,
                why=happened.why,
                archived=happened.spec.phase.rstrip().lower().endswith("(archived)"),
            )
        case e.HostChanged():
            state.hosts[happened.host.name] = happened.host
        case e.DriverTaken():
            state.driver = happened.number
        case e.WishSettled():
            _remember(state.wishes, happened.wish, happened.outcome)
        case e.Noted() if happened.path:
            _remember(state.unreadable, happened.path, happened.digest)
        case e.QuestionAsked():
            about = happened.question.about
            state.questions[happened.question.id] = happened.question
            state.asked[about] = state.asked.get(about, 0) + 1
        case e.QuestionRepeated() if (question := state.questions.get(happened.question)) is not None:
            again = {"again": question.again + 1, "again_at": happened.at, "again_seen": happened.seen}
            state.questions[question.id] = evolved(question, again)
        case e.QuestionClosed():
            state.questions.pop(happened.question, None)
            state.codes.pop(happened.question, None)
            said = f"decided {happened.option} by {happened.actor}" if happened.option else f"closed: {happened.why}"
            _remember(state.answered, happened.question, f"{said} at {happened.at:%Y-%m-%dT%H:%M:%SZ}")
        case e.CodeIssued():
            state.codes[happened.question] = happened.code_hash
        case e.PatienceSet() if happened.since is None and not happened.level:
            state.patience.pop(happened.about, None)
        case e.PatienceSet():
            state.patience[happened.about] = Patience(since=happened.since, level=happened.level)
        case e.EngineReturned():
            _move_clocks(state, timedelta(seconds=happened.away_s))
        case e.Announced():
            _remember(state.notices, str(state.seq + 1), happened.notice)
            if happened.notice.key:
                _remember(state.announced, happened.notice.key, happened.notice.summary)
        case e.CheckAsked() | e.CheckBegun() | e.HostChecked() | e.HostAccepted():
            state.readiness[happened.host] = happened.after(state.readiness.get(happened.host))
            state.hosts.setdefault(happened.host, HostState(name=happened.host))
        case _:
            pass


def _move_clocks(state: DispatchState, by: timedelta) -> None:
    """Time in which nobody could have been heard counts against nobody."""
    for name, kept in state.patience.items():
        if kept.since is not None:
            state.patience[name] = replace(kept, since=kept.since + by)
    for ident, question in state.questions.items():
        if question.due_at is not None:
            state.questions[ident] = replace(question, due_at=question.due_at + by)
    for ident, entry in state.entries.items():
        if entry.run is not None and (since := entry.run.marks.get("gpu_idle")):
            marks = {**entry.run.marks, "gpu_idle": since + by.total_seconds()}
            state.entries[ident] = replace(entry, run=replace(entry.run, marks=marks))


def fold_all(state: DispatchState, events: Iterable[e.Event]) -> DispatchState:
    """``state`` after all of ``events``, in order."""
    for happened in events:
        fold(state, happened)
    return state


REMEMBERED: Final = 1000  # settled wishes and reported files: enough that none acts or is told twice, bounded


def _remember(where: dict[str, T], key: str, value: T) -> None:
    where.pop(key, None)
    where[key] = value
    while len(where) > REMEMBERED:
        del where[next(iter(where))]


def is_active(entry: Entry) -> bool:
    """Something is still to come by itself: it waits, runs, or its end is not yet judged."""
    return entry.status in ACTIVE or (entry.status not in TERMINAL and entry.open_run is not None)
