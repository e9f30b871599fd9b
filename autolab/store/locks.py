"""The engine lock: one engine per lab, held by the kernel, and who holds it written beside for people."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from autolab.errors import Busy, DiskFailed, StoreDamaged
from autolab.store.files import Files, reason
from autolab.store.layout import Layout

if TYPE_CHECKING:
    from filelock import FileLock

_LIMIT: Final = 1 << 16
# A lock without a living name: an engine about to say its own, or a fork of a killed one that has not yet become the
# program it is to be, and so not let go.
NAMELESS_FOR_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Holder:
    """A process, so that it can be told from a later one with its number."""

    host: str
    pid: int
    boot_id: str
    pid_ns: str
    start_ticks: int
    since: str
    what: str  # daemon, poll, or the command's name

    def __str__(self) -> str:
        return f"{self.what} (pid {self.pid} on {self.host}, since {self.since})"


def myself(what: str, now: datetime) -> Holder:
    """This process as a Holder."""
    return Holder(
        host=socket.gethostname(),
        pid=os.getpid(),
        boot_id=_boot_id(),
        pid_ns=_pid_ns(),
        start_ticks=start_ticks(os.getpid()) or 0,
        since=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        what=what,
    )


def start_ticks(pid: int) -> int | None:
    """When ``pid`` started, in clock ticks since boot: field 22 of proc(5) stat. None: no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_gone(holder: Holder) -> bool:
    """Whether ``holder`` has certainly ended; False where we cannot see it (another host or pid namespace)."""
    if holder.boot_id != _boot_id():
        return holder.host == socket.gethostname()
    return holder.pid_ns == _pid_ns() and start_ticks(holder.pid) != holder.start_ticks


def who(layout: Layout, files: Files) -> Holder | None:
    """Who is the engine, as far as can be told without touching the lock; None: nobody, or one that has ended."""
    holder = _read(layout.engine_file, files)
    return None if holder is None or is_gone(holder) else holder


class EngineLock:
    """The lock of one lab's engine. The kernel releases it when the process ends; its age never matters."""

    def __init__(self, layout: Layout, files: Files) -> None:
        self.layout, self.files = layout, files
        self._lock: FileLock | None = None
        self._inode: tuple[int, int] | None = None

    @property
    def held(self) -> bool:
        return self._lock is not None

    @contextmanager
    def hold(self, what: str, now: datetime) -> Iterator[None]:
        """``take`` it for a block."""
        self.take(what, now)
        try:
            yield
        finally:
            self.release()

    def take(self, what: str, now: datetime) -> None:
        """Take the lock, waiting for no engine.

        raises  Busy that names the holder; DiskFailed where it cannot be locked
        """
        from filelock import FileLock, Timeout  # 87 ms: only who takes the lock pays for it

        path = self.layout.engine_lock
        self.files.make_dirs(path.parent)
        lock = FileLock(path, timeout=0, mode=0o644)
        try:
            try:
                lock.acquire()
            except Timeout:
                if who(self.layout, self.files) is not None:
                    raise
                lock.acquire(timeout=NAMELESS_FOR_S, poll_interval=0.02)
        except Timeout:
            raise self._busy() from None
        except OSError as error:
            raise DiskFailed(f"cannot lock {path}: {reason(error)}") from error
        try:
            self._inode = _kernel_held(path)
            self._announce(what, now)
        except BaseException:
            lock.release()
            raise
        self._lock = lock

    def check(self) -> None:
        """That the lock's name still stands for the lock we hold; before every commit.

        raises StoreDamaged when the file was removed or replaced: somebody else may hold a lock of that name by now
        """
        if self._lock is None or self._inode is None:
            raise StoreDamaged(f"the engine lock {self.layout.engine_lock} is not held")
        if _inode(self.layout.engine_lock) != self._inode:
            raise StoreDamaged(
                f"the engine lock {self.layout.engine_lock} was removed or replaced; nothing was written",
                hint="start again; two engines may have run for a moment, and only one may write",
            )

    def release(self) -> None:
        """Give it back; harmless when it is not held."""
        lock, self._lock, inode = self._lock, None, self._inode
        if lock is None:
            return
        try:
            if _inode(self.layout.engine_lock) == inode:  # else the name beside it is another's
                self.files.remove(self.layout.engine_file)
        finally:
            lock.release()

    def _announce(self, what: str, now: datetime) -> None:
        text = json.dumps(asdict(myself(what, now)), indent=2) + "\n"
        self.files.replace(self.layout.engine_file, text.encode(), durable=False)

    def _busy(self) -> Busy:
        holder = who(self.layout, self.files)
        shown = str(holder) if holder else "a process that has not said its name"
        return Busy(f"this lab's engine is running: {shown}", hint="it does the work; what you ask is queued for it")


def _kernel_held(path: Path) -> tuple[int, int]:
    """Device and inode of ``path``, proven locked: a second descriptor of it is refused.

    raises Busy when the name was replaced in between, DiskFailed where the file system has no kernel locks
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise Busy(f"the lock {path} was removed while it was taken") from error
    try:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            raise DiskFailed(
                f"{path} does not hold a kernel lock",
                hint="the git folder must lie on a file system with flock, and nobody may remove the lock file",
            )
        seen = os.fstat(fd)
        return seen.st_dev, seen.st_ino
    finally:
        os.close(fd)


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        seen = path.lstat()
    except FileNotFoundError:
        return None
    return seen.st_dev, seen.st_ino


def _read(path: Path, files: Files) -> Holder | None:
    data = files.read(path, _LIMIT)
    if data is None:
        return None
    try:
        document: dict[str, Any] = json.loads(data)
        return Holder(**document)
    except (ValueError, TypeError):  # for people only: what cannot be read names nobody
        return None


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:  # not Linux: another boot cannot be told
        return sys.platform


def _pid_ns() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
