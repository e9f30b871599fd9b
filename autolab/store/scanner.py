"""Looks through ``dispatch/`` for sidecars that say something new. The scan is the truth, events only hasten it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from autolab.errors import StoreDamaged
from autolab.model.observation import Sidecar, Unreadable
from autolab.store.files import reason
from autolab.store.layout import Layout
from autolab.store.sidecars import read_sidecar_in, sidecar_id

SETTLED_NS: Final = 2_000_000_000  # a file read that much after its mtime cannot change again under the same mtime
EVERY: Final = 10  # each tenth scan reads all: inode, size and times can lie

Signature = tuple[int, int, int, int]  # inode, size, mtime, ctime


@dataclass(slots=True)
class Scan:
    """What one scan found: ``readings`` that are news, and the names that were there before and are ``gone``."""

    readings: list[Sidecar | Unreadable] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


class Scanner:
    """Remembers what it read, in this process only: the first scan reads everything."""

    def __init__(self, layout: Layout, key: bytes = b"") -> None:
        self.folder, self.key = layout.dispatch, key
        self._folder = str(layout.dispatch)
        self._settled: dict[str, int] = {}  # files that need no reading while they look like this
        self._digests: dict[str, str] = {}  # of what was last returned
        self.unreadable: dict[str, Unreadable] = {}  # file names that make no sense now: for counting how long
        self._scans = 0

    def scan(self, now: datetime) -> Scan:
        """All sidecars that say something new since the last scan; every tenth time also those that look unchanged."""
        self._scans += 1
        if self._scans % EVERY == 0:
            self._settled.clear()
        return self._scan(os.listdir, now, whole=True)

    def scan_all(self, now: datetime) -> Scan:
        """``scan`` that reads every file again."""
        self._settled.clear()
        return self._scan(os.listdir, now, whole=True)

    def scan_names(self, names: Iterable[str], now: datetime) -> Scan:
        """Only the files of these names: those that an event spoke of."""
        named = [name for name in dict.fromkeys(names) if "/" not in name]
        return self._scan(lambda _: named, now, whole=False)

    def forget(self) -> None:
        """Return everything again at the next scan."""
        self._settled.clear()
        self.unreadable.clear()
        self._digests.clear()

    def _scan(self, names: Callable[[int], Iterable[str]], now: datetime, *, whole: bool) -> Scan:
        """Look at the files of these names in the folder, open as a descriptor; ``whole``: there are no others."""
        found = Scan()
        try:
            fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            there = set[str]()
        except OSError as error:
            raise StoreDamaged(f"cannot list {self.folder}: {reason(error)}") from error
        else:
            try:
                there = self._look(fd, names(fd), int(now.timestamp() * 1e9), found)
            finally:
                os.close(fd)
        if whole and len(self._digests) != len(there):
            for name in [name for name in self._digests if name not in there]:
                self._gone(name, found)
        return found

    def _look(self, fd: int, names: Iterable[str], now_ns: int, found: Scan) -> set[str]:
        """Read those that are not known to be unchanged; the names that are there."""
        settled = self._settled
        there: set[str] = set()
        for name in names:
            # A file that is not settled is read whatever it looks like: the read tells that too, for no further call.
            known = settled.get(name)
            if known is not None and known == _looks(name, fd):
                there.add(name)
            elif (experiment := sidecar_id(name)) is None:
                continue
            elif self._read(fd, name, experiment, now_ns, found):
                there.add(name)
            elif name in self._digests:
                self._gone(name, found)
        return there

    def _read(self, fd: int, name: str, experiment: str, now_ns: int, found: Scan) -> bool:
        """Take in one file; False: there is none."""
        reading, seen = read_sidecar_in(fd, self._folder, name, experiment, self.key)
        if reading is None:
            return False
        signature = None if seen is None else _signature(seen)
        if signature is not None and now_ns - max(signature[2:]) > SETTLED_NS:
            self._settled[name] = hash(signature)
        else:
            self._settled.pop(name, None)
        if type(reading) is Unreadable:
            self.unreadable[name] = reading
        elif self.unreadable:
            self.unreadable.pop(name, None)
        if self._digests.get(name) != reading.digest:
            self._digests[name] = reading.digest
            found.readings.append(reading)
        return True

    def _gone(self, name: str, found: Scan) -> None:
        self._digests.pop(name, None)
        self._settled.pop(name, None)
        self.unreadable.pop(name, None)
        found.gone.append(name)


def _looks(name: str, fd: int) -> int | None:
    """A file's signature as one number: of ten thousand files, 2 MiB less than their tuples."""
    try:
        return hash(_signature(os.stat(name, dir_fd=fd, follow_symlinks=False)))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _signature(seen: os.stat_result) -> Signature:
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
