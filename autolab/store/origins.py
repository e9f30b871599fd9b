"""The commit that holds exactly the code of a snapshot: the one checked out, or one of ours for what is not committed.

Ours stand at ``refs/autolab/code/<content hash>``, on top of what was checked out, and never move: `git diff` shows
what was changed, and `git worktree add` brings the code of any result back. No index, work tree or branch is touched.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from autolab.errors import StoreDamaged
from autolab.model.origin import Origin
from autolab.store.git import Git
from autolab.store.snapshot import Snapshot

CODE_REFS: Final = "refs/autolab/code"
_OURS: Final = "autolab <autolab@localhost>"


class Origins:
    """Finds and makes them; asks git only when the code or what is checked out is another."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._known: dict[tuple[str, str], Origin] = {}

    def known(self, taken: Snapshot) -> Origin | None:
        """What was found of this code and what is checked out now; None: not looked for yet."""
        head = self._git.resolve("HEAD")
        return self._known.get((taken.hash, head)) if head else Origin()

    def find(self, taken: Snapshot, is_code: Callable[[str], bool], now: datetime) -> Origin:
        """Where ``taken`` stands; ``is_code`` says which paths a snapshot holds.

        The work tree must still be as it was when the snapshot was taken: the caller takes it again to know.
        raises  CommandFailed: git did not say, so it is not known; StoreDamaged: the archive cannot be read
        """
        head = self._git.resolve("HEAD")
        if not head:
            return Origin()
        origin = self._find(taken, head, is_code, now)
        self._known = {(taken.hash, head): origin}
        return origin

    def _find(self, taken: Snapshot, head: str, is_code: Callable[[str], bool], now: datetime) -> Origin:
        there, gone = self._git.changes()
        members = _members(taken)
        changed = [name for path in there for name in _below(path, members)]
        deleted = [path for path in gone if is_code(path)]
        if not changed and not deleted:
            return Origin(head, head, self._git.pushed(head))
        ref = f"{CODE_REFS}/{taken.hash}"
        if not self._git.resolve(ref):
            parts = _commit(ref, head, self._git.prefix(), taken, changed, deleted, now)
            self._git.fast_import(b"".join(parts))
        commit = self._git.resolve(ref)
        return Origin(commit, self._git.resolve(f"{commit}^"), self._git.pushed(commit))


def _members(taken: Snapshot) -> dict[str, tarfile.TarInfo]:
    try:
        with tarfile.open(taken.tar, encoding="utf-8", errors="surrogateescape") as archive:
            return {member.name: member for member in archive}
    except (OSError, tarfile.TarError) as error:
        raise StoreDamaged(f"cannot read {taken.tar}: {error}", hint="remove it; it is made again") from error


def _below(path: str, members: dict[str, tarfile.TarInfo]) -> Iterable[str]:
    """The members that git means by ``path``: itself, or what a repository inside the project holds."""
    if path in members:
        return (path,)
    folder = path.rstrip("/") + "/"
    return [name for name in members if name.startswith(folder)]


def _commit(
    ref: str, head: str, prefix: str, taken: Snapshot, changed: Iterable[str], deleted: Iterable[str], now: datetime
) -> Iterator[bytes]:
    """What ``git fast-import`` reads (git-fast-import(1)): one commit of these paths on top of ``head``."""
    message = f"Code that was not committed\n\nautolab code {taken.hash}\n".encode()
    yield f"commit {ref}\ncommitter {_OURS} {int(now.timestamp())} +0000\ndata {len(message)}\n".encode()
    yield message
    yield f"from {head}\n".encode()
    for path in deleted:
        yield b"D %b\n" % _quoted(prefix + path)
    with tarfile.open(taken.tar, encoding="utf-8", errors="surrogateescape") as archive:
        for path in dict.fromkeys(changed):
            member = archive.getmember(path)
            if member.issym():
                mode, data = b"120000", os.fsencode(member.linkname)
            else:
                file = archive.extractfile(member)
                mode, data = b"100755" if member.mode & 0o100 else b"100644", file.read() if file else b""
            yield b"M %b inline %b\ndata %d\n%b\n" % (mode, _quoted(prefix + path), len(data), data)
    yield b"done\n"


def _quoted(path: str) -> bytes:
    """A path as a C string, every byte that is not plain as three octal digits."""
    plain = b"/._-+ "
    spelled = (
        bytes([byte]) if bytes([byte]).isalnum() or byte in plain else b"\\%03o" % byte for byte in os.fsencode(path)
    )
    return b'"' + b"".join(spelled) + b'"'
