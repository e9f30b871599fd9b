"""Facts: what happened, one frozen record each. The journal is a list of them and nothing else.

Whatever changes the state is one of these; ``transitions.apply`` says what each does to an entry. On disk an event is
one JSON line: ``seq, at, actor, id, attempt, event, why`` and the facts of its kind under their own names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar

from autolab.model.observation import RANK, Authority, Claim
from autolab.model.state import (
    TERMINAL,
    Cell,
    End,
    Entry,
    HostState,
    Question,
    Remark,
    Run,
    Spec,
    Status,
)

Changes = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """``at`` is our clock when it was folded; ``why`` is one line for people; ``actor`` who made it so."""

    name: ClassVar[str] = ""
    at: datetime
    id: str = ""
    attempt: int = 0
    actor: str = "autolab"
    why: str = ""

    def changes(self, entry: Entry) -> Changes:
        """What this does to the entry beside its status; every event leaves its ``why`` there."""
        return {}


def _of_run(entry: Entry, **facts: Any) -> Changes:
    """Changes of the current attempt; an event that needs one and finds none changes nothing."""
    return {"run": replace(entry.run, **facts)} if entry.run is not None else {}


def _close(entry: Entry, end: End) -> Changes:
    return _of_run(entry, end=end) if entry.open_run is not None else {}


# --- an experiment is written down -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Added(Event):
    """A new experiment, as designed."""

    spec: Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended(Event):
    """A new design of an experiment that was never attempted."""

    spec: Spec

    def changes(self, entry: Entry) -> Changes:
        return {"spec": self.spec}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed(Event):
    """Cells of one sidecar that are news for the current attempt."""

    authority: Authority
    sidecar_seq: int
    digest: str
    cells: Mapping[str, Any] = field(default_factory=dict)

    def changes(self, entry: Entry) -> Changes:
        cells = dict(entry.cells)
        for key, value in self.cells.items():
            name = cell_name(self.authority, key)
            offered = Cell(self.sidecar_seq, self.digest, value)
            held = cells.get(name)
            if held is None or cell_order(key, offered) > cell_order(key, held):
                cells[name] = offered
        return {"cells": cells, "seen": {**entry.seen, self.authority.value: self.digest}, "why": entry.why}


@lru_cache(maxsize=4096)
def cell_name(authority: Authority, key: str) -> str:
    """How a cell is found in an entry; one string for all entries: ten thousand of them hold the same few names."""
    return f"{authority.value}.{key}"


def cell_order(key: str, cell: Cell) -> tuple[bool, int, str]:
    """What decides between two cells of one key: the greater (seq, digest), but a terminal word about the status
    yields to no other word of the same authority and attempt (B2), in whatever order they come."""
    return (key == "status" and cell.value in TERMINAL, cell.seq, cell.digest)


# --- an attempt ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchIntended(Event):
    """Durable before any packet goes out: this attempt, this host, this folder."""

    run: Run

    def changes(self, entry: Entry) -> Changes:
        return {
            "run": self.run,
            "attempt": self.run.number,
            "cells": {},
            "not_before": None,
            "substatus": "launching",
            "kind": "",
            "result": None,
            "finished_at": None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged(Event):
    """Everything the attempt needs lies in its folder; ``boot_id`` is the host's when it was put there."""

    boot_id: str

    def changes(self, entry: Entry) -> Changes:
        return _of_run(entry, staged_boot=self.boot_id, staged_at=self.at, seen_at=self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAsked(Event):
    """A start request is about to be sent; counted, because three without a claim are a failure of the host."""

    def changes(self, entry: Entry) -> Changes:
        starts = entry.run.starts + 1 if entry.run else 1
        return {"substatus": "starting", **_of_run(entry, starts=starts, last_start_at=self.at)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Event):
    """The claim was seen: the command runs, or has run. An external executor's word comes without a claim."""

    claim: Claim | None = None

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": "", **_of_run(entry, claim=self.claim, started_at=self.at, seen_at=self.at)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAgain(Event):
    """Alive after it was unreachable, or after a look that found nothing."""

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": "", **_of_run(entry, gone_at=None, seen_at=self.at)}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLost(Event):
    """Its host does not answer: unknown, with a clock; never an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vanished(Event):
    """First look that found neither child nor runner nor exit record; a second one decides."""

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": "vanished", **_of_run(entry, gone_at=self.at, seen_at=self.at)}


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceAsked(Event):
    """The claim itself is to be taken, so that nothing can ever start under this attempt."""

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": "fencing", **_of_run(entry, fence_asked=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class KillAsked(Event):
    """All processes of this attempt are to be signalled."""

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": "cancelling", **_of_run(entry, kill_asked=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Event):
    """A proof that the attempt is over; it is closed for good."""

    end: End

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": "collecting", "finished_at": self.at, **_close(entry, self.end)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected(Event):
    """Result, log and run.json of an ended attempt are here, or are known not to be there."""

    def changes(self, entry: Entry) -> Changes:
        return _of_run(entry, collected=True)


# --- verdicts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded(Event):
    """Done; ``result`` says what was checked, or that nothing was declared (``asserted``)."""

    result: Mapping[str, Any] | None = None

    def changes(self, entry: Entry) -> Changes:
        return {
            "result": self.result,
            "substatus": "",
            "kind": "",
            "finished_at": entry.finished_at or self.at,
            **_of_run(entry, judged=True),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """Not again by itself."""

    kind: str

    def changes(self, entry: Entry) -> Changes:
        finished = entry.finished_at or self.at
        return {"kind": self.kind, "substatus": "", "finished_at": finished, **_of_run(entry, judged=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Event):
    """A person's cancellation has taken effect: nothing of it runs."""

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": "", "finished_at": self.at, **_of_run(entry, judged=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requeued(Event):
    """A new attempt is due after ``not_before``; what a remedy changed stands beside it."""

    kind: str
    remedy: str
    charged: bool
    not_before: datetime | None = None
    command: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    avoid: tuple[str, ...] = ()

    def changes(self, entry: Entry) -> Changes:
        return {
            "kind": self.kind,
            "substatus": "",
            "retry_count": entry.retry_count + (1 if self.charged else 0),
            "not_before": self.not_before,
            "command": self.command or entry.command,
            "env": {**entry.env, **self.env},
            "avoid": self.avoid,
            **_of_run(entry, judged=True),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked(Event):
    """Needs a decision by a person; a later end still counts."""

    reason: str
    judged: bool = False  # parked instead of a verdict on an attempt that is over

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": self.reason, **(_of_run(entry, judged=True) if self.judged else {})}


# --- what people decide ----------------------------------------------------------------------------------------------


def _remark(event: Event, what: str) -> Remark:
    return Remark(what=what, by=event.actor, at=event.at, why=event.why)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked(Event):
    """Cancel, also if it runs; ``cancelled`` follows when an end or a fence is seen."""

    def changes(self, entry: Entry) -> Changes:
        return {"decision": _remark(self, "cancel"), "substatus": "cancelling"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Event):
    """Keep it from being launched; one that runs goes on and is looked at."""

    def changes(self, entry: Entry) -> Changes:
        return {"decision": _remark(self, "hold"), "substatus": "held"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Released(Event):
    """Back into the queue."""

    def changes(self, entry: Entry) -> Changes:
        return {"decision": None, "substatus": "", "not_before": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unparked(Event):
    """Held or parked while it ran, and now simply running again."""

    def changes(self, entry: Entry) -> Changes:
        return {"decision": None, "substatus": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAsked(Event):
    """A new attempt of an ended experiment; the old result is kept aside."""

    def changes(self, entry: Entry) -> Changes:
        return {
            "decision": None,
            "substatus": "",
            "not_before": None,
            "retry_count": 0,
            "kind": "",
            "command": "",  # as it was designed: what remedies changed is gone
            "env": {},
            "avoid": (),
            "finished_at": None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAsked(Event):
    """A person must decide."""

    question: Question

    def changes(self, entry: Entry) -> Changes:
        return {"question": self.question.id}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionClosed(Event):
    """Answered (``option`` set) or no longer needed."""

    question: str
    option: str = ""
    note: str = ""

    def changes(self, entry: Entry) -> Changes:
        return {"question": ""} if entry.question == self.question else {}


# --- the lab ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LabMade(Event):
    """The first event of every journal."""

    project: str
    lab: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverTaken(Event):
    """This clone drives the lab from here on, under this number."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostChanged(Event):
    """A host as it is known from now on."""

    host: HostState


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    """Seen, shown and applied to nothing: late, quarantined, conflicting, of an unknown experiment ..."""

    kind: str
    path: str = ""
    digest: str = ""

    def changes(self, entry: Entry) -> Changes:
        return {"why": entry.why}  # it moved nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class WishSettled(Event):
    """What came of something that a person or program asked for; so that no wish acts twice."""

    wish: str
    outcome: str


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


EVENTS: Mapping[str, type[Event]] = {_snake(kind.__name__): kind for kind in Event.__subclasses__()}
for _name, _kind in EVENTS.items():
    _kind.name = _name

_FACTS: Mapping[type[Event], tuple[str, ...]] = {
    kind: tuple(f.name for f in fields(kind) if f.name not in {g.name for g in fields(Event)})
    for kind in EVENTS.values()
}


def event_document(event: Event, seq: int) -> dict[str, Any]:
    """An event as the journal's line holds it; values are left as they are, orjson knows how to write them."""
    document: dict[str, Any] = {
        "seq": seq,
        "at": event.at,
        "actor": event.actor,
        "id": event.id,
        "attempt": event.attempt,
        "event": event.name,
        "why": event.why,
    }
    for name in _FACTS[type(event)]:
        document[name] = getattr(event, name)
    return document


def ranks_above(one: Authority, other: Authority) -> bool:
    """Whether ``one`` is believed over ``other`` about how an attempt ended."""
    return RANK[one] > RANK[other]


__all__ = ["EVENTS", "Event", "Status", "event_document", "ranks_above", *(k.__name__ for k in Event.__subclasses__())]
