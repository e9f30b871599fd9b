# ruff: noqa: PTH102, PTH104, PTH108, PTH116
"""The one way to the local disk: every write, sync and rename of the store goes through here, and faults come in here.

A ``replace`` leaves the old bytes or the new ones, whatever happens; a failed write is said as DiskFailed with what,
where and why, and nothing is tried again on the same descriptor: after EIO the kernel may forget what it could not
write and report the next sync as good (measured on Linux; see fsync(2), "errors").
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from autolab.errors import DiskFailed, StoreDamaged

TEMP_SUFFIX: Final = ".tmp"
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK: Final = 1 << 20


class Disk:
    """The system calls that change a disk. Each passes ``step`` first, where a test lets it fail or die."""

    def step(self, name: str, path: str) -> None:
        """Called before each change, with the call's name and what it is about."""

    def open(self, path: str, flags: int, mode: int = 0o644) -> int:
        self.step("open", path)
        return os.open(path, flags, mode)

    def write(self, fd: int, data: bytes | memoryview, path: str) -> int:
        self.step("write", path)
        return os.write(fd, data)

    def fsync(self, fd: int, path: str) -> None:
        self.step("fsync", path)
        os.fsync(fd)

    def fdatasync(self, fd: int, path: str) -> None:
        self.step("fdatasync", path)
        os.fdatasync(fd)

    def truncate(self, fd: int, length: int, path: str) -> None:
        self.step("truncate", path)
        os.ftruncate(fd, length)

    def rename(self, old: str, new: str) -> None:
        self.step("rename", new)
        os.rename(old, new)

    def link(self, old: str, new: str) -> None:
        self.step("link", new)
        os.link(old, new)

    def unlink(self, path: str) -> None:
        self.step("unlink", path)
        os.unlink(path)

    def mkdir(self, path: str, mode: int) -> None:
        self.step("mkdir", path)
        os.mkdir(path, mode)


class Files:
    """Reads and writes of whole files and of appended lines, over a Disk that tests can replace."""

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = disk or Disk()

    def replace(self, path: Path, data: bytes, *, durable: bool = True, mode: int = 0o644) -> None:
        """Make ``data`` the content of ``path``: readers see the old bytes or the new ones, never a part.

        durable  sync the file and its folder; False for what is written again after a crash anyway (sidecars)
        raises   DiskFailed; then the old content stands, or, only if the folder's sync failed, perhaps the new one
        """
        self.replace_with(path, (data,), durable=durable, mode=mode)

    def replace_with(self, path: Path, chunks: Iterable[bytes], *, durable: bool = True, mode: int = 0o644) -> None:
        """``replace`` for content that comes in pieces."""
        temp = f"{path.parent}/.{path.name}.{os.urandom(8).hex()}{TEMP_SUFFIX}"
        try:
            self._write_temp(temp, chunks, durable, mode)
            self._rename(temp, str(path))
        except BaseException as error:
            with contextlib.suppress(OSError):
                self.disk.unlink(temp)
            if isinstance(error, OSError):
                raise failed(error, "write", path) from error
            raise
        if durable:
            self.sync_folder(path.parent)

    def _write_temp(self, temp: str, chunks: Iterable[bytes], durable: bool, mode: int) -> None:
        fd = self.disk.open(temp, _NEW, mode)
        try:
            for chunk in chunks:
                self._write_all(fd, chunk, temp)
            if durable:
                self.disk.fsync(fd, temp)
        finally:
            os.close(fd)

    def _write_all(self, fd: int, data: bytes, path: str) -> None:
        rest = memoryview(data)
        while rest:
            done = self.disk.write(fd, rest, path)
            if done <= 0:
                raise OSError(errno.EIO, "the write wrote nothing", path)
            rest = rest[done:]

    def _rename(self, temp: str, path: str) -> None:
        inode = os.stat(temp, follow_symlinks=False).st_ino
        try:
            self.disk.rename(temp, path)
        except FileNotFoundError:  # NFS: the answer was lost, the repeated request found nothing to rename
            if os.stat(path, follow_symlinks=False).st_ino != inode:
                raise

    def sync_folder(self, folder: Path) -> None:
        """Make the names in ``folder`` durable."""
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                self.disk.fsync(fd, str(folder))
            finally:
                os.close(fd)
        except OSError as error:
            raise failed(error, "sync", folder) from error

    def open_append(self, path: Path, *, create: bool = False) -> int:
        """A descriptor to append to ``path``, which must be there."""
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT if create else 0)
            return self.disk.open(str(path), flags)
        except OSError as error:
            raise failed(error, "open", path) from error

    def append(self, fd: int, path: Path, data: bytes) -> None:
        """Add ``data`` at the end and sync it once; after DiskFailed nothing beyond the old end is to be trusted."""
        try:
            self._write_all(fd, data, str(path))
            self.disk.fdatasync(fd, str(path))
        except OSError as error:
            raise failed(error, "append to", path) from error

    def truncate(self, fd: int, path: Path, length: int) -> None:
        """Cut the file to ``length`` bytes; the next ``append`` makes that durable."""
        try:
            self.disk.truncate(fd, length, str(path))
        except OSError as error:
            raise failed(error, "cut", path) from error

    def make_dirs(self, path: Path, mode: int = 0o777) -> None:
        """The folder and those above it; one that is there is fine."""
        if path.is_dir():
            return
        self.make_dirs(path.parent)
        try:
            self.disk.mkdir(str(path), mode)
        except FileExistsError as error:
            if not path.is_dir():
                raise failed(error, "make the folder", path) from error
        except OSError as error:
            raise failed(error, "make the folder", path) from error

    def move(self, old: Path, new: Path) -> None:
        """Rename within one folder, durably."""
        try:
            self.disk.rename(str(old), str(new))
        except OSError as error:
            raise failed(error, "rename", old) from error
        self.sync_folder(new.parent)

    def remove(self, path: Path) -> None:
        """Take the name away; one that is gone is fine."""
        try:
            self.disk.unlink(str(path))
        except FileNotFoundError:
            return
        except OSError as error:
            raise failed(error, "remove", path) from error

    def read(self, path: Path, limit: int) -> bytes | None:
        """The content of a regular file of at most ``limit`` bytes, by one open that follows no link.

        None: there is no such file. raises StoreDamaged for anything else that is not such a file.
        """
        try:
            return read_regular(path, limit)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreDamaged(f"cannot read {path}: {reason(error)}") from error

    def sweep(self, folder: Path) -> int:
        """Remove what killed writers of ``folder`` left behind; how many. Only for who holds the folder's lock."""
        found = 0
        if folder.is_dir():
            for entry in os.scandir(folder):
                name = entry.name
                if name.startswith(".") and name.endswith(TEMP_SUFFIX) and entry.is_file(follow_symlinks=False):
                    self.remove(folder / name)
                    found += 1
        return found


def read_regular(path: Path | str, limit: int) -> bytes:
    """The whole content; raises OSError: ELOOP for a link, EINVAL for no regular file, EFBIG above ``limit``."""
    return read_seen(path, limit)[0]


def read_seen(path: Path | str, limit: int, folder: int | None = None) -> tuple[bytes, os.stat_result]:
    """``read_regular``, and how the file looked just before it was read; ``path`` in ``folder``, a descriptor."""
    fd = os.open(path, _READ, dir_fd=folder)
    try:
        seen = os.fstat(fd)
        if not stat.S_ISREG(seen.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if seen.st_size > limit:
            raise OSError(errno.EFBIG, f"{seen.st_size} bytes, at most {limit} are read", str(path))
        data = os.read(fd, min(seen.st_size + 1, _CHUNK * 1024))
        if len(data) != seen.st_size:
            data += _rest(fd, limit + 1 - len(data))
        if len(data) > limit:
            raise OSError(errno.EFBIG, f"more than {limit} bytes", str(path))
        return data, seen
    finally:
        os.close(fd)


def _rest(fd: int, most: int) -> bytes:
    parts: list[bytes] = []
    while most > 0 and (part := os.read(fd, min(most, _CHUNK))):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


_REASONS: Final = {
    errno.EDQUOT: "the user's disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EIO: "input/output error (a failing disk?)",
    errno.EACCES: "permission denied",
    errno.EPERM: "not permitted",
    errno.ELOOP: "it is a symbolic link",
    errno.ESTALE: "the network file system lost the file (stale handle)",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files on this machine",
    errno.EISDIR: "it is a folder",
    errno.ENXIO: "not a regular file",
    errno.ENAMETOOLONG: "the name is too long",
}


def reason(error: OSError) -> str:
    """Why, in words."""
    if error.errno in (errno.EINVAL, errno.EFBIG):
        return error.strerror or "invalid"
    return _REASONS.get(error.errno or 0, error.strerror or str(error))


def failed(error: OSError, what: str, path: Path) -> DiskFailed:
    """The DiskFailed that says what could not be done, where and why."""
    if error.errno == errno.ENOSPC:
        why, hint = _space(path), "free some space there"
    else:
        why = reason(error)
        can_change = error.errno in (errno.EROFS, errno.EACCES, errno.EPERM)
        hint = "try again once it can be written to" if can_change else ""
    return DiskFailed(f"cannot {what} {path}: {why}; nothing was acknowledged", hint=hint)


def _space(path: Path) -> str:
    try:
        there = os.statvfs(path.parent)
    except OSError:
        return "disk full"
    if there.f_files and not there.f_favail:
        return "no inodes are left on the disk"
    return f"disk full (free {there.f_bavail * there.f_frsize // 1024} kB)"
