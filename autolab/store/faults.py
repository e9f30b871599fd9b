"""A disk that fails: at the k-th change it raises, writes short, or ends the process. For tests of what is promised."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from autolab.store.files import Disk, Files


class CountingDisk(Disk):
    """Works, and remembers what was done: ``calls`` are (name, path)."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def step(self, name: str, path: str) -> None:
        self.calls.append((name, path))


class FailingDisk(CountingDisk):
    """Raises ``error`` at call number ``at`` (from 0), and at every later one if it ``lasts``."""

    def __init__(self, at: int, error: OSError, lasts: bool = False) -> None:
        super().__init__()
        self.at, self.error, self.lasts = at, error, lasts

    def step(self, name: str, path: str) -> None:
        super().step(name, path)
        number = len(self.calls) - 1
        if number == self.at or (self.lasts and number > self.at):
            raise OSError(self.error.errno, self.error.strerror, path)


class ShortDisk(CountingDisk):
    """Every write takes at most ``most`` bytes."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def write(self, fd: int, data: bytes | memoryview, path: str) -> int:
        return super().write(fd, data[: self.most], path)


class FillingDisk(CountingDisk):
    """Has room for ``room`` bytes: the write that meets the end is short, the next one fails with ``error``."""

    def __init__(self, room: int, error: OSError) -> None:
        super().__init__()
        self.room, self.error = room, error

    def write(self, fd: int, data: bytes | memoryview, path: str) -> int:
        if self.room <= 0 and data:
            raise OSError(self.error.errno, self.error.strerror, path)
        done = super().write(fd, data[: self.room], path)
        self.room -= done
        return done


class DeadlyDisk(CountingDisk):
    """Ends the process, as SIGKILL would, before call number ``at``. Only in a child process."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def step(self, name: str, path: str) -> None:
        if len(self.calls) == self.at:
            os._exit(137)
        super().step(name, path)


@contextmanager
def disk(files: Files, other: Disk) -> Iterator[None]:
    """``files`` over ``other`` inside the block."""
    before, files.disk = files.disk, other
    try:
        yield
    finally:
        files.disk = before


@contextmanager
def fault(files: Files, *, at: int, error: OSError, lasts: bool = False) -> Iterator[FailingDisk]:
    """The ``at``-th change (from 0) of ``files`` inside the block fails with ``error``."""
    failing = FailingDisk(at, error, lasts)
    with disk(files, failing):
        yield failing


@contextmanager
def count_writes(files: Files) -> Iterator[list[tuple[str, str]]]:
    """The changes that ``files`` makes inside the block: (call, path), in order."""
    counting = CountingDisk()
    with disk(files, counting):
        yield counting.calls
