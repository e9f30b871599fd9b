"""Facts of one attempt, from the intent to launch it to the verdict on it. Import them from ``model.event``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from autolab.model.event_base import Changes, Event, close, of_run
from autolab.model.observation import Claim
from autolab.model.state import End, Entry, Run

TRIED_MAX: Final = 20  # commands that a question shows


def _as_typed(run: Run) -> str:
    """The command of an attempt with the variables that remedies gave it, as one would type it."""
    return " ".join((*(f"{name}={value}" for name, value in run.env.items()), run.command))


# --- an attempt ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchIntended(Event):
    """Durable before any packet goes out: this attempt, this host, this folder."""

    run: Run

    def changes(self, entry: Entry) -> Changes:
        return {
            "run": self.run,
            "adopting": None,
            "attempt": self.run.number,
            "tried": (*entry.tried, _as_typed(self.run))[-TRIED_MAX:],
            "layers": {},
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
        return of_run(entry, staged_boot=self.boot_id, staged_at=self.at, seen_at=self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAsked(Event):
    """A start request is about to be sent; counted, because three without a claim are a failure of the host."""

    def changes(self, entry: Entry) -> Changes:
        starts = entry.run.starts + 1 if entry.run else 1
        return {"substatus": "starting", **of_run(entry, starts=starts, last_start_at=self.at)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Event):
    """The claim was seen: the command runs, or has run. An external executor's word comes without a claim."""

    claim: Claim | None = None

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": "", **of_run(entry, claim=self.claim, started_at=self.at, seen_at=self.at)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAgain(Event):
    """Alive after it was unreachable, or after a look that found nothing."""

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": "", **of_run(entry, gone_at=None, seen_at=self.at)}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLost(Event):
    """Its host does not answer: unknown, with a clock; never an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vanished(Event):
    """First look that found neither child nor runner nor exit record; a second one decides."""

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": "vanished", **of_run(entry, gone_at=self.at, seen_at=self.at)}


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceAsked(Event):
    """The claim itself is to be taken, so that nothing can ever start under this attempt."""

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": "fencing", **of_run(entry, fence_asked=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed(Event):
    """New bytes of its log speak of a kind of failure while it runs; said once for each kind and attempt."""

    kind: str
    line: str

    def changes(self, entry: Entry) -> Changes:
        known = entry.run.noticed if entry.run else ()
        return of_run(entry, noticed=tuple(dict.fromkeys((*known, self.kind))))


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked(Event):
    """End what runs because of what it prints; its end is then judged like any other."""

    kind: str

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": "stopping", **of_run(entry, stopping=self.kind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class KillAsked(Event):
    """All processes of this attempt are about to be signalled; counted, because each pause is longer than the last."""

    def changes(self, entry: Entry) -> Changes:
        kills = entry.run.kills + 1 if entry.run else 1
        return {"substatus": "cancelling", **of_run(entry, kills=kills, last_kill_at=self.at)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakSeen(Event):
    """It was seen to take more of a card's memory than ever before."""

    mib: int

    def changes(self, entry: Entry) -> Changes:
        return {"why": entry.why, **of_run(entry, peak_mib=self.mib)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Event):
    """A proof that the attempt is over; it is closed for good."""

    end: End

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": "collecting", "finished_at": self.at, **close(entry, self.end)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected(Event):
    """Result, log and run.json of an ended attempt are here, or are known not to be there.

    causes  what its host recorded about the end, which is known by now or never
    """

    causes: tuple[str, ...] = ()

    def changes(self, entry: Entry) -> Changes:
        end = entry.run.end if entry.run else None
        if end is None or not self.causes:
            return of_run(entry, collected=True)
        return of_run(entry, collected=True, end=replace(end, causes=tuple(dict.fromkeys((*end.causes, *self.causes)))))


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
            **of_run(entry, judged=True),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """Not again by itself."""

    kind: str

    def changes(self, entry: Entry) -> Changes:
        finished = entry.finished_at or self.at
        return {"kind": self.kind, "substatus": "", "finished_at": finished, **of_run(entry, judged=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled(Event):
    """A person's cancellation has taken effect: nothing of it runs."""

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": "", "finished_at": self.at, **of_run(entry, judged=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requeued(Event):
    """A new attempt is due after ``not_before``; what a remedy changed stands beside it, before and after in words."""

    kind: str
    remedy: str
    charged: bool
    not_before: datetime | None = None
    command: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    avoid: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def changes(self, entry: Entry) -> Changes:
        return {
            "decision": None,  # a restart that was asked for has come about
            "kind": self.kind,
            "failures": {**entry.failures, self.kind: entry.failures.get(self.kind, 0) + 1},
            "substatus": "",
            "retry_count": entry.retry_count + (1 if self.charged else 0),
            "not_before": self.not_before,
            "command": self.command or entry.command,
            "env": {**entry.env, **self.env},
            "avoid": self.avoid,
            **of_run(entry, judged=True),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked(Event):
    """Needs a decision by a person; a later end still counts."""

    reason: str
    judged: bool = False  # parked instead of a verdict on an attempt that is over

    def changes(self, entry: Entry) -> Changes:
        return {"substatus": self.reason, **(of_run(entry, judged=True) if self.judged else {})}
