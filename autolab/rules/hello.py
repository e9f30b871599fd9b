"""Silent hosts are asked whether they are there before anything new is meant for them.

An intent is an attempt: it has a number, and one whose host never heard of it is withdrawn. A lab whose hosts are all
out of reach would spend a number at every back-off. A question that acts on nothing costs none.
"""

from __future__ import annotations

from datetime import datetime

from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, HostState, HostStatus
from autolab.rules import dispatch
from autolab.rules.hosts import has_work, may_ask


def due(state: DispatchState, plan: LabPlan, now: datetime) -> list[str]:
    """Hosts to be asked now: wanted, silent, their back-off over, and nothing of ours is looked at there."""
    silent = [host.name for host in state.hosts.values() if host.name in plan.hosts and _is_silent(state, host, now)]
    if not silent or plan.launching:
        return []
    waiting = [entry for entry in state.entries.values() if dispatch.is_due(state, entry, now)]
    return [name for name in silent if any(dispatch.suits(entry, name) for entry in waiting)]


def _is_silent(state: DispatchState, host: HostState, now: datetime) -> bool:
    return host.status is HostStatus.UNREACHABLE and may_ask(host, now) and not has_work(state, host)
