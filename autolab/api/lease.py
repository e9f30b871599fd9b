"""Who may launch for this lab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autolab.api.project import Project, clock
from autolab.engine.lab import leases_of
from autolab.errors import Refused

if TYPE_CHECKING:
    from autolab.api.results import LeaseReport


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


def lease_take(project: Project, reason: str) -> LeaseReport:
    """Make this clone the driver; one that is it already keeps its number.

    raises  Refused: taking it from another clone needs every host's word on what it runs, which is not built yet
    """
    held = lease_show(project)
    if held["holder"] is not None and not held["ours"]:
        raise Refused(
            f"this lab is driven by {held['holder']} from {held['where']} since {held['since']}; "
            "taking the lease over is not built yet",
            hint="go on in that clone, or ask its owner to; nothing is launched from here",
        )
    leases_of(project.layout, project.settings, project.files).take(reason, clock())
    return lease_show(project)
