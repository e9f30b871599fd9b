"""The attempts that are about to be made, each pinned before anything is said to a host."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from autolab.model import ids
from autolab.model.event import Event, LaunchIntended
from autolab.model.origin import Origin
from autolab.model.plan import HostPlan, LabPlan
from autolab.model.state import DispatchState, Entry, Run, Status
from autolab.rules import dispatch, processes, provenance, together
from autolab.rules.dispatch import Placement
from autolab.rules.tick import Seen


def intend(state: DispatchState, seen: Seen, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """An attempt for everything that is due and has a place; none while there is no code to launch."""
    if seen.code is None:
        return
    waiting = [e for e in state.entries.values() if e.status is Status.PENDING]
    launched = list(together.not_paused(state, waiting))
    for placed in (*dispatch.adopted(plan, waiting), *dispatch.place(state, plan, now, launched, seen.cards)):
        entry, host = state.entries[placed.id], plan.hosts[placed.host]
        run = intended_run(state, entry, host, placed, seen.code, seen.origin, now)
        gpus = f", GPU {','.join(placed.gpus)}" if placed.gpus else ""
        yield LaunchIntended(at=now, id=entry.id, attempt=run.number, run=run, why=f"goes to {host.name}{gpus}")


def intended_run(
    state: DispatchState, entry: Entry, host: HostPlan, placed: Placement, code: str, origin: Origin, now: datetime
) -> Run:
    """The next attempt of ``entry``, pinned to one folder on one host."""
    number, there = entry.attempt + 1, entry.adopting
    command = processes.WATCH if there else provenance.command_of_next(entry, host.name, code)
    return Run(
        number=number,
        host=host.name,
        dir=f"{host.run_root}/{entry.id}/a{number}",
        project_dir=host.by_hand_dir if there else host.project_dir,
        token=ids.token(state.lab, entry.id, number),
        spec_hash=ids.spec_hash(entry.spec, command, dict(entry.env), code),
        code=code,
        commit=origin.commit,
        base=origin.base,
        command=command,
        env=processes.variables(there) if there else entry.env,
        gpus=placed.gpus,
        cards=() if there else placed.cards,  # what runs already is on its cards: nothing is left to look at or reserve
        card_probe=placed.probe,
        vram_mib=placed.need.mib,
        vram_basis=placed.need.basis,
        adopted=there is not None,
        intended_at=now,
    )
