"""Results that are there already: experiments that are done without an attempt, on the word of who brings them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from autolab.errors import IllegalTransition, InvalidSpec, UnknownName
from autolab.model.event import Event, Succeeded
from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, Status
from autolab.model.wish import Wish
from autolab.rules.wishes import add

KEYS: Final = ("path", "sha256", "bytes")


def take_in(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """Done, by the results of ``wish.context`` (id -> path, sha256, bytes); new ones stand in ``wish.specs``."""
    yield from add(state, wish, plan, now)
    new = {spec.id for spec in wish.specs}
    for ident in wish.ids:
        entry = state.entries.get(ident)
        if entry is None and ident not in new:
            raise UnknownName("experiment", ident, state.entries)
        if entry is not None and entry.status is Status.DONE:
            continue
        if entry is not None and (entry.attempt or entry.status not in {Status.PENDING, Status.ON_HOLD}):
            raise IllegalTransition(
                f"{ident} was attempted already: its result is the attempt's",
                hint="give the old result an id of its own",
            )
        found = wish.context.get(ident)
        if not isinstance(found, Mapping) or any(key not in found for key in KEYS):
            raise InvalidSpec(f"{ident} comes without a result", hint="autolab import FILES")
        result = {**{key: found[key] for key in KEYS}, "imported": True, "asserted": wish.by}
        why = wish.why or f"its result was there: {found['path']}"
        yield Succeeded(at=now, id=ident, attempt=0, actor=wish.by, result=result, why=why)
