"""Facts: what happened, one frozen record each. The journal is a list of them and nothing else.

Whatever changes the state is one of these; ``transitions.apply`` says what each does to an entry. On disk an event is
one JSON line: ``seq, at, actor, id, attempt, event, why`` and the facts of its kind under their own names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
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
    Noticed,
    Parked,
    PeakSeen,
    Requeued,
    SeenAgain,
    Staged,
    StartAsked,
    Started,
    StopAsked,
    Succeeded,
    Vanished,
)
from autolab.model.event_base import Changes, Event, of_run
from autolab.model.layers import after, stamp_of
from autolab.model.notice import Notice
from autolab.model.observation import Authority
from autolab.model.patience_event import CodeIssued, EngineReturned, Marked, PatienceSet, RestartAsked
from autolab.model.readiness_event import OF_READINESS, CheckAsked, CheckBegun, HostAccepted, HostChecked
from autolab.model.state import (
    Adopting,
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
    """What one sidecar says that is news for the current attempt.

    cells  keys whose value it changes, or tells first
    kept   keys that it leaves as they were; whatever else was said before it repeats under its greater number, so that
           a word from in between comes too late
    """

    authority: Authority
    sidecar_seq: int
    digest: str
    cells: Mapping[str, Any] = field(default_factory=dict)
    kept: tuple[str, ...] = ()

    def changes(self, entry: Entry) -> Changes:
        authority, stamp = self.authority.value, (self.sidecar_seq, self.digest)
        changes: Changes = {"seen": {**entry.seen, authority: self.digest}, "why": entry.why}
        layer = after(entry.layers.get(authority), stamp, self.cells, self.kept)
        if layer is not None:
            changes["layers"] = {**entry.layers, authority: layer}
            if "collected" in layer.values and self.authority is Authority.EXECUTOR:
                changes |= of_run(entry, fetched_at=self.at) if stamp_of(layer, "collected") == stamp else {}
        return changes


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
class AdoptAsked(Event):
    """A process that runs already is the experiment's next attempt."""

    adopting: Adopting

    def changes(self, entry: Entry) -> Changes:
        return {"adopting": self.adopting, "decision": None, "substatus": "", "not_before": None}


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
            "failures": {},
            "finished_at": None,
            **self._heard_anew(entry),
        }

    def _heard_anew(self, entry: Entry) -> Changes:
        """An external executor's words up to now are about the attempt before."""
        return {"attempt": entry.attempt + 1, "layers": {}} if entry.spec.executor == "external" else {}


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
class Announced(Event):
    """People are to be told; its number in the journal is the notice's own."""

    notice: Notice


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
    "Announced",
    "CancelAsked",
    "Cancelled",
    "CheckAsked",
    "CheckBegun",
    "CodeIssued",
    "Collected",
    "DriverTaken",
    "EVENTS",
    "Ended",
    "EngineReturned",
    "Event",
    "Failed",
    "FenceAsked",
    "Held",
    "HostAccepted",
    "HostChanged",
    "HostChecked",
    "HostLost",
    "KillAsked",
    "LabMade",
    "LaunchIntended",
    "Marked",
    "Noted",
    "Noticed",
    "OF_READINESS",
    "Observed",
    "Parked",
    "PatienceSet",
    "PeakSeen",
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
    "StopAsked",
    "Succeeded",
    "Unparked",
    "Vanished",
    "WishSettled",
    "event_document",
]
