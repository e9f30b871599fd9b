"""Whole files, read and replaced."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from autolab.errors import DiskFailed, StoreDamaged
from autolab.store.faults import FillingDisk, ShortDisk, count_writes, disk, fault
from autolab.store.files import Files


@pytest.mark.rule("B9")
def test_a_durable_replace_syncs_the_file_then_renames_it_then_syncs_the_folder(files: Files, tmp_path: Path) -> None:
    with count_writes(files) as calls:
        files.replace(tmp_path / "state.json", b"new")
    assert [name for name, _ in calls] == ["open", "write", "fsync", "rename", "fsync"]
    assert calls[-1][1] == str(tmp_path)


def test_a_replace_that_need_not_be_durable_syncs_nothing(files: Files, tmp_path: Path) -> None:
    with count_writes(files) as calls:
        files.replace(tmp_path / "e1.status.json", b"{}", durable=False)
    assert [name for name, _ in calls] == ["open", "write", "rename"]


@pytest.mark.rule("B8")
def test_two_replaces_of_one_file_never_share_a_temporary_name(files: Files, tmp_path: Path) -> None:
    names = set()
    for _ in range(20):
        with count_writes(files) as calls:
            files.replace(tmp_path / "state.json", b"x", durable=False)
        names.add(calls[0][1])
    assert len(names) == 20
    assert all(Path(name).parent == tmp_path for name in names)


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_short_writes_are_carried_on(files: Files, tmp_path: Path, most: int) -> None:
    with disk(files, ShortDisk(most)):
        files.replace(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


@pytest.mark.parametrize("room", range(11))
def test_a_disk_that_fills_up_leaves_the_old_bytes_and_no_temporary(files: Files, tmp_path: Path, room: int) -> None:
    files.replace(tmp_path / "a", b"old")
    with disk(files, FillingDisk(room, OSError(errno.ENOSPC, "full"))), pytest.raises(DiskFailed, match="disk full"):
        files.replace(tmp_path / "a", b"0123456789a")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "disk full (free "),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "input/output error"),
        (errno.EACCES, "permission denied"),
        (errno.ESTALE, "stale handle"),
        (errno.EMFILE, "too many open files"),
    ],
)
def test_a_failed_write_says_what_where_and_why(files: Files, tmp_path: Path, number: int, said: str) -> None:
    with fault(files, at=1, error=OSError(number, "x")), pytest.raises(DiskFailed) as raised:
        files.replace(tmp_path / "state.json", b"new")
    assert raised.value.message.startswith(f"cannot write {tmp_path}/state.json: ")
    assert said in raised.value.message
    assert "nothing was acknowledged" in raised.value.message
    assert raised.value.exit_code == 9


def test_a_rename_whose_answer_was_lost_is_recognised(files: Files, tmp_path: Path) -> None:
    class LostReply(type(files.disk)):  # type: ignore[misc]
        def rename(self, old: str, new: str) -> None:
            super().rename(old, new)
            raise FileNotFoundError(errno.ENOENT, "gone", old)

    with disk(files, LostReply()):
        files.replace(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_folder_in_the_way_is_said_and_stays(files: Files, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(DiskFailed, match="a folder"):
        files.replace(tmp_path / "a", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_leftover_temporaries_never_block_a_replace_and_are_swept(files: Files, tmp_path: Path) -> None:
    (tmp_path / ".a.0123456789abcdef.tmp").write_bytes(b"half")
    (tmp_path / ".b.0123456789abcdef.tmp").mkdir()
    files.replace(tmp_path / "a", b"new")
    assert files.sweep(tmp_path) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.0123456789abcdef.tmp", "a"]


def test_a_missing_file_reads_as_none(files: Files, tmp_path: Path) -> None:
    assert files.read(tmp_path / "no", 10) is None


def test_what_is_not_a_plain_small_file_is_damage_and_not_emptiness(files: Files, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "big").write_bytes(b"x" * 11)
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "socket"))
    for name in ("link", "folder", "pipe", "big", "socket"):
        with pytest.raises(StoreDamaged, match=f"cannot read .*/{name}: "):
            files.read(tmp_path / name, 10)


def test_a_sparse_file_of_ten_gigabytes_is_refused_without_reading_it(files: Files, tmp_path: Path) -> None:
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(10 << 30)
    with pytest.raises(StoreDamaged, match="10737418240 bytes"):
        files.read(tmp_path / "huge", 1 << 20)


def test_folders_are_made_with_those_above_and_a_file_in_the_way_is_said(files: Files, tmp_path: Path) -> None:
    files.make_dirs(tmp_path / "a" / "b")
    files.make_dirs(tmp_path / "a" / "b")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskFailed):
        files.make_dirs(tmp_path / "file" / "c")


def test_a_file_is_removed_twice_without_harm(files: Files, tmp_path: Path) -> None:
    files.replace(tmp_path / "a", b"")
    files.remove(tmp_path / "a")
    files.remove(tmp_path / "a")
