"""Looks through ``dispatch/`` for sidecars that say something new. The scan is the truth, events only hasten it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from autolab.errors import StoreDamaged
from autolab.model.observation import Sidecar, Unreadable
from autolab.store.files import reason
from autolab.store.layout import Layout
from autolab.store.sidecars import read_sidecar, sidecar_id

SETTLED_NS: Final = 2_000_000_000  # a file read that much after its mtime cannot change again under the same mtime
EVERY: Final = 10  # each tenth scan reads all: inode, size and times can lie

Signature = tuple[int, int, int, int]  # inode, size, mtime, ctime
File = tuple[str, str, Signature | None]  # name, whom it speaks of, how it looks; None: it is not there


@dataclass(slots=True)
class Scan:
    """What one scan found: ``readings`` that are news, and the names that were there before and are ``gone``."""

    readings: list[Sidecar | Unreadable] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


class Scanner:
    """Remembers what it read, in this process only: the first scan reads everything."""

    def __init__(self, layout: Layout, key: bytes = b"") -> None:
        self.folder, self.key = layout.dispatch, key
        self._prefix = f"{layout.dispatch}/"
        self._settled: dict[str, Signature] = {}  # files that need no reading while they look like this
        self._digests: dict[str, str] = {}  # of what was last returned
        self.unreadable: dict[str, Unreadable] = {}  # file names that make no sense now: for counting how long
        self._scans = 0

    def scan(self, now: datetime) -> Scan:
        """All sidecars that say something new since the last scan; every tenth time also those that look unchanged."""
        self._scans += 1
        if self._scans % EVERY == 0:
            self._settled.clear()
        return self._scan(self._listed(), now, whole=True)

    def scan_all(self, now: datetime) -> Scan:
        """``scan`` that reads every file again."""
        self._settled.clear()
        return self._scan(self._listed(), now, whole=True)

    def scan_names(self, names: Iterable[str], now: datetime) -> Scan:
        """Only the files of these names: those that an event spoke of."""
        return self._scan(self._named(names), now, whole=False)

    def forget(self) -> None:
        """Return everything again at the next scan."""
        self._settled.clear()
        self.unreadable.clear()
        self._digests.clear()

    def _scan(self, files: Iterator[File], now: datetime, *, whole: bool) -> Scan:
        found = Scan()
        settled = self._settled
        now_ns = int(now.timestamp() * 1e9)
        there: set[str] = set()
        for name, experiment, signature in files:
            if signature is not None:
                there.add(name)
                if settled.get(name) != signature:
                    self._read(name, experiment, signature, now_ns, found)
            elif name in self._digests:
                self._gone(name, found)
        if whole and len(self._digests) != len(there):
            for name in [name for name in self._digests if name not in there]:
                self._gone(name, found)
        return found

    def _read(self, name: str, experiment: str, signature: Signature, now_ns: int, found: Scan) -> None:
        reading = read_sidecar(f"{self._prefix}{name}", experiment, self.key)
        if reading is None:
            return
        if now_ns - signature[2] > SETTLED_NS and now_ns - signature[3] > SETTLED_NS:
            self._settled[name] = signature
        else:
            self._settled.pop(name, None)
        if isinstance(reading, Unreadable):
            self.unreadable[name] = reading
        elif self.unreadable:
            self.unreadable.pop(name, None)
        if self._digests.get(name) != reading.digest:
            self._digests[name] = reading.digest
            found.readings.append(reading)

    def _gone(self, name: str, found: Scan) -> None:
        self._digests.pop(name, None)
        self._settled.pop(name, None)
        self.unreadable.pop(name, None)
        found.gone.append(name)

    def _listed(self) -> Iterator[File]:
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    name = entry.name
                    if (experiment := sidecar_id(name)) is not None:
                        yield name, experiment, _signature(entry)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreDamaged(f"cannot list {self.folder}: {reason(error)}") from error

    def _named(self, names: Iterable[str]) -> Iterator[File]:
        for name in dict.fromkeys(names):
            if (experiment := sidecar_id(name)) is not None and "/" not in name:
                yield name, experiment, _signature(f"{self._prefix}{name}")


def _signature(file: os.DirEntry[str] | str) -> Signature | None:
    try:
        seen = os.lstat(file) if isinstance(file, str) else file.stat(follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
