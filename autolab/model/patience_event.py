"""Facts about waiting: clocks and levels that outlive a process, and what people decide about what takes long.

Import them from ``model.event``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from autolab.model.event_base import Changes, Event, of_run
from autolab.model.state import Entry, Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartAsked(Event):
    """End what runs; once its end is proven, a new attempt, elsewhere than on ``avoid`` where that can be."""

    avoid: tuple[str, ...] = ()

    def changes(self, entry: Entry) -> Changes:
        decision = Remark(what="restart", by=self.actor, at=self.at, why=self.why)
        return {"decision": decision, "substatus": "restarting", "avoid": self.avoid or entry.avoid}


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked(Event):
    """How far patience with this attempt went when ``reason`` was last asked about: it is not asked again below that.

    level  timeout: times the expected duration; intermittent: looks that failed; stalled: seconds of silence;
           gpu_idle: since when its GPUs do nothing, Unix seconds; gpu_idle_asked: seconds of that
    """

    reason: str
    level: float

    def changes(self, entry: Entry) -> Changes:
        marks = {**entry.run.marks, self.reason: self.level} if entry.run is not None else {}
        return {"why": entry.why, **of_run(entry, marks=marks)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PatienceSet(Event):
    """The clock and level of a phase or a group, as they are from now on; neither: forgotten."""

    about: str
    since: datetime | None = None
    level: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeIssued(Event):
    """A one-time code for a question was made; it is sent to people, and only its hash is kept."""

    question: str
    code_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineReturned(Event):
    """No engine ran for so long: clocks and due times of people move on by as much."""

    away_s: float
