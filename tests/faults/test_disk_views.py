"""Views, sidecars and wishes on a disk that fails at any step, or under a process that is killed there."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autolab.errors import DiskFailed
from autolab.model.observation import Sidecar
from autolab.store.faults import DeadlyDisk, count_writes, fault
from autolab.store.files import Files
from autolab.store.hashes import Hashes
from autolab.store.inbox import Inbox
from autolab.store.layout import Layout
from autolab.store.sidecars import read_sidecar, write_sidecar
from autolab.store.state_file import Found, ViewWriter

T0 = datetime(2026, 11, 20, 10, 44, 12, tzinfo=UTC)
KEY = b"k" * 32
VIEW_STEPS = 10
FULL = OSError(errno.ENOSPC, "full")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path, None, "0f1e2d3c4b5a69788796a5b4c3d2e1f0")


def a_view(layout: Layout, files: Files) -> ViewWriter:
    return ViewWriter(layout.state, layout, files, Hashes(layout, files))


def killed(files: Files, step: int, work: Callable[[], object]) -> None:
    child = os.fork()
    if child == 0:
        files.disk = DeadlyDisk(step)
        work()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 137


def test_a_view_takes_as_many_steps_as_are_tested(layout: Layout) -> None:
    files = Files()
    view = a_view(layout, files)
    view.publish(b"old", T0)
    with count_writes(files) as calls:
        view.publish(b"new", T0)
    assert len(calls) == VIEW_STEPS


@pytest.mark.parametrize("step", range(VIEW_STEPS))
def test_a_view_killed_at_any_step_is_old_or_new_and_never_taken_for_somebody_elses(layout: Layout, step: int) -> None:
    files = Files()
    view = a_view(layout, files)
    view.publish(b"old", T0)
    killed(files, step, lambda: view.publish(b"new", T0))
    assert layout.state.read_bytes() in (b"old", b"new")
    again = a_view(layout, files).publish(b"newer", T0)
    assert again.written
    assert again.found in (Found.OURS, Found.AS_LEFT)
    assert layout.state.read_bytes() == b"newer"


@pytest.mark.parametrize("step", range(VIEW_STEPS))
def test_a_view_that_fails_at_any_step_is_old_or_new_and_is_right_the_next_time(layout: Layout, step: int) -> None:
    files = Files()
    view = a_view(layout, files)
    view.publish(b"old", T0)
    with fault(files, at=step, error=FULL), pytest.raises(DiskFailed, match="disk full"):
        view.publish(b"new", T0)
    assert layout.state.read_bytes() in (b"old", b"new")
    again = view.publish(b"new", T0)
    assert again.found in (Found.AS_LEFT, Found.OURS)
    assert layout.state.read_bytes() == b"new"


@pytest.mark.parametrize("step", range(15))
def test_what_a_person_wrote_survives_a_kill_at_any_step_of_our_writing_over_it(layout: Layout, step: int) -> None:
    files = Files()
    view = a_view(layout, files)
    view.publish(b"old", T0)
    layout.state.write_bytes(b"by hand")
    killed(files, step, lambda: view.publish(b"new", T0))
    a_view(layout, files).publish(b"new", T0)
    assert layout.state.read_bytes() == b"new"
    kept = [path.read_bytes() for path in layout.dispatch.glob("state.json.by-hand-*")]
    assert kept == [b"by hand"]


@pytest.mark.parametrize("step", range(3))
@pytest.mark.rule("B4")
def test_a_sidecar_killed_at_any_step_says_the_old_or_the_new(layout: Layout, step: int) -> None:
    files = Files()
    write_sidecar(layout, files, KEY, "e1", {"status": "pending", "seq": 1})
    killed(files, step, lambda: write_sidecar(layout, files, KEY, "e1", {"status": "running", "seq": 2}))
    reading = read_sidecar(layout.sidecar("e1"), "e1", KEY)
    assert isinstance(reading, Sidecar)
    assert reading.cells == {"status": "pending"}


@pytest.mark.parametrize("step", range(5))
def test_a_wish_that_could_not_be_written_is_not_acknowledged(layout: Layout, step: int) -> None:
    files = Files()
    inbox = Inbox(layout, files)
    inbox.put({"n": 0}, T0)
    with fault(files, at=step, error=FULL), pytest.raises(DiskFailed):
        inbox.put({"n": 1}, T0)
    waiting = inbox.pending()
    assert waiting.unreadable == []
    assert {wish.document["n"] for wish in waiting.wishes} in ({0}, {0, 1})


@pytest.mark.parametrize("step", range(4))
def test_a_settling_killed_at_any_step_can_be_repeated(layout: Layout, step: int) -> None:
    files = Files()
    inbox = Inbox(layout, files)
    files.make_dirs(layout.settled)
    wish = inbox.put({"n": 0}, T0)
    killed(files, step, lambda: inbox.settle(wish, {"done": True}))
    assert [waiting.id for waiting in inbox.pending().wishes] == [wish], "it waits until the outcome is there"
    inbox.settle(wish, {"done": True})
    assert inbox.pending().wishes == []
    assert inbox.outcome(wish) == {"done": True}
