"""The journal on a disk that fails at any step, or under a process that is killed there.

What was acknowledged is there; what was not is there whole or not at all; and the next engine goes on.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autolab.errors import Bug, DiskFailed, StoreDamaged
from autolab.store.faults import DeadlyDisk, FillingDisk, ShortDisk, count_writes, disk, fault
from autolab.store.files import Files
from autolab.store.journal import Journal
from autolab.store.layout import Layout

LAB = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
ERRORS = [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS]
Work = Callable[[Journal], object]


def batch(first: int, size: int = 3) -> list[dict[str, Any]]:
    return [{"seq": n, "id": f"e{n}", "event": "observed"} for n in range(first, first + size)]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path, None, LAB)


@pytest.fixture
def journal(layout: Layout) -> Journal:
    """Three events acknowledged."""
    found = Journal(layout, Files())
    found.begin(b"{}")
    found.append(batch(1))
    return found


def append(journal: Journal) -> None:
    journal.append(batch(4))


def seal(journal: Journal) -> None:
    journal.seal(b'{"sealed":true}')


def seal_and_append(journal: Journal) -> None:
    seal(journal)
    append(journal)


def append_after_a_torn_line(journal: Journal) -> None:
    with journal.path(1).open("ab") as file:
        file.write(b'{"seq":4,"id":"torn')
    journal.load()
    append(journal)


WORK: dict[str, tuple[Work, list[str]]] = {
    "append": (append, ["write", "fdatasync"]),
    "seal": (seal, ["open", "write", "fsync", "rename", "fsync"]),
    "seal and append": (
        seal_and_append,
        ["open", "write", "fsync", "rename", "fsync", "open", "write", "fdatasync"],
    ),
    "append after a torn line": (append_after_a_torn_line, ["open", "truncate", "write", "fdatasync"]),
}
EVERY_STEP = [(name, step) for name, (_, steps) in WORK.items() for step in range(len(steps))]


def survivors(layout: Layout) -> list[int]:
    """What the next engine finds, after which it appends one more and finds that too."""
    journal = Journal(layout, Files())
    journal.load()
    found = [event["seq"] for event in journal.history()]
    journal.append(batch(journal.seq + 1, 1))
    journal.close()
    again = Journal(layout, Files())
    assert not again.load().problems
    assert [event["seq"] for event in again.history()] == [*found, len(found) + 1]
    return found


@pytest.mark.parametrize("name", WORK)
def test_the_steps_are_those_that_are_tested(journal: Journal, name: str) -> None:
    work, steps = WORK[name]
    with count_writes(journal.files) as calls:
        work(journal)
    assert [call for call, _ in calls] == steps


@pytest.mark.parametrize("lasts", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("number", ERRORS, ids=[errno.errorcode[number] for number in ERRORS])
@pytest.mark.parametrize(("name", "step"), EVERY_STEP)
def test_a_failure_at_any_step_is_said_and_loses_nothing_acknowledged(
    journal: Journal, layout: Layout, name: str, step: int, number: int, lasts: bool
) -> None:
    error = OSError(number, os.strerror(number))
    with fault(journal.files, at=step, error=error, lasts=lasts), pytest.raises(DiskFailed):
        WORK[name][0](journal)
    found = survivors(layout)
    assert found[:3] == [1, 2, 3]
    assert found in ([1, 2, 3], [1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize("step", [0, 1])
def test_after_a_failed_append_nothing_is_written_before_the_journal_is_loaded_again(
    journal: Journal, step: int
) -> None:
    with fault(journal.files, at=step, error=OSError(errno.EIO, "eio")), pytest.raises(DiskFailed):
        append(journal)
    with pytest.raises(Bug):
        append(journal)
    assert journal.load().problems == []
    append(journal)
    assert journal.seq == 6


def test_a_failed_sync_is_never_repeated_on_the_same_descriptor_and_its_bytes_are_taken_back(
    journal: Journal, layout: Layout
) -> None:
    with (
        fault(journal.files, at=1, error=OSError(errno.EIO, "eio")) as failing,
        pytest.raises(DiskFailed, match="input/output error"),
    ):
        append(journal)
    assert [name for name, _ in failing.calls] == ["write", "fdatasync", "truncate"]
    assert survivors(layout) == [1, 2, 3]


@pytest.mark.parametrize(("name", "step"), EVERY_STEP)
def test_a_kill_at_any_step_loses_nothing_acknowledged(journal: Journal, layout: Layout, name: str, step: int) -> None:
    child = os.fork()
    if child == 0:
        journal.files.disk = DeadlyDisk(step)
        WORK[name][0](journal)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 137
    found = survivors(layout)
    assert found in ([1, 2, 3], [1, 2, 3, 4, 5, 6])
    assert (len(found) == 6) == (WORK[name][1][step] == "fdatasync"), "written, and killed before the acknowledgement"


@pytest.mark.parametrize("step", range(5))
def test_a_journal_whose_beginning_was_killed_can_be_begun_again_or_is_there(layout: Layout, step: int) -> None:
    files = Files()
    files.make_dirs(layout.journal)
    child = os.fork()
    if child == 0:
        files.disk = DeadlyDisk(step)
        Journal(layout, files).begin(b"{}")
        os._exit(0)
    os.waitpid(child, 0)
    journal = Journal(layout, files)
    if step < 4:
        with pytest.raises(StoreDamaged, match="no journal"):
            journal.load()
        journal.begin(b"{}")
    assert journal.load().seq == 0


LINE = 60


@pytest.mark.parametrize("room", range(0, 4 * LINE, 7))
def test_a_disk_that_fills_up_at_any_byte_loses_nothing_acknowledged(
    journal: Journal, layout: Layout, room: int
) -> None:
    with (
        disk(journal.files, FillingDisk(room, OSError(errno.ENOSPC, "full"))) as _,
        pytest.raises(DiskFailed, match="disk full"),
    ):
        journal.append(batch(4, 30))
    assert survivors(layout) == [1, 2, 3]


@pytest.mark.parametrize("most", [1, 10, 61])
def test_short_writes_are_carried_on(journal: Journal, layout: Layout, most: int) -> None:
    with disk(journal.files, ShortDisk(most)):
        append(journal)
    assert survivors(layout) == [1, 2, 3, 4, 5, 6]


def test_a_kill_between_the_parts_of_a_write_leaves_whole_events(journal: Journal, layout: Layout) -> None:
    class TornDisk(ShortDisk):
        def step(self, name: str, path: str) -> None:
            super().step(name, path)
            if name == "write" and len(self.calls) == 3:
                os._exit(137)

    child = os.fork()
    if child == 0:
        journal.files.disk = TornDisk(50)
        append(journal)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 137
    assert "torn" in Journal(layout, Files()).load().problems[0]
    assert survivors(layout) == [1, 2, 3, 4]


def test_an_error_while_reading_is_not_an_empty_journal(journal: Journal, layout: Layout) -> None:
    journal.path(1).rename(layout.journal / "kept")
    journal.path(1).mkdir()
    again = Journal(layout, Files())
    with pytest.raises(StoreDamaged, match="cannot read"):
        again.load()
    with pytest.raises(StoreDamaged, match="already"):
        again.begin(b"{}")
