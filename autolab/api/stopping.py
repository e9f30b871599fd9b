"""Ending a daemon by the very process that was recorded, never by a name that another may bear."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING, Final

from autolab.api.place import Placed
from autolab.api.waiting import between_looks
from autolab.errors import Busy, OutsideFailed
from autolab.store.files import Files
from autolab.store.locks import Holder, is_gone, who

if TYPE_CHECKING:
    from autolab.api.results import StopReport

LOOK_S: Final = 0.1
PATIENCE_S: Final = 60.0


def stop_daemon(place: Placed, *, dry_run: bool = False) -> StopReport:
    """End the daemon of this lab after its tick; what hosts run goes on. No daemon is no error.

    raises  Busy where a command is the engine for a moment, or the daemon does not end within a minute
            OutsideFailed where the daemon runs on another machine
    """
    holder = who(place.layout, Files())
    if holder is None:
        return {"stopped": False, "who": None}
    if holder.what != "daemon":
        raise Busy(f"the engine is no daemon but {holder}", hint="it ends by itself; try again in a moment")
    if holder.host != socket.gethostname():
        raise OutsideFailed(f"the daemon is {holder}", hint=f"run `autolab daemon stop` on {holder.host}")
    if not dry_run:
        _end(holder)
    return {"stopped": not dry_run, "who": str(holder)}


def _end(holder: Holder) -> None:
    os.kill(holder.pid, signal.SIGTERM)
    for _ in between_looks(LOOK_S, PATIENCE_S):
        if is_gone(holder):
            return
    raise Busy(f"{holder} was told to end and has not within {PATIENCE_S:g} s", hint="it waits for a host or for git")
