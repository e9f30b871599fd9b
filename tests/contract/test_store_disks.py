"""Every Disk does to a file what the real one does, until its fault comes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from autolab.store.faults import CountingDisk, DeadlyDisk, FailingDisk, FillingDisk, ShortDisk
from autolab.store.files import Disk, Files

NEVER = 10**9
DISKS: dict[str, Callable[[], Disk]] = {
    "real": Disk,
    "counting": CountingDisk,
    "failing": lambda: FailingDisk(NEVER, OSError(errno.EIO, "eio")),
    "short": lambda: ShortDisk(3),
    "filling": lambda: FillingDisk(NEVER, OSError(errno.ENOSPC, "full")),
    "deadly": lambda: DeadlyDisk(NEVER),
}


@pytest.fixture(params=DISKS)
def files(request: pytest.FixtureRequest) -> Files:
    return Files(DISKS[request.param]())


def test_a_replaced_file_holds_the_new_bytes_with_the_mode_that_was_asked(files: Files, tmp_path: Path) -> None:
    for data in (b"", b"0123456789", bytes(range(256)) * 20):
        files.replace(tmp_path / "a", data, mode=0o600)
        assert files.read(tmp_path / "a", 1 << 20) == data
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_appended_bytes_stand_at_the_end_and_a_cut_takes_them_away(files: Files, tmp_path: Path) -> None:
    files.replace(tmp_path / "a", b"one\n")
    fd = files.open_append(tmp_path / "a")
    files.append(fd, tmp_path / "a", b"two\nthree\n")
    assert files.read(tmp_path / "a", 100) == b"one\ntwo\nthree\n"
    files.truncate(fd, tmp_path / "a", 4)
    files.append(fd, tmp_path / "a", b"four\n")
    os.close(fd)
    assert files.read(tmp_path / "a", 100) == b"one\nfour\n"


def test_names_are_made_moved_and_removed(files: Files, tmp_path: Path) -> None:
    files.make_dirs(tmp_path / "x" / "y")
    files.replace(tmp_path / "x" / "y" / "a", b"1")
    files.move(tmp_path / "x" / "y" / "a", tmp_path / "x" / "y" / "b")
    assert [path.name for path in (tmp_path / "x" / "y").iterdir()] == ["b"]
    files.remove(tmp_path / "x" / "y" / "b")
    assert files.read(tmp_path / "x" / "y" / "b", 10) is None
