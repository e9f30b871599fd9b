"""Work on hosts, outside every lock: two lanes a host, so that an open look never holds up a cancellation."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

log = logging.getLogger(__name__)


class Lane(StrEnum):
    """ACT stages, starts, fences, signals and collects, one after another; LOOK looks, several at a time; CHECK
    finds out whether the host is ready, which may take a quarter of an hour and holds nothing else up."""

    ACT = "act"
    LOOK = "look"
    CHECK = "check"


# With the one question of the acting lane and of the checking one these stay below the six channels of a connection.
WIDTH: Final = {Lane.ACT: 1, Lane.LOOK: 3, Lane.CHECK: 1}


@dataclass(slots=True)
class _Worker:
    jobs: queue.SimpleQueue[Callable[[], None] | None] = field(default_factory=queue.SimpleQueue)
    open: int = 0
    threads: int = 0


class Lanes:
    """Threads of a host's lanes, started when first needed; they share nothing but the sidecars they write."""

    def __init__(self, done: Callable[[], None]) -> None:
        """``done`` is called, from the lane, after each piece of work."""
        self._done = done
        self._workers: dict[tuple[str, Lane], _Worker] = {}
        self._lock = threading.RLock()
        self._idle = threading.Condition(self._lock)
        self._failure: BaseException | None = None

    def put(self, host: str, lane: Lane, work: Callable[[], None]) -> None:
        """Do ``work`` after what is already waiting in that lane."""
        with self._lock:
            worker = self._workers.get((host, lane))
            if worker is None:
                worker = self._workers[host, lane] = _Worker()
            worker.open += 1
            if worker.threads < min(worker.open, WIDTH[lane]):
                worker.threads += 1
                threading.Thread(target=self._run, args=(worker,), name=f"{host}.{lane}", daemon=True).start()
        worker.jobs.put(work)

    def full(self, lane: Lane) -> frozenset[str]:
        """Hosts whose ``lane`` takes nothing more now. raises what a lane could not handle."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            return frozenset(
                host for (host, its), worker in self._workers.items() if its is lane and worker.open >= WIDTH[lane]
            )

    @property
    def open(self) -> int:
        """Pieces of work that are not finished."""
        with self._lock:
            return sum(worker.open for worker in self._workers.values())

    def finish(self, host: str, within_s: float) -> None:
        """Wait until that host's lanes have done what they were given, or for that long."""
        ends_at = time.monotonic() + within_s
        with self._idle:
            while self._open_of(host) and (left := ends_at - time.monotonic()) > 0:
                self._idle.wait(left)

    def _open_of(self, host: str) -> int:
        return sum(worker.open for (name, _), worker in self._workers.items() if name == host)

    def close(self) -> None:
        """Take no more; what is under way ends by its own deadline, in a thread that holds nothing up."""
        with self._lock:
            for worker in self._workers.values():
                for _ in range(worker.threads):
                    worker.jobs.put(None)

    def _run(self, worker: _Worker) -> None:
        while (work := worker.jobs.get()) is not None:
            try:
                work()
            except BaseException as error:
                # A lane never swallows: the engine's loop raises it and stops before doing what it cannot record.
                log.debug("a lane failed", exc_info=True)
                with self._lock:
                    self._failure = self._failure or error
            finally:
                with self._lock:
                    worker.open -= 1
                    self._idle.notify_all()
                self._done()
