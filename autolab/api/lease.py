"""Who may launch for this lab."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from typing import TYPE_CHECKING

from autolab.api.project import Project, clock
from autolab.engine.lab import connections, leases_of
from autolab.engine.takeover import HostWord, survey, take_over
from autolab.store.lab_file import HERE, read_anchor

if TYPE_CHECKING:
    from autolab.api.lease_results import HeldLine, LeaseMoved, LeaseReport, LeaseTaken


def lease_show(project: Project) -> LeaseReport:
    """The lease, and whether this clone holds it. raises OutsideFailed where it lies on a host that does not answer"""
    anchor = read_anchor(project.layout, project.files)
    with closing(connections(project.settings, project.layout, clock)) as pool:
        leases = leases_of(project.layout, project.settings, project.files, pool)
        lease, clone = leases.read(), leases.clone()
    return {
        "number": lease.number if lease else 0,
        "anchor": anchor,
        "holder": lease.who if lease else None,
        "since": lease.since if lease else None,
        "where": lease.where if lease else None,
        "reason": lease.reason if lease else "",
        "ours": lease is not None and lease.clone == clone,
        "clone": clone,
    }


def lease_take(project: Project, reason: str, give_up: Collection[str] = ()) -> LeaseTaken:
    """Make this clone the driver: what hosts hold and the journal lacks is adopted. Who drives already stays it.

    give_up  hosts that are not asked: whatever runs there is not known, and may be launched again elsewhere
    raises   OutsideFailed naming a host that does not answer, Busy where this clone's engine runs: nothing was changed
    """
    words = take_over(project.layout, project.settings, project.files, clock, reason, give_up)
    return {**lease_show(project), "hosts": [_line(word) for word in words]}


def lease_move(
    project: Project, to: str, reason: str, give_up: Collection[str] = (), *, dry_run: bool = False
) -> LeaseMoved:
    """Let the host ``to`` keep the lease, ``local`` for this machine; this clone is the driver afterwards.

    Every host follows first, as for ``lease_take``, so that a clone whose lab.json is older starts nothing anywhere.

    give_up  hosts that are not asked, such as the one that kept the lease and is gone
    raises   as ``lease_take``; UnknownName for a host that the settings do not name
    """
    if to != HERE:
        project.settings.host(to)
    moves = read_anchor(project.layout, project.files) != to
    if dry_run:
        words = survey(project.layout, project.settings, clock, give_up)
    else:
        words = take_over(project.layout, project.settings, project.files, clock, reason, give_up, anchor=to)
    lines = [_line(word) for word in words]
    return {**lease_show(project), "hosts": lines, "moved": moves and not dry_run, "dry_run": dry_run}


def _line(word: HostWord) -> HeldLine:
    return {
        "host": word.host,
        "attempts": word.attempts,
        "adopted": list(word.adopted),
        "strange": list(word.strange),
        "given_up": word.given_up,
    }
