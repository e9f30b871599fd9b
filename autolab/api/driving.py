"""Being the engine: one tick for cron, or the daemon."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from autolab.api.project import Project, open_engine, open_project
from autolab.engine.daemon import Daemon
from autolab.errors import Busy
from autolab.model.settings import Settings
from autolab.model.state import DispatchState

if TYPE_CHECKING:
    from autolab.api.results import PollResult


def poll(project: Project) -> PollResult:
    """One tick: fold, look, launch, collect. Where another engine drives, that is said and nothing is done."""
    try:
        engine = open_engine(project, "poll")
    except Busy as busy:
        return {**nothing_done(), "driven_by": busy.message}
    with closing(engine):
        done = engine.poll()
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
    start: Path | str = ".",
    on_tick: Callable[[DispatchState], None] = lambda state: None,
    overrides: tuple[str, ...] = (),
) -> None:
    """The daemon: drives the lab at ``start`` until SIGTERM or Ctrl-C, ends its tick and lets go. Main thread only.

    raises  Busy where another engine drives; what keeps the engine from recording
    """

    def load() -> Settings:
        return open_project(start, overrides).settings

    daemon = Daemon(open_project(start, overrides).layout, load, on_tick)
    over = threading.Event()
    failure: list[BaseException] = []

    def work() -> None:
        try:
            daemon.run()
        except BaseException as error:
            failure.append(error)
            raise
        finally:
            over.set()

    # A thread of its own, so that a signal never cuts a tick in two nor finds a lock of ours held.
    thread = threading.Thread(target=work, name="engine", daemon=True)
    with _told_by_signals(), _threads_raise_quietly():
        thread.start()
        try:
            over.wait()
        except (_Told, KeyboardInterrupt):
            daemon.stop()
        thread.join()
    if failure:
        raise failure[0]


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
