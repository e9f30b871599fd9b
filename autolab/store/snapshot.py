"""Snapshots of the project's code: what an attempt runs from, named by a hash of its content, packed once.

In it: tracked and not ignored files (outside git: all), but not what autolab, the jobs and the data folders hold.
The archive is the same bytes for the same content, on any machine: no owner, no time, sorted.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from autolab.errors import InvalidSpec, StoreDamaged
from autolab.store.files import Files, reason
from autolab.store.git import Git
from autolab.store.layout import Layout, inside

LIMIT_MIB: Final = 200
NEVER: Final = ("dispatch", "progress", "experiments/results", "experiments/logs", "checkpoints", ".autolab", ".git")
_CHUNK: Final = 1 << 20
_RACY_NS: Final = 2_000_000_000
_TRIES: Final = 3
_CACHE_LIMIT: Final = 1 << 28
_BLOCK: Final = 512


@dataclass(frozen=True, slots=True)
class CodeFile:
    """One file or link: ``mode`` is 0o644, 0o755 or 0o120000 (a link); ``digest`` of its bytes or ``target``."""

    path: str
    mode: int
    size: int
    digest: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The code at one moment. ``hash`` names it everywhere; ``tar`` holds it."""

    hash: str
    tar: Path
    files: int
    size: int  # bytes of content


class _Changed(Exception):
    """A file was changed while it was read."""


class CodeSnapshots:
    """Takes snapshots. Files whose inode, size and times are unchanged are not read again."""

    def __init__(self, layout: Layout, files: Files, git: Git | None) -> None:
        self.layout, self.files, self.git = layout, files, git
        self._cache_path = layout.code / "seen.json"

    def take(
        self, now: datetime, data: Sequence[str] = (), limit_mib: int = LIMIT_MIB, exclude: Sequence[str] = ()
    ) -> Snapshot:
        """The code as it is now, packed.

        data       paths that are not code: they stay on each host
        exclude    patterns such as ``*.ipynb`` or ``notes/*`` of paths that are not sent
        limit_mib  above it the five largest files are named
        raises     InvalidSpec: too large, a link that leads out of the project, files that do not stand still
        """
        for _ in range(_TRIES):
            try:
                return self._take(now, data, limit_mib, exclude)
            except _Changed as error:
                changed = str(error)
        raise InvalidSpec(
            f"{changed} was changed each time the code was packed",
            hint="is it a log or result? name it in .gitignore or under data: in autolab.yaml",
        )

    def path(self, digest: str) -> Path:
        """Where the archive of that hash lies, if it was packed here."""
        return self.layout.code / f"{digest}.tar"

    def prune(self, keep: Collection[str], before: datetime) -> list[str]:
        """Remove archives packed before that instant but those in ``keep``; what is needed again is packed anew."""
        old = [
            path
            for path in (self.layout.code.glob("*.tar") if self.layout.code.is_dir() else ())
            if path.stem not in keep and path.lstat().st_mtime < before.timestamp()
        ]
        for path in old:
            self.files.remove(path)
        return sorted(path.stem for path in old)

    def _take(self, now: datetime, data: Sequence[str], limit_mib: int, exclude: Sequence[str]) -> Snapshot:
        code = self._look(now, data, limit_mib, exclude)
        digest = content_hash(code)
        size = sum(file.size for file in code)
        tar = self.path(digest)
        if not tar.is_file():
            self.files.make_dirs(tar.parent)
            self.files.replace_with(tar, _archive(self.layout.root, code))
        return Snapshot(digest, tar, len(code), size)

    def _look(self, now: datetime, data: Sequence[str], limit_mib: int, exclude: Sequence[str]) -> list[CodeFile]:
        cache = self._load_cache()
        is_code = self.rule(data, exclude)
        fresh: dict[str, list[object]] = {}
        sizes: list[tuple[int, str]] = []
        code: list[CodeFile] = []
        total = 0
        for path in self._names():
            seen = _lstat(self.layout.root / path)
            if seen is None or not is_code(path):
                continue
            sizes.append((seen.st_size, path))
            total += seen.st_size
            if total > limit_mib << 20:
                continue  # reading them is of no use
            file = self._file(path, seen, cache)
            code.append(file)
            if (
                stat.S_ISREG(seen.st_mode)
                and now.timestamp() * 1e9 - max(seen.st_mtime_ns, seen.st_ctime_ns) > _RACY_NS
            ):
                fresh[path] = [*_signature(seen), file.digest]
        _check_size(sizes, limit_mib)
        if fresh != cache:
            self._save_cache(fresh)
        return code

    def rule(self, data: Sequence[str] = (), exclude: Sequence[str] = ()) -> Callable[[str], bool]:
        """Which paths of git's a snapshot holds; the arguments are those of ``take``."""
        skip = tuple(f"{path}/" for path in (*NEVER, *self._relative(data)))
        return lambda path: not f"{path}/".startswith(skip) and not any(fnmatchcase(path, one) for one in exclude)

    def _relative(self, data: Sequence[str]) -> list[str]:
        """Those of the paths that are below the project, as the files are named."""
        root = self.layout.root
        found = [os.path.relpath(root / path, root) for path in data]
        return [path for path in found if path != "." and not path.startswith("..")]

    def _names(self) -> Iterable[str]:
        if self.git is not None:
            return _with_repositories_inside(self.layout.root, self.git)
        return sorted(_walk(self.layout.root, ""))

    def _file(self, path: str, seen: os.stat_result, cache: dict[str, list[object]]) -> CodeFile:
        if stat.S_ISLNK(seen.st_mode):
            target = _link_target(self.layout.root, path)
            return CodeFile(path, 0o120000, 0, _sha256(os.fsencode(target)), target)
        if not stat.S_ISREG(seen.st_mode):
            raise InvalidSpec(f"{path} is neither a file nor a link and cannot go into a snapshot", hint=_HINT)
        mode = 0o755 if seen.st_mode & 0o100 else 0o644
        known = cache.get(path)
        if known is not None and known[:-1] == _signature(seen):
            return CodeFile(path, mode, seen.st_size, str(known[-1]))
        digest, size = _digest(self.layout.root / path)
        return CodeFile(path, mode, size, digest)

    def _load_cache(self) -> dict[str, list[object]]:
        data = self.files.read(self._cache_path, _CACHE_LIMIT)
        try:
            cache: dict[str, list[object]] = json.loads(data) if data else {}
        except ValueError:
            return {}  # all is read again
        return cache

    def _save_cache(self, cache: dict[str, list[object]]) -> None:
        self.files.make_dirs(self._cache_path.parent)
        self.files.replace(self._cache_path, json.dumps(cache).encode(), durable=False)


_HINT: Final = "name it in .gitignore or under data: in autolab.yaml"


def content_hash(code: Sequence[CodeFile]) -> str:
    """64 hexadecimal characters over paths, modes and bytes, in the order of the paths' bytes."""
    whole = hashlib.sha256(b"autolab code 1\n")
    for file in sorted(code, key=lambda file: os.fsencode(file.path)):
        whole.update(b"%o %b %b\0" % (file.mode, file.digest.encode(), os.fsencode(file.path)))
    return whole.hexdigest()


def _check_size(sizes: list[tuple[int, str]], limit_mib: int) -> None:
    total = sum(size for size, _ in sizes)
    if total <= limit_mib << 20:
        return
    largest = ", ".join(f"{path} ({size / 2**20:.1f} MiB)" for size, path in sorted(sizes, reverse=True)[:5])
    raise InvalidSpec(f"the code is {total / 2**20:.0f} MiB, above {limit_mib} MiB; the largest: {largest}", hint=_HINT)


def _with_repositories_inside(root: Path, git: Git) -> list[str]:
    """Git's files, and those of submodules and of repositories inside, which git lists as one name."""
    names: list[str] = []
    for name in git.files():
        path = root / name.rstrip("/")
        if path.is_dir() and not path.is_symlink():
            inner = Git(path, git.deadline_s)
            names.extend(f"{name.rstrip('/')}/{below}" for below in _with_repositories_inside(path, inner))
        else:
            names.append(name)
    return sorted(names)


def _walk(root: Path, below: str) -> Iterator[str]:
    for entry in os.scandir(root / below):
        path = f"{below}/{entry.name}" if below else entry.name
        if path in NEVER or entry.name in ("__pycache__", ".git"):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, path)
        else:
            yield path


def _link_target(root: Path, path: str) -> str:
    link = root / path
    try:
        real = inside(root, link)
    except InvalidSpec as error:
        raise InvalidSpec(f"{path} is a link to {link.readlink()}, outside the project", hint=_HINT) from error
    target = link.readlink()
    if not target.is_absolute():
        return str(target)
    return os.path.relpath(real, os.path.realpath(link.parent))  # an absolute one would not hold on a host


def _archive(root: Path, code: Sequence[CodeFile]) -> Iterator[bytes]:
    """The tar file in pieces (pax format); raises _Changed when a file is not what was hashed."""
    size = 0
    for file in sorted(code, key=lambda file: os.fsencode(file.path)):
        for part in _member(root, file):
            size += len(part)
            yield part
    yield b"\0" * (2 * _BLOCK + -(size + 2 * _BLOCK) % tarfile.RECORDSIZE)


def _member(root: Path, file: CodeFile) -> Iterator[bytes]:
    member = tarfile.TarInfo(file.path)
    member.mode, member.size = file.mode & 0o777, file.size
    if file.target:
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, file.target, 0o777
        yield member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        return
    yield member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    read, whole = 0, hashlib.sha256()
    for chunk in _chunks(root / file.path):
        read += len(chunk)
        whole.update(chunk)
        yield chunk
    if read != file.size or whole.hexdigest() != file.digest:
        raise _Changed(file.path)
    yield b"\0" * (-read % _BLOCK)


def _digest(path: Path) -> tuple[str, int]:
    whole, size = hashlib.sha256(), 0
    for chunk in _chunks(path):
        whole.update(chunk)
        size += len(chunk)
    return whole.hexdigest(), size


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            while chunk := os.read(fd, _CHUNK):
                yield chunk
        finally:
            os.close(fd)
    except FileNotFoundError as error:
        raise _Changed(str(path)) from error
    except OSError as error:
        raise StoreDamaged(f"cannot read {path}: {reason(error)}", hint=_HINT) from error


def _signature(seen: os.stat_result) -> list[object]:
    return [seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns]


def _lstat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
