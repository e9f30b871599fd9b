"""What several steps of a tick ask about an attempt: is it to be ended, is it in doubt, when is it asked again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from autolab.model.documents import best, parse, said_by
from autolab.model.observation import Authority, Look, Sighting
from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, Entry, Run
from autolab.rules import liveness


def must_end(entry: Entry) -> bool:
    """Its processes are to be ended: by a person's word (cancelled, or to be run anew), or for what its log says."""
    if entry.run is not None and entry.run.stopping:
        return True
    return entry.decision is not None and entry.decision.what in {"cancel", "restart"}


def in_doubt(state: DispatchState, entry: Entry) -> bool:
    """What was last seen of it makes no sense: a folder made anew proves nothing about the one that is gone."""
    if any(q.about == entry.id and q.reason == "unknown_end" for q in state.questions.values()):
        return True
    told = said_by(entry, Authority.EXECUTOR, "sighting")
    return told is not None and bool(liveness.puzzle(entry, parse(Sighting, told)))


def other_boot(entry: Entry, run: Run) -> bool:
    """Its host was restarted since it was staged: its folder may be there, and nothing of it runs."""
    told = best(entry, "sighting")
    boot = told.get("host", {}).get("boot_id") if isinstance(told, Mapping) and told.get("look") == Look.SEEN else None
    return bool(run.staged_boot and boot and boot != run.staged_boot)


def start_overdue(run: Run, plan: LabPlan, now: datetime) -> bool:
    """It was never started, or long enough ago to be started again."""
    return run.last_start_at is None or now - run.last_start_at >= timedelta(seconds=plan.policies.start_again_s)


def kill_at(run: Run, plan: LabPlan, now: datetime) -> datetime:
    """When its processes are signalled next: what does not die of KILL is not asked at every tick."""
    if run.last_kill_at is None:
        return now
    return run.last_kill_at + timedelta(seconds=plan.policies.kill_again_s * 2 ** min(run.kills - 1, 6))


def result_again_at(run: Run, plan: LabPlan) -> datetime:
    """When a late result is looked for again."""
    return (run.fetched_at or run.intended_at) + timedelta(seconds=plan.policies.result_again_s)
