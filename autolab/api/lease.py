"""Who may launch for this lab."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from autolab.api.project import Project, clock
from autolab.engine.lab import leases_of
from autolab.engine.takeover import HostWord, take_over

if TYPE_CHECKING:
    from autolab.api.results import HeldLine, LeaseReport, LeaseTaken


def lease_show(project: Project) -> LeaseReport:
    """The lease, and whether this clone holds it."""
    leases = leases_of(project.layout, project.settings, project.files)
    lease, clone = leases.read(), leases.clone()
    if lease is None:
        return {"number": 0, "holder": None, "since": None, "where": None, "reason": "", "ours": False, "clone": clone}
    return {
        "number": lease.number,
        "holder": lease.who,
        "since": lease.since,
        "where": lease.where,
        "reason": lease.reason,
        "ours": lease.clone == clone,
        "clone": clone,
    }


def lease_take(project: Project, reason: str, give_up: Collection[str] = ()) -> LeaseTaken:
    """Make this clone the driver: what hosts hold and the journal lacks is adopted. Who drives already stays it.

    give_up  hosts that are not asked: whatever runs there is not known, and may be launched again elsewhere
    raises   OutsideFailed naming a host that does not answer, Busy where this clone's engine runs: nothing was changed
    """
    words = take_over(project.layout, project.settings, project.files, clock, reason, give_up)
    return {**lease_show(project), "hosts": [_line(word) for word in words]}


def _line(word: HostWord) -> HeldLine:
    return {
        "host": word.host,
        "attempts": word.attempts,
        "adopted": list(word.adopted),
        "strange": list(word.strange),
        "given_up": word.given_up,
    }
