"""Runs whose GPUs do nothing: asked about, never ended for it. What a card does is known by its vendor's tool alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from autolab.model.card import CardReport
from autolab.model.event import Event, Marked
from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, Entry, Run, Status
from autolab.rules.outcome import words
from autolab.rules.questions import ask_about, withdraw

IDLE_BELOW: Final = 5.0  # percent: a process that waits leaves a card at 0, the tool's own question may show as 1 or 2


def idle_cards(
    state: DispatchState, reports: Mapping[str, CardReport], plan: LabPlan, now: datetime
) -> Iterator[Event]:
    """A run all of whose cards have done nothing for long is asked about, again after twice the time, and no more once
    one of them works. The clock stands in the journal as the mark ``gpu_idle``: when a host first said so, in Unix
    seconds; it runs only as far as hosts go on saying so."""
    if not reports:
        return
    for entry in list(state.entries.values()):
        run = entry.open_run
        if run is None or not run.gpus or run.claim is None or entry.status is not Status.RUNNING:
            continue
        report = reports.get(run.host)
        works = None if report is None else _works(run, report)
        if report is not None and report.at is not None and works is not None:
            yield from _judge(state, entry, run, works, report.at, plan, now)


def _works(run: Run, report: CardReport) -> bool | None:
    """Whether one of the run's cards did something when the host was asked; None: that is not known."""
    if report.problem or report.at is None or report.at <= (run.started_at or run.intended_at):
        return None
    told = [card.utilization for card in report.cards if card.index in run.gpus]
    if len(told) < len(run.gpus) or None in told:
        return None
    return any(percent is not None and percent >= IDLE_BELOW for percent in told)


def _judge(
    state: DispatchState, entry: Entry, run: Run, works: bool, said_at: datetime, plan: LabPlan, now: datetime
) -> Iterator[Event]:
    common: dict[str, Any] = {"at": now, "id": entry.id, "attempt": entry.attempt}
    since, asked_s = run.marks.get("gpu_idle", 0.0), run.marks.get("gpu_idle_asked", 0.0)
    if works:
        if since:
            yield Marked(**common, reason="gpu_idle", level=0.0)
            yield Marked(**common, reason="gpu_idle_asked", level=0.0)
            yield from withdraw(state, entry.id, now, "a GPU of its works again", "gpu_idle")
        return
    if not since:
        yield Marked(**common, reason="gpu_idle", level=said_at.timestamp())
        return
    idle_s = said_at.timestamp() - since
    if idle_s >= max(plan.patience.idle_gpu_s, 2 * asked_s):
        yield Marked(**common, reason="gpu_idle_asked", level=idle_s)
        idle = words(timedelta(seconds=idle_s))
        seen = f"GPU {', '.join(run.gpus)} of {run.host} did nothing for {idle}, and it runs"
        did = "nothing: its processes were not touched, and it is looked at"
        yield from ask_about(state, entry, "gpu_idle", now, seen=seen, did=did)
