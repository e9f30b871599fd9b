"""The daemon: one engine for as long as the process lives. The clock is read here, once per tick, and nowhere below."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from autolab.engine.engine import Engine
from autolab.engine.memory import MANY, give_back_large_blocks, give_back_what_is_free, spare_the_collector
from autolab.engine.running import serve
from autolab.engine.wakeup import Wakeup
from autolab.errors import AutolabError
from autolab.model.settings import Settings
from autolab.model.state import DispatchState
from autolab.store.layout import Layout
from autolab.store.quiet import VIEWS

log = logging.getLogger(__name__)
VIEWED: Final = 2  # quiet ticks after which the view stands


def clock() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)


class Daemon:
    """Runs an engine until it is told to stop; takes up new settings when ``autolab.yaml`` changes."""

    def __init__(self, layout: Layout, load: Callable[[], Settings], on_tick: Callable[[DispatchState], None]) -> None:
        """``load`` reads the settings; one that fails leaves those in force that were."""
        self._layout, self._load, self._on_tick = layout, load, on_tick
        self._stop = threading.Event()
        self._engine: Engine | None = None
        self._settings_seen: tuple[int, int] | None = None
        self._seq = self._tidied = 0  # the last event, and the one after which memory was last given back
        self._quiet_ticks = 0  # in a row, now

    def run(self) -> None:
        """Serve until ``stop``. raises Busy where another engine runs, and whatever keeps the engine from recording."""
        give_back_large_blocks()
        engine = self._engine = Engine.open(self._layout, self._load(), what="daemon", clock=clock)
        self._settings_seen = self._settings_stamp()
        spare_the_collector()
        give_back_what_is_free()
        wakeup = Wakeup([self._layout.dispatch, self._layout.inbox, self._layout.drop_box], self._hint)

        def each(state: DispatchState) -> None:
            wakeup.renew()
            self._renew_settings(engine)
            self._on_tick(state)
            self._tidy(state.seq)

        try:
            serve(engine, self._stop, each)
        finally:
            wakeup.stop()
            engine.close()

    def stop(self) -> None:
        """End after the tick under way; what hosts run goes on."""
        self._stop.set()
        if self._engine is not None:
            self._engine.wake()

    def _hint(self, name: str) -> None:
        engine = self._engine
        if engine is not None and name not in VIEWS:
            engine.watcher.hint(name)
            engine.wake()

    def _tidy(self, seq: int) -> None:
        """Every so many events of a storm, and once when it is over: the second quiet tick is that of the view."""
        self._quiet_ticks = self._quiet_ticks + 1 if seq == self._seq else 0
        self._seq = seq
        if seq - self._tidied >= MANY or (seq != self._tidied and self._quiet_ticks == VIEWED):
            self._tidied = seq
            give_back_what_is_free()

    def _renew_settings(self, engine: Engine) -> None:
        stamp = self._settings_stamp()
        if stamp == self._settings_seen:
            return
        self._settings_seen = stamp
        try:
            engine.take_up(self._load())
            log.info("autolab.yaml was read again")
        except AutolabError as error:
            log.warning("autolab.yaml is not taken up: %s; the settings before stay in force", error.message)

    def _settings_stamp(self) -> tuple[int, int] | None:
        try:
            seen = self._layout.settings.stat()
        except OSError:
            return None
        return seen.st_mtime_ns, seen.st_size
