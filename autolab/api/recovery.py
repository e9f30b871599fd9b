"""A lost journal made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autolab.api.place import Placed
from autolab.api.project import clock
from autolab.engine import recover as engine_recover
from autolab.store.files import Files
from autolab.store.locks import EngineLock

if TYPE_CHECKING:
    from autolab.api.lease_results import RecoverReport


def recover(place: Placed, *, dry_run: bool = False) -> RecoverReport:
    """Begin the journal anew from what git and the views hold; what waited is held until it is released.

    raises  StoreDamaged where there is a journal, or nothing to make it from; Busy where an engine runs
    """
    files, now = Files(), clock()
    if dry_run:
        _, found = engine_recover.recoverable(place.layout, files, now)
    else:
        with EngineLock(place.layout, files).hold("recover", now):
            found = engine_recover.recover(place.layout, files, now)
    return {
        "seq": found.seq,
        "experiments": found.experiments,
        "held": found.held,
        "open_attempts": list(found.open_attempts),
        "unknown": list(found.unknown),
        "dry_run": dry_run,
    }
