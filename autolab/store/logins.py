"""How often hosts were logged in to, over all processes of this clone: with cron each poll is a new one."""

from __future__ import annotations

import logging
import os
import threading
from datetime import datetime
from typing import Final

from autolab.errors import StoreDamaged
from autolab.store.files import Files
from autolab.store.layout import Layout

log = logging.getLogger(__name__)

_LIMIT: Final = 1 << 20
FULL: Final = 1 << 14  # bytes; then what is older than two hours is dropped
KEPT_S: Final = 7200.0


class LoginLedger:
    """Lines ``<Unix time> <host>`` in the record, appended whole, so that commands and the engine need no lock.

    A disk that takes no more lines keeps nobody from logging in: what could not be written counts in this process.
    """

    def __init__(self, layout: Layout, files: Files) -> None:
        self._path, self._files = layout.logins, files
        self._unwritten: list[tuple[float, str]] = []
        self._lock = threading.Lock()

    def logins(self, host: str, since: datetime) -> int:
        """How many ``host`` saw after ``since``."""
        return self.counts(since).get(host, 0)

    def counts(self, since: datetime) -> dict[str, int]:
        """The same by host."""
        found: dict[str, int] = {}
        for at, host in [*self._lines(), *self._unwritten]:
            if at > since.timestamp():
                found[host] = found.get(host, 0) + 1
        return found

    def add(self, host: str, at: datetime) -> None:
        """One more, now."""
        with self._lock:
            try:
                self._files.make_dirs(self._path.parent)
                self._shorten(at)
                handle = self._files.open_append(self._path, create=True)
                try:
                    os.write(handle, _line(at.timestamp(), host))
                finally:
                    os.close(handle)
            except (OSError, StoreDamaged) as error:
                log.warning("a login on %s is not noted: %s", host, error)
                self._unwritten.append((at.timestamp(), host))

    def _shorten(self, now: datetime) -> None:
        if not self._path.exists() or self._path.stat().st_size < FULL:
            return
        kept = [_line(at, host) for at, host in self._lines() if at > now.timestamp() - KEPT_S]
        self._files.replace(self._path, b"".join(kept), durable=False)

    def _lines(self) -> list[tuple[float, str]]:
        try:
            data = self._files.read(self._path, _LIMIT) or b""
        except (OSError, StoreDamaged):
            return []
        found = []
        for line in data.decode("utf-8", "replace").splitlines():
            at, _, host = line.partition(" ")
            try:
                found.append((float(at), host))
            except ValueError:  # half a line of a machine that lost its power
                continue
        return found


def _line(at: float, host: str) -> bytes:
    return f"{at:.3f} {host}\n".encode()
