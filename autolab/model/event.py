"""Facts: what happened, one frozen record each. The journal is a list of them and nothing else.

Whatever changes the state is one of these; ``transitions.apply`` says what each does to an entry. On disk an event is
one JSON line: ``seq, at, actor, id, attempt, event, why`` and the facts of its kind under their own names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

from autolab.model.attempt_event import (
    Cancelled,
    Collected,
    Ended,
    Failed,
    FenceAsked,
    HostLost,
    KillAsked,
    LaunchIntended,
    Parked,
    Requeued,
    SeenAgain,
    Staged,
    StartAsked,
    Started,
    Succeeded,
    Vanished,
)
from autolab.model.event_base import Changes, Event, of_run
from autolab.model.observation import Authority
from autolab.model.patience_event import EngineReturned, Marked, PatienceSet, RestartAsked
from autolab.model.state import (
    TERMINAL,
    Cell,
    Entry,
    HostState,
    Question,
    Remark,
    Spec,
)

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
    """Cells of one sidecar that are news for the current attempt.

    again  keys whose value it repeats under its greater number: a word from in between comes too late
    """

    authority: Authority
    sidecar_seq: int
    digest: str
    cells: Mapping[str, Any] = field(default_factory=dict)
    again: tuple[str, ...] = ()

    def changes(self, entry: Entry) -> Changes:
        cells = dict(entry.cells)
        authority, seq, digest = self.authority.value, self.sidecar_seq, self.digest
        told = self.cells
        if self.again:
            names = ((key, cell_name(authority, key)) for key in self.again)
            told = {**told, **{key: cells[name].value for key, name in names if name in cells}}
        for key, value in told.items():
            name = cell_name(authority, key)
            held = cells.get(name)
            if held is None or (seq > held.seq and key != "status") or outranks(key, seq, digest, value, held):
                cells[name] = Cell(seq, digest, value)
        seen = {**entry.seen, authority: digest}
        return {"cells": cells, "seen": seen, "why": entry.why, **self._fetched(entry)}

    def _fetched(self, entry: Entry) -> Changes:
        told = "collected" in self.cells or "collected" in self.again
        return of_run(entry, fetched_at=self.at) if told and self.authority is Authority.EXECUTOR else {}


@lru_cache(maxsize=4096)
def cell_name(authority: str, key: str) -> str:
    """How a cell is found in an entry; one string for all entries: ten thousand of them hold the same few names."""
    return f"{authority}.{key}"


def outranks(key: str, seq: int, digest: str, value: Any, held: Cell) -> bool:
    """Whether a word of this (seq, digest) takes the place of the one ``held`` of the same key: the greater holds, but
    a terminal word about the status yields to no other word of the same authority and attempt (B2), in whatever order
    they come."""
    if key == "status" and (value in TERMINAL) is not (held.value in TERMINAL):
        return value in TERMINAL
    return seq > held.seq or (seq == held.seq and digest > held.digest)


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
            "tried": (),
            "avoid": (),
            "finished_at": None,
            **self._heard_anew(entry),
        }

    def _heard_anew(self, entry: Entry) -> Changes:
        """An external executor's words up to now are about the attempt before."""
        return {"attempt": entry.attempt + 1, "cells": {}} if entry.spec.executor == "external" else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAsked(Event):
    """A person must decide."""

    question: Question

    def changes(self, entry: Entry) -> Changes:
        return {"question": self.question.id}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRepeated(Event):
    """What an open question asks about came up again; ``seen`` is what was seen now."""

    question: str
    seen: str

    def changes(self, entry: Entry) -> Changes:
        return {"why": entry.why}  # it moved nothing


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


__all__ = [  # noqa: RUF022 - constants, events, functions
    "Added",
    "Amended",
    "CancelAsked",
    "Cancelled",
    "Collected",
    "DriverTaken",
    "EVENTS",
    "Ended",
    "EngineReturned",
    "Event",
    "Failed",
    "FenceAsked",
    "Held",
    "HostChanged",
    "HostLost",
    "KillAsked",
    "LabMade",
    "LaunchIntended",
    "Marked",
    "Noted",
    "Observed",
    "Parked",
    "PatienceSet",
    "QuestionAsked",
    "QuestionClosed",
    "QuestionRepeated",
    "Released",
    "Requeued",
    "RestartAsked",
    "RetryAsked",
    "SeenAgain",
    "Staged",
    "StartAsked",
    "Started",
    "Succeeded",
    "Unparked",
    "Vanished",
    "WishSettled",
    "event_document",
    "outranks",
]
