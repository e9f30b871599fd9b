"""How long autolab waits before it asks, and who may answer: ``patience`` and ``answers`` of ``autolab.yaml``."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from autolab.model.border import Border, Number, Whole, Word
from autolab.model.host import HostName
from autolab.model.reasons import REASONS
from autolab.model.units import Duration
from autolab.model.written import near


class PatienceSettings(Border):
    """When something takes so long, or fails so often, that a person is asked. Nothing here ends anything."""

    overdue: Number = Field(
        default=2.0, gt=0, le=1000, description="Times its expected duration at which a run is parked and asked about."
    )
    remind: Number = Field(
        default=3.0, gt=0, le=1000, description="Times its expected duration at which that is said again; then doubled."
    )
    phase: Duration = Field(
        default=timedelta(hours=72), description="From the first dispatch of a phase until it is asked whether to wait."
    )
    old_phase: Duration = Field(
        default=timedelta(hours=24), description="How long a run may outlast its phase before it is asked about."
    )
    silent_log: Duration = Field(
        default=timedelta(hours=2), description="How long a run's log may stay as it is before that is asked about."
    )
    idle_gpu: Duration = Field(
        default=timedelta(hours=2), description="How long all GPUs of a run may do nothing before that is asked about."
    )
    misses: Whole = Field(
        default=6, ge=1, le=1_000_000, description="Looks at a run without an answer, in all, before it is asked about."
    )
    missed_share: Number = Field(
        default=0.2, gt=0, le=1, description="Share of the looks at a run without an answer that is asked about."
    )
    least_looks: Whole = Field(default=5, ge=1, le=1_000_000, description="Looks before that share counts.")
    group_failed: Number = Field(
        default=0.5, gt=0, le=1, description="Share of a group that failed above which its launches pause."
    )
    group_least: Whole = Field(
        default=3, ge=1, le=100_000, description="Failed experiments of a group before that share counts."
    )
    look_told: Duration = Field(
        default=timedelta(minutes=30), description="At least so often a look that shows nothing new is recorded."
    )
    away: Duration = Field(
        default=timedelta(minutes=15), description="Time without an engine that counts against nobody, if longer."
    )

    @model_validator(mode="after")
    def _in_order(self) -> PatienceSettings:
        if self.remind <= self.overdue:
            raise ValueError("remind must be greater than overdue")
        return self


def _reason(text: str) -> str:
    if text not in REASONS:
        raise ValueError(f"{text!r} is no reason that people are asked for\n{near(text, REASONS)}")
    return text


Reason = Annotated[str, AfterValidator(_reason)]


class DefaultAnswer(Border):
    """What is done where nobody answers in time."""

    option: Word = Field(description="One of the options of that question.")
    after: Duration = Field(description="From the question until then; time without an engine does not count.")


class AnswerSettings(Border):
    """Who answers questions, and what happens to those that nobody answers."""

    who: tuple[Word, ...] = Field(
        default=(), description="Login names of those who may answer; empty: whoever may write here."
    )
    reserved: tuple[Reason, ...] = Field(
        default=(), description="Reasons that only a person may answer, with a one-time code from the chat."
    )
    code_by: HostName | None = Field(
        default=None, description="The notifier that sends one-time codes: one that no program here reads."
    )
    defaults: dict[Reason, DefaultAnswer] = Field(
        default_factory=dict, description="Reason to the answer that is taken when its time is over."
    )
    evidence_lines: Whole = Field(default=40, ge=1, le=500, description="Last lines of a log that a question shows.")

    @model_validator(mode="after")
    def _answerable(self) -> AnswerSettings:
        for reason, default in self.defaults.items():
            names = [option.name for option in REASONS[reason].options]
            if default.option not in names:
                hint = f"one of: {', '.join(names)}"
                raise ValueError(f"defaults.{reason}: {default.option!r} is no answer to that\n{hint}")
            if reason in self.reserved:
                raise ValueError(f"defaults.{reason}: what is reserved for people has no default\ntake it out of one")
        return self
