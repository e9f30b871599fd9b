"""A whole file replaced on a disk that fails, fills up, loses power, or under a process that is killed: old or new."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from autolab.errors import DiskFailed
from autolab.store.faults import CountingDisk, DeadlyDisk, count_writes, disk, fault
from autolab.store.files import Disk, Files

OLD, NEW = b"old" * 1000, b"new" * 2000
ERRORS = [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE, errno.EACCES, errno.EMFILE]
STEPS = ["open", "write", "fsync", "rename", "fsync of the folder"]


def killed_at(step: int, files: Files, work: Callable[[], object]) -> bool:
    """Run ``work`` in a child that is killed before its change number ``step``; whether it came to that."""
    child = os.fork()
    if child == 0:
        files.disk = DeadlyDisk(step)
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 137)
    return code == 137


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "state.json").write_bytes(OLD)
    return tmp_path / "state.json"


def test_the_steps_of_a_replace_are_those_that_are_tested(path: Path) -> None:
    files = Files()
    with count_writes(files) as calls:
        files.replace(path, NEW)
    assert [name for name, _ in calls] == [step.split()[0] for step in STEPS]


@pytest.mark.parametrize("lasts", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("number", ERRORS, ids=[errno.errorcode[number] for number in ERRORS])
@pytest.mark.parametrize("step", range(len(STEPS)), ids=STEPS)
@pytest.mark.rule("B8")
def test_a_replace_that_fails_at_any_step_leaves_old_or_new_and_can_be_repeated(
    path: Path, step: int, number: int, lasts: bool
) -> None:
    files = Files()
    with (
        fault(files, at=step, error=OSError(number, os.strerror(number)), lasts=lasts) as failing,
        pytest.raises(DiskFailed) as raised,
    ):
        files.replace(path, NEW)
    assert str(path.parent) in raised.value.message
    assert path.read_bytes() == (NEW if STEPS[step] == "fsync of the folder" else OLD)
    if not lasts:
        assert [left.name for left in path.parent.iterdir()] == ["state.json"]
    syncs = [call for call in failing.calls if call[0] == "fsync"]
    assert len(syncs) == len(set(syncs)), "no descriptor is synced again after it failed"
    files.replace(path, NEW)
    files.sweep(path.parent)
    assert path.read_bytes() == NEW
    assert [left.name for left in path.parent.iterdir()] == ["state.json"]


@pytest.mark.parametrize("step", range(len(STEPS) + 1), ids=[*STEPS, "after it"])
@pytest.mark.rule("B8")
def test_a_replace_killed_at_any_step_leaves_old_or_new_and_blocks_nobody(path: Path, step: int) -> None:
    files = Files()
    assert killed_at(step, files, lambda: files.replace(path, NEW)) == (step < len(STEPS))
    assert path.read_bytes() == (NEW if step > STEPS.index("rename") else OLD)
    files.replace(path, NEW)
    files.sweep(path.parent)
    assert path.read_bytes() == NEW
    assert [left.name for left in path.parent.iterdir()] == ["state.json"]


@pytest.mark.rule("B13")
def test_readers_beside_a_writer_see_old_or_new_and_never_a_part_or_nothing(path: Path) -> None:
    versions = [bytes([65 + n]) * (1000 * (n + 1)) for n in range(5)]
    child = os.fork()
    if child == 0:
        files = Files()
        for number in range(1000):
            files.replace(path, versions[number % 5], durable=False)
        os._exit(0)
    seen = set()
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        seen.add(Files().read(path, 1 << 20))
    assert seen <= {OLD, *versions}


@pytest.mark.rule("B8")
def test_two_writers_of_one_file_never_disturb_each_other(path: Path) -> None:
    children = []
    for mark in (b"a", b"b", b"c"):
        child = os.fork()
        if child == 0:
            for _ in range(200):
                Files().replace(path, mark * 5000, durable=False)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert path.read_bytes() in {b"a" * 5000, b"b" * 5000, b"c" * 5000}
    assert [left.name for left in path.parent.iterdir()] == ["state.json"]


# Power cuts, by enumeration: what was not synced is on the disk in any combination.


@dataclass
class Inode:
    """A file's content in memory (``now``), and how much of it is certainly on the disk (``synced``)."""

    now: bytes = b""
    synced: bytes = b""


@dataclass
class PowerDisk(Disk):
    """A model of one folder that can lose power: unsynced writes and renames reach the disk or do not, each by itself.

    names   what the folder says in memory;  kept: what it said when it was last synced, then the changes since
    """

    names: dict[str, Inode] = field(default_factory=dict)
    kept: dict[str, Inode] = field(default_factory=dict)
    pending: list[tuple[str, str | None, Inode]] = field(default_factory=list)  # name set, name removed, inode
    syncs_files: bool = True
    syncs_folders: bool = True
    seen: list[set[bytes | None]] = field(default_factory=list)  # after each step: what may be read after a power cut
    target: str = ""
    open_files: dict[int, Inode] = field(default_factory=dict)

    def step(self, name: str, path: str) -> None:
        self.seen.append(set(self.outcomes()))

    def open(self, path: str, flags: int, mode: int = 0o644) -> int:
        fd = super().open(path, flags, mode)
        inode = self.names[path] = self.open_files[fd] = Inode()
        self.pending.append((path, None, inode))
        return fd

    def write(self, fd: int, data: bytes | memoryview, path: str) -> int:
        done = super().write(fd, data, path)
        self.names[path].now += bytes(data[:done])
        return done

    def fsync(self, fd: int, path: str) -> None:
        self.step("fsync", path)
        if path in self.names and self.syncs_files:
            self.names[path].synced = self.names[path].now
        elif path not in self.names and self.syncs_folders:
            self.kept, self.pending = dict(self.names), []

    def rename(self, old: str, new: str) -> None:
        super().rename(old, new)
        inode = self.names[new] = self.names.pop(old)
        self.pending.append((new, old, inode))

    def outcomes(self) -> Iterator[bytes | None]:
        """What the target may hold after a power cut now; None: it is missing."""
        for keep in itertools.product([True, False], repeat=len(self.pending)):
            names = dict(self.kept)
            for wanted, (name, gone, inode) in zip(keep, self.pending, strict=True):
                if wanted:
                    names[name] = inode
                    names.pop(gone or "", None)
            inode_there = names.get(self.target)
            if inode_there is None:
                yield None
            else:
                yield from partly(inode_there)


def partly(inode: Inode) -> Iterator[bytes]:
    """Content of which the last part may not have been written: none of it, some, zeros for it, or all."""
    unsynced = inode.now[len(inode.synced) :]
    yield inode.now
    if unsynced:
        yield inode.synced
        yield inode.synced + unsynced[: len(unsynced) // 2]
        yield inode.synced + bytes(len(unsynced))


def power_cut_outcomes(path: Path, **how: bool) -> list[set[bytes | None]]:
    before = Inode(OLD, OLD)
    model = PowerDisk(names={str(path): before}, kept={str(path): before}, target=str(path), **how)
    files = Files()
    with disk(files, model):
        files.replace(path, NEW)
    return [*model.seen, set(model.outcomes())]


@pytest.mark.rule("B9")
def test_a_power_cut_at_any_step_leaves_old_or_new_and_what_was_acknowledged_is_new(path: Path) -> None:
    outcomes = power_cut_outcomes(path)
    assert set().union(*outcomes) <= {OLD, NEW}
    assert outcomes[-1] == {NEW}


def test_the_model_finds_what_goes_wrong_without_the_files_sync(path: Path) -> None:
    assert not set().union(*power_cut_outcomes(path, syncs_files=False)) <= {OLD, NEW}


def test_the_model_finds_what_is_lost_without_the_folders_sync(path: Path) -> None:
    assert OLD in power_cut_outcomes(path, syncs_folders=False)[-1]


def test_faults_are_counted_from_the_same_zero_as_steps() -> None:
    counting = CountingDisk()
    counting.step("open", "a")
    assert counting.calls == [("open", "a")]
