"""Being the engine for checks alone: nothing is launched, and nothing that runs is looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from autolab.engine.engine import Engine
from autolab.model.state import DispatchState


def carry_out_checks(engine: Engine, clock: Callable[[], datetime], done: Callable[[DispatchState], bool]) -> None:
    """The checks that are wanted, until ``done``, which is asked after every tick."""
    while True:
        now = clock()
        made = engine.tick(now, launch=False, check=True)
        engine.render(now)
        if done(engine.state):
            break
        if not made.events:
            engine.wait(made, now)
    engine.render(clock(), force=True)
