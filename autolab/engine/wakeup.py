"""File events shorten the wait, and are never believed: the scan is the truth.

Queues overflow silently, a folder made anew is no longer watched, network file systems say nothing. So a hint only
names what to read first, and the watch is renewed when the folder is another one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from watchdog.events import FileClosedEvent, FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)

# A file is whole when it was renamed or closed. All else that the kernel tells of a written file made a storm of
# 10,000 sidecars cost three times as much.
TOLD: Final[list[type[FileSystemEvent]]] = [FileMovedEvent, FileClosedEvent]


class _Handler(FileSystemEventHandler):
    """Does nothing but pass the name on: work here would make the kernel's queue overflow."""

    def __init__(self, hint: Callable[[str], None]) -> None:
        self._hint = hint

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in {"opened", "closed_no_write"}:
            return
        for path in (event.src_path, event.dest_path):
            name = str(path).rpartition("/")[2]
            if name and not name.startswith("."):
                self._hint(name)


class Wakeup:
    """Watches folders for a daemon. Where that cannot be, it says so once and the scans do alone."""

    def __init__(self, folders: list[Path], hint: Callable[[str], None]) -> None:
        self._folders, self._handler = folders, _Handler(hint)
        self._observer: BaseObserver | None = None
        self._inodes: dict[Path, int] = {}
        self._told = False

    def renew(self) -> None:
        """Watch the folders that are there now; called at every tick, cheap while nothing changed."""
        inodes = {folder: seen for folder in self._folders if (seen := _inode(folder)) is not None}
        alive = self._observer is not None and all(e.is_alive() for e in self._observer.emitters)
        if alive and inodes == self._inodes:
            return
        self.stop()
        self._inodes = inodes
        observer = Observer()
        try:
            for folder in inodes:
                observer.schedule(self._handler, str(folder), event_filter=TOLD)
            observer.start()
        except OSError as error:  # the limit on watches or instances, say
            self._complain(error)
            return
        self._observer = observer

    def stop(self) -> None:
        """Watch nothing."""
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join(timeout=5)

    def _complain(self, error: OSError) -> None:
        if not self._told:
            log.warning("file changes cannot be watched (%s): sidecars are read every 30 s instead", error)
            self._told = True


def _inode(folder: Path) -> int | None:
    try:
        return folder.stat().st_ino
    except OSError:
        return None
