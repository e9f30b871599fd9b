"""What people ask for, answered: the events it makes, or the rule that says no. All of a wish, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from autolab.errors import AutolabError
from autolab.model.event import Event, WishSettled
from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, Entry
from autolab.model.transitions import apply
from autolab.model.wish import Ask, Wish
from autolab.rules import importing, processes, wishes
from autolab.rules.announce import tell
from autolab.rules.decisions import decide
from autolab.rules.readiness import wanted
from autolab.rules.reserved import issue


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


_ANSWERS: Final[Mapping[Ask, Callable[[DispatchState, Wish, LabPlan, datetime], Iterator[Event]]]] = {
    Ask.ADD: wishes.add,
    Ask.CHECK: wanted,
    Ask.CANCEL: wishes.cancel,
    Ask.HOLD: wishes.hold,
    Ask.RELEASE: wishes.release,
    Ask.RETRY: wishes.retry,
    Ask.DECIDE: decide,
    Ask.CODE: issue,
    Ask.DRAIN: wishes.use_host,
    Ask.RESUME: wishes.use_host,
    Ask.TELL: tell,
    Ask.ADOPT: processes.adopt,
    Ask.IMPORT: importing.take_in,
}
