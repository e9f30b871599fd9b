"""Facts about a host's being ready: a check was asked for, begun, has ended; a person took the host as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from autolab.model.event_base import Changes, Event
from autolab.model.evolve import evolved
from autolab.model.readiness import HostReport, Readiness, Stage, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAsked(Event):
    """Somebody wants to know; tries count anew. ``thorough``: with a proof by a real claim."""

    host: str
    thorough: bool = False
    dry_run: bool = False

    def after(self, before: Readiness | None) -> Readiness:
        known = before or Readiness(host=self.host, stage=Stage.WANTED, since=self.at)
        wanted: Changes = {"wanted_by": self.actor, "thorough": self.thorough, "dry_run": self.dry_run, "report": None}
        wanted |= {"asked_at": self.at}
        wanted |= {"asked_at": self.at}
        if known.stage is Stage.CHECKING:  # what was begun on the host goes on under its number
            return evolved(known, wanted)
        return evolved(known, {**wanted, "stage": Stage.WANTED, "since": self.at, "tries": 0, "not_before": None})


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckBegun(Event):
    """From here on something may be done on the host in the name of this check."""

    host: str
    environment: str
    code: str
    tries: int
    sample: str = ""

    def after(self, before: Readiness | None) -> Readiness:
        known = before or Readiness(host=self.host, stage=Stage.CHECKING, since=self.at)
        return replace(
            known,
            stage=Stage.CHECKING,
            since=self.at,
            number=known.number + 1,
            tries=self.tries,
            environment=self.environment,
            code=self.code,
            sample=self.sample,
            not_before=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HostChecked(Event):
    """A check came to its end. ``again_at``: when it is tried again; None: this is how it is.

    valid_until  of what was found of the environment;  cards_until: of the list of cards, where there is one
    """

    host: str
    report: HostReport
    valid_until: datetime
    cards_until: datetime | None = None
    again_at: datetime | None = None

    def after(self, before: Readiness | None) -> Readiness:
        known = before or Readiness(host=self.host, stage=Stage.CHECKING, since=self.at)
        stage = Stage.READY if self.report.ready else Stage.FAILED
        if self.report.failed is Step.LOGIN:
            stage = known.stage
        elif self.again_at is not None:
            stage = Stage.WANTED
        return replace(
            known,
            stage=stage,
            since=self.at,
            wanted_by=known.wanted_by if stage is Stage.WANTED else "",
            not_before=self.again_at,
            checked_at=self.at,
            valid_until=self.valid_until,
            cards_until=self.cards_until,
            report=self.report,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAccepted(Event):
    """A person wants it used as it is, whatever the check found, until its environment's settings change."""

    host: str

    def after(self, before: Readiness | None) -> Readiness:
        known = before or Readiness(host=self.host, stage=Stage.READY, since=self.at)
        return replace(known, stage=Stage.READY, since=self.at, valid_until=None, not_before=None)


OF_READINESS = (CheckAsked, CheckBegun, HostChecked, HostAccepted)
