"""Every write to the world outside: a table of performers, each one request to one host, each outcome a sidecar."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from autolab.engine.lanes import Lane, Lanes
from autolab.engine.plan import Orders
from autolab.engine.publish import Publisher
from autolab.engine.voices import Voices
from autolab.errors import AutolabError, DiskFailed, OutsideFailed
from autolab.executors.dialects.dialect import Seen
from autolab.executors.executor import Executor, look_of
from autolab.model.action import Action, Collect, Fence, Hello, Job, Signal, Stage, Start, Watch
from autolab.model.observation import NOTHING_SAID, Look, Sighting
from autolab.model.state import DispatchState, Entry, Run

log = logging.getLogger(__name__)
BY_SIGNAL: Final = 128  # a shell's status above this
Pair = tuple[Entry, Run]


class Performer:
    """Does what was decided, in the lanes of each host."""

    def __init__(
        self,
        executor: Callable[[str], Executor],
        orders: Callable[[], Orders],
        voices: Voices,
        publisher: Publisher,
        lanes: Lanes,
        clock: Callable[[], datetime],
    ) -> None:
        self._executor, self._orders, self._voices = executor, orders, voices
        self._publisher, self._lanes, self._clock = publisher, lanes, clock
        self._touched: set[tuple[str, int]] = set()  # attempts of which something may have been said to their host
        self._brought: set[tuple[str, int]] = set()  # attempts whose log came with a look and is in place
        self._hellos: queue.SimpleQueue[tuple[str, Sighting]] = queue.SimpleQueue()
        self.watched: dict[str, int] = {}  # experiments that an open look covers -> how many do

    def adopt(self, state: DispatchState) -> None:
        """What was intended before this process began may have been said by another: never taken back as unsaid."""
        for entry in state.entries.values():
            if entry.open_run is not None:
                self._touched.add((entry.id, entry.open_run.number))

    def perform(self, actions: Sequence[Action], state: DispatchState) -> None:
        """Put each action into its lane; entries and attempts are those of this moment."""
        for action in actions:
            pairs = [(e, e.run) for e in (state.entries[i] for i in self._ids(action)) if e.run is not None]
            lane = Lane.LOOK if isinstance(action, Watch) else Lane.ACT
            if isinstance(action, Watch):
                self._count(action.ids, 1)
            self._lanes.put(action.host, lane, self._work(action, pairs))

    def _ids(self, action: Action) -> Sequence[str]:
        assert isinstance(action, Stage | Start | Watch | Fence | Signal | Collect | Hello)
        return action.ids

    def hellos(self) -> dict[str, Sighting]:
        """What came of asking hosts whether they are there, since this was asked last; the newest of each."""
        found: dict[str, Sighting] = {}
        while not self._hellos.empty():
            name, sighting = self._hellos.get()
            found[name] = sighting
        return found

    def _count(self, ids: Sequence[str], by: int) -> None:
        for ident in ids:
            left = self.watched.get(ident, 0) + by
            if left:
                self.watched[ident] = left
            else:
                self.watched.pop(ident, None)

    def _work(self, action: Action, pairs: list[Pair]) -> Callable[[], None]:
        def work() -> None:
            try:
                PERFORMERS[type(action)](self, action, pairs)
            except DiskFailed:
                raise  # what cannot be recorded must not be done: the engine stops
            except Exception as error:
                # One bad action must not stop the rest; its attempts are unknown until the next look.
                log.exception("%s on %s failed", type(action).__name__, action.host)
                self._could_not(pairs, error)
            finally:
                if isinstance(action, Watch):
                    self._count(action.ids, -1)

        return work

    def _could_not(self, pairs: list[Pair], error: Exception) -> None:
        reason = error.message if isinstance(error, AutolabError) else f"{type(error).__name__}: {error}"
        self._say_all(pairs, Look.CANNOT, reason)

    def _say_all(self, pairs: list[Pair], look: Look, reason: str) -> None:
        """The same of all: the host's silence, or our own failure."""
        at = self._clock()
        for entry, run in pairs:
            self._voices.sighted(entry, run, Sighting(look, at, reason=reason), at)

    # --- one request each --------------------------------------------------------------------------------------------

    def _hello(self, action: Hello, pairs: list[Pair]) -> None:
        self._hellos.put((action.host, self._executor(action.host).hello()))

    def _stage(self, action: Stage, pairs: list[Pair]) -> None:
        orders = self._orders()
        self._ask(pairs, lambda: self._executor(action.host).stage([orders.stage(e, run) for e, run in pairs]))

    def _start(self, action: Start, pairs: list[Pair]) -> None:
        driver = self._orders().driver
        self._ask(pairs, lambda: self._executor(action.host).start(self._jobs(pairs), driver))

    def _watch(self, action: Watch, pairs: list[Pair]) -> None:
        self._ask(pairs, lambda: self._executor(action.host).look(self._jobs(pairs), action.hold_s))

    def _fence(self, action: Fence, pairs: list[Pair]) -> None:
        self._ask(pairs, lambda: self._executor(action.host).fence(self._jobs(pairs)))

    def _signal(self, action: Signal, pairs: list[Pair]) -> None:
        self._ask(pairs, lambda: self._executor(action.host).signal(self._jobs(pairs)))

    def _collect(self, action: Collect, pairs: list[Pair]) -> None:
        try:
            into = self._publisher.incoming(action.host)
            found = self._executor(action.host).collect_all(self._jobs(pairs), into)
        except OutsideFailed as error:
            self._say_all(pairs, look_of(error), error.message)  # the host's back-off paces the next try
            return
        for entry, run in pairs:
            self._collected(entry, run, *self._publisher.publish(entry, run, found[entry.id], self._clock()))

    def _jobs(self, pairs: list[Pair]) -> list[Job]:
        orders = self._orders()
        return [orders.job(entry, run) for entry, run in pairs]

    def _ask(self, pairs: list[Pair], request: Callable[[], Mapping[str, Seen]]) -> None:
        asked_at = self._clock()
        seen = request()
        for entry, run in pairs:
            sighting = seen[entry.id]
            key = (entry.id, run.number)
            if sighting.look not in NOTHING_SAID:
                self._touched.add(key)
            brought = self._publish_inline(entry, run, sighting)
            told = replace(sighting, untouched=key not in self._touched)
            self._voices.sighted(entry, run, told, asked_at, brought)

    def _publish_inline(self, entry: Entry, run: Run, seen: Seen) -> tuple[Mapping[str, object], str] | None:
        """An ended attempt that declared no result and brought its small log along needs no request of its own.

        One that a signal ended, or that could not even print, does: its host is asked what it knows about that.
        """
        key = (entry.id, run.number)
        if seen.exit is None or entry.spec.result_file is not None or seen.log is None or key in self._brought:
            return None  # both lanes of a host may come back with the same end
        if seen.exit.status > BY_SIGNAL or (seen.exit.status and not seen.log):
            return None
        told = self._publisher.publish_inline(entry, run, seen)
        self._brought.add(key)
        return told

    def _collected(self, entry: Entry, run: Run, found: Mapping[str, object], tail: str) -> None:
        self._voices.collected(entry, run, found, tail)


PERFORMERS: Final[Mapping[type[Action], Callable[..., None]]] = {
    Stage: Performer._stage,
    Start: Performer._start,
    Watch: Performer._watch,
    Fence: Performer._fence,
    Signal: Performer._signal,
    Collect: Performer._collect,
    Hello: Performer._hello,
}
