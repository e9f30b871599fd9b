"""The attempt that is about to be made, pinned before anything is said to a host."""

from __future__ import annotations

from datetime import datetime

from autolab.model import ids
from autolab.model.origin import Origin
from autolab.model.plan import HostPlan
from autolab.model.state import DispatchState, Entry, Run
from autolab.rules import processes, provenance
from autolab.rules.dispatch import Placement


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
