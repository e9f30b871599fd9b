"""Ways to run an engine: for a command, for cron, for as long as the process lives. A tick is the engine's own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from autolab.engine.engine import Engine
from autolab.engine.polls import PollReport, report_of
from autolab.engine.quiet_word import looks_of, remember_quiet
from autolab.model.state import DispatchState
from autolab.rules.readiness import is_pending

BRIEF: Final = timedelta(milliseconds=20)  # a tick that took longer is followed by a pause as long as itself, in which
PAUSE: Final = timedelta(milliseconds=250)  # more may come: a storm of 10,000 sidecars is 30 ticks then, not 500


def settle(engine: Engine) -> None:
    """Take in wishes and sidecars, record, render; nothing is said to any host."""
    engine.watcher.scan_soon()
    while engine.tick(engine.clock(), launch=False).events:
        pass
    engine.render(engine.clock(), force=True)


def poll(engine: Engine, until: Callable[[DispatchState], bool] | None = None, patience_s: float = 120.0) -> PollReport:
    """One tick of cron's: fold, look, launch, collect, until all that follows at once has followed.

    until       goes on looking until this holds, for callers that wait for an end
    patience_s  longest wait for hosts' answers after the last news
    """
    before, counted = engine.state.seq, Counter(engine.happened)
    last, first = engine.clock(), True
    while True:
        now, asked = engine.clock(), engine.is_asking  # what ends during the tick is read by the next one
        made = engine.tick(now, look=first, hold=until is not None)
        first = False
        engine.render(now)
        if made.events:
            last = now
            continue
        waits = asked or engine.is_asking or (until is not None and not until(engine.state))
        if not waits or (until is None and now - last > timedelta(seconds=patience_s)):
            break
        engine.wait(made, now)
    engine.render(engine.clock(), force=True)
    _leave_word(engine)
    return report_of(engine.state, before, engine.happened - counted)


def _leave_word(engine: Engine) -> None:
    """Let the next poll know that it has nothing to do, if that is so."""
    if is_pending(engine.state):
        return
    if any(entry.run is not None and not entry.run.judged for entry in engine.state.entries.values()):
        return
    now, looks = engine.clock(), looks_of(engine.layout)
    made = engine.tick(now, launch=False)
    if not made.events:
        remember_quiet(engine.layout, looks, engine.due_when_quiet(made), now)


def check(engine: Engine, done: Callable[[DispatchState], bool]) -> None:
    """Carry out the checks that are wanted, until ``done``, which is asked after every tick.

    Nothing is launched, and nothing that runs is looked at.
    """
    while True:
        now = engine.clock()
        made = engine.tick(now, launch=False, check=True)
        engine.render(now)
        if done(engine.state):
            break
        if not made.events:
            engine.wait(made, now)
    engine.render(engine.clock(), force=True)


def serve(engine: Engine, stop: threading.Event, on_tick: Callable[[DispatchState], None] | None = None) -> None:
    """The daemon's loop: goes round at once while there is news, else waits for the first thing that is due."""
    while not stop.is_set():
        now = engine.clock()
        made = engine.tick(now, hold=True)
        engine.render(now)
        if on_tick is not None:
            on_tick(engine.state)
        if not made.events:
            engine.wait(made, now)
        took = engine.clock() - now
        if made.events and took > BRIEF:
            stop.wait(min(took, PAUSE).total_seconds())
    engine.render(engine.clock(), force=True)
