"""A whole small lab whose own disk fails, or whose engine is killed, at one change after the other.

Every change that an engine makes on disk passes one seam; here the k-th of them goes wrong. Then a new engine takes
over: nothing that was acknowledged is lost, nothing runs twice, every end is known, the state is what the journal says.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from autolab.errors import DiskFailed
from autolab.store.faults import CountingDisk, FailingDisk
from autolab.store.files import Files
from tests.labs import SmallLab, a_table, an_experiment

CHANGES = 290  # a little more than there are; test_the_faults_reach_over_the_whole_life_of_the_lab looks


@contextlib.contextmanager
def small_lab(folder: Path) -> Iterator[SmallLab]:
    """One that is done with a result, one that fails and asks."""
    with SmallLab(folder, {"local": {"kind": "local", "slots": 2}}) as lab:
        lab.add(an_experiment("good", **a_table("good")), an_experiment("bad", "exit 3"))
        yield lab


def to_the_end(lab: SmallLab, files: Files | None = None) -> None:
    with lab.engine(files) as at_work:
        at_work.until(lambda: len(at_work.entries) == 2, "the wish is heard")
        at_work.advance(20)  # a start without a claim is said again
        at_work.until_are("done", "good")
        at_work.until_are("failed", "bad")
        at_work.until_asked("undiagnosed_crash", "bad")


def assert_whole(lab: SmallLab) -> None:
    lab.assert_once_each("good", "bad")
    lab.assert_replay_equals_state()
    assert [e["end"]["status"] for e in lab.events("ended", "bad")] == [3]
    assert (lab.root / "experiments/results/good.csv").read_text().startswith("exp_id,")
    assert "state: open\nquestion: bad-1\n" in lab.layout.escalation("bad").read_text()
    said = lab.layout.lab_log.read_text()
    assert said.count("DONE: good ") == said.count("[bad] failed") == 1
    assert list(lab.layout.inbox.glob("*.json")) == []


@pytest.mark.parametrize("k", range(0, CHANGES, 5))
def test_a_disk_that_fails_once_loses_nothing_and_doubles_nothing(tmp_path: Path, k: int) -> None:
    with small_lab(tmp_path) as lab:
        with contextlib.suppress(DiskFailed):
            to_the_end(lab, Files(FailingDisk(k, OSError(errno.EIO, os.strerror(errno.EIO)))))
        to_the_end(lab)
        assert_whole(lab)


@pytest.mark.parametrize("k", range(2, CHANGES, 10))
def test_a_disk_that_stays_full_stops_the_engine_and_the_next_one_goes_on(tmp_path: Path, k: int) -> None:
    full = FailingDisk(k, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), lasts=True)
    with small_lab(tmp_path) as lab:
        with contextlib.suppress(DiskFailed):
            to_the_end(lab, Files(full))
            assert len(full.calls) <= k
        to_the_end(lab)
        assert_whole(lab)


@pytest.mark.parametrize("k", range(1, CHANGES, 8))
def test_an_engine_killed_before_any_change_is_followed_by_one_that_finishes(tmp_path: Path, k: int) -> None:
    with small_lab(tmp_path) as lab:
        killed = lab.process("serve", f"call:{k}")
        lab.until_left(killed)
        to_the_end(lab)
        assert_whole(lab)


def test_the_faults_reach_over_the_whole_life_of_the_lab(tmp_path: Path) -> None:
    counting = CountingDisk()
    with small_lab(tmp_path) as lab:
        to_the_end(lab, Files(counting))
        assert_whole(lab)
    assert CHANGES * 0.8 < len(counting.calls) < CHANGES * 1.2
