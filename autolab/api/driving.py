"""Being the engine: one tick for cron, or the daemon."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from autolab.api.place import Placed, find_place
from autolab.api.project import Project, open_engine, open_project
from autolab.api.view import engine as live_engine
from autolab.api.waiting import between_looks
from autolab.engine import running
from autolab.engine.daemon import Daemon
from autolab.errors import Busy
from autolab.model.settings import Settings
from autolab.model.state import DispatchState

if TYPE_CHECKING:
    from autolab.api.results import PollResult

LOOK_S: Final = 0.1
PATIENCE_S: Final = 10.0


def poll(project: Project) -> PollResult:
    """One tick: fold, look, launch, collect. Where another engine drives, that is said and nothing is done."""
    try:
        engine = open_engine(project, "poll")
    except Busy as busy:
        return {**nothing_done(), "driven_by": busy.message}
    with closing(engine):
        done = running.poll(engine)
        return {
            "driven_by": None,
            "events": done.events,
            "started": done.started,
            "ended": done.ended,
            "running": done.running,
            "pending": done.pending,
            "questions": done.questions,
        }


def nothing_done() -> PollResult:
    """What a poll says that found nothing to do."""
    return {"driven_by": None, "events": 0, "started": 0, "ended": 0, "running": 0, "pending": 0, "questions": 0}


class _Told(Exception):
    """A signal asked us to end."""


def serve(
    *starts: Path | str,
    on_tick: Callable[[DispatchState], None] = lambda state: None,
    overrides: tuple[str, ...] = (),
) -> None:
    """The daemon: drives the labs at ``starts`` until SIGTERM or Ctrl-C, ends its ticks and lets go. Main thread only.

    raises  Busy where another engine drives; what keeps an engine from recording: then all are ended
    """
    over = threading.Event()
    drives = [_Drive(start, on_tick, overrides, over) for start in starts or (".",)]
    with _told_by_signals(), _threads_raise_quietly():
        for drive in drives:
            drive.thread.start()
        try:
            over.wait()
        except (_Told, KeyboardInterrupt):
            pass
        finally:
            for drive in drives:
                drive.daemon.stop()
        for drive in drives:
            drive.thread.join()
    for drive in drives:
        if drive.failure is not None:
            raise drive.failure


class _Drive:
    """One lab's daemon in a thread of its own, so that a signal never cuts a tick in two nor finds a lock held."""

    def __init__(
        self,
        start: Path | str,
        on_tick: Callable[[DispatchState], None],
        overrides: tuple[str, ...],
        over: threading.Event,
    ) -> None:
        def load() -> Settings:
            return open_project(start, overrides).settings

        self.place = find_place(start)
        self.daemon = Daemon(self.place.layout, load, on_tick)
        self.failure: BaseException | None = None
        self._over = over
        self.thread = threading.Thread(target=self._run, name=f"engine {self.place.layout.root.name}", daemon=True)

    def _run(self) -> None:
        try:
            _begin(self.daemon, self.place)
        except BaseException as error:
            self.failure = error
            raise
        finally:
            self._over.set()


def _begin(daemon: Daemon, place: Placed) -> None:
    """Run ``daemon``; a command that is the engine for an instant is waited for, another daemon is not."""
    for _ in between_looks(LOOK_S, PATIENCE_S):
        try:
            return daemon.run()
        except Busy:
            holder = live_engine(place)
            if holder is not None and holder["what"] == "daemon":
                raise
    return daemon.run()


@contextmanager
def _told_by_signals() -> Iterator[None]:
    def tell(number: int, frame: FrameType | None) -> None:
        raise _Told

    before = signal.signal(signal.SIGTERM, tell)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _threads_raise_quietly() -> Iterator[None]:
    """What the engine's thread raised is raised again by us, and need not be printed by the thread as well."""
    before = threading.excepthook
    threading.excepthook = lambda _told: None
    try:
        yield
    finally:
        threading.excepthook = before
