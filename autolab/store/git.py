"""Git, by its own program: what stands in the work tree, our own ref, and commits of named files.

No hook, signature or prompt of the user's runs for our commits: a hook that stashes would take a person's edit with
it. ``refs/autolab/state`` is written without the index, so a held ``index.lock`` is no obstacle.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from autolab.errors import CommandFailed

STATE_REF: Final = "refs/autolab/state"
DEADLINE_S: Final = 30.0
PACK_DEADLINE_S: Final = 600.0
_QUIET: Final = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "commit.gpgsign=false",
    "-c",
    "tag.gpgsign=false",
    "-c",
    "core.quotePath=false",
    "-c",
    "advice.addIgnoredFile=false",
)
_NAME: Final = "autolab"
_MAIL: Final = "autolab@localhost"
_NONE: Final = "0" * 40
_KEPT_VARIABLES: Final = re.compile(r"GIT_(AUTHOR|COMMITTER|SSH|CONFIG|ASKPASS|CEILING)")
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Head:
    """What is checked out. ``commit`` is empty before the first one, ``branch`` when detached."""

    commit: str
    branch: str


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit was made."""

    commit: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """No commit was made, and why; nothing was changed."""

    reason: str


class Git:
    """One work tree. Every call has a deadline; raises CommandFailed with what git said."""

    def __init__(self, root: Path, deadline_s: float = DEADLINE_S) -> None:
        self.root, self.deadline_s = root, deadline_s

    def is_repo(self) -> bool:
        """Whether ``root`` is inside a work tree."""
        return self._run(["rev-parse", "--is-inside-work-tree"]).stdout.strip() == b"true"

    def common_dir(self) -> Path:
        """Git's folder that all work trees share."""
        return self._path("--git-common-dir")

    def git_dir(self) -> Path:
        """Git's folder of this work tree: its HEAD, index and what is under way."""
        return self._path("--git-dir")

    def head(self) -> Head:
        """The commit and branch that are checked out."""
        commit = self._run(["rev-parse", "--verify", "--quiet", "HEAD"])
        branch = self._run(["symbolic-ref", "--quiet", "--short", "HEAD"])
        return Head(_text(commit.stdout), _text(branch.stdout))

    def is_dirty(self) -> bool:
        """Whether a tracked file differs from HEAD, or an unignored one is new."""
        return bool(self.ask("status", "--porcelain", "-z", "--", "."))

    def files(self) -> list[str]:
        """Tracked and not ignored files below ``root``, relative to it, sorted; some may be deleted on disk."""
        said = self.ask("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".")
        return sorted({os.fsdecode(name) for name in said.split(b"\0") if name})

    def changes(self) -> tuple[list[str], list[str]]:
        """Paths below ``root`` that differ from HEAD: changed or new and not ignored ones, and those that are gone."""
        against = ("diff", "--no-renames", "--name-only", "--relative", "-z")
        changed = self._names(*against, "--diff-filter=d", "HEAD", "--", ".")
        new = self._names("ls-files", "-z", "--others", "--exclude-standard", "--", ".")
        return changed + new, self._names(*against, "--diff-filter=D", "HEAD", "--", ".")

    def pushed(self, commit: str) -> bool | None:
        """Whether a branch of a remote holds ``commit``, as far as was fetched; None: there is no remote."""
        if not self.ask("remote"):
            return None
        return not self.ask("rev-list", "--max-count=1", commit, "--not", "--remotes")

    def behind(self) -> int | None:
        """Commits that the branch's upstream has and we have not, as far as was fetched; None: no upstream."""
        said = self._run(["rev-list", "--count", "HEAD..@{upstream}"])
        return int(said.stdout) if said.returncode == 0 else None

    def prefix(self) -> str:
        """Where ``root`` lies in the repository: empty, or a path that ends with a slash."""
        return os.fsdecode(self.ask("rev-parse", "--show-prefix").rstrip(b"\n"))

    def fast_import(self, stream: bytes) -> None:
        """Objects and refs as ``stream`` says (git-fast-import(1)): all of it, or nothing."""
        self.ask("fast-import", "--quiet", "--done", stdin=stream)

    def tagged(self, commit: str, pattern: str) -> bool:
        """Whether a tag of that pattern stands on ``commit``."""
        return bool(self.ask("tag", "--points-at", commit, "--list", pattern))

    def under_way(self) -> str:
        """What stops a commit on the branch now, in words; empty: nothing does."""
        here = self.git_dir()
        for name, words in _UNDER_WAY.items():
            if (here / name).exists():
                return words
        if not self.head().branch:
            return "HEAD is detached"
        if (here / "index.lock").exists():
            return f"another git command holds {here / 'index.lock'} (it is yours to remove if that command is gone)"
        return ""

    # Our own ref, without index and work tree.

    def commit_state(self, files: Mapping[str, bytes | None], message: str, ref: str = STATE_REF) -> str | None:
        """Commit ``files`` on top of ``ref``: paths get these bytes, None takes one away, others stay as they are.

        gives  the new commit, or None when nothing differs
        raises CommandFailed, also when others moved ``ref`` five times in between
        """
        blobs = {path: None if data is None else self._blob(data) for path, data in files.items()}
        for _ in range(_TRIES):
            old = self.resolve(ref)
            tree = self._tree({**(self._blobs_of(old) if old else {}), **blobs})
            if old and tree == self.resolve(f"{old}^{{tree}}"):
                return None
            parent = ["-p", old] if old else []
            new = _text(self.ask("commit-tree", tree, *parent, stdin=message.encode(), env=_as(_NAME, _MAIL)))
            if self._run(["update-ref", "-m", "autolab", ref, new, old or _NONE]).returncode == 0:
                return new
        raise CommandFailed(f"git: {ref} moved {_TRIES} times while we wrote it", hint="is another engine at work?")

    def resolve(self, name: str) -> str:
        """The object that ``name`` stands for; empty: there is none."""
        return _text(self._run(["rev-parse", "--verify", "--quiet", "--end-of-options", name]).stdout)

    def show(self, name: str, path: str) -> bytes | None:
        """The bytes of ``path`` in the commit ``name``; None: not there."""
        found = self._run(["cat-file", "blob", f"{name}:{path}"])
        return found.stdout if found.returncode == 0 else None

    def pack(self) -> None:
        """Put loose objects into packs; for once a day."""
        self.ask("repack", "-d", "-q", deadline_s=PACK_DEADLINE_S)

    def tag(self, name: str, commit: str, message: str = "") -> None:
        """A tag of ours on ``commit``; raises CommandFailed where the name is taken."""
        note = ["-a", "-m", message] if message else []
        self.ask("tag", *note, "--", name, commit, env=self._identity())

    # Named files on the user's branch.

    def commit_named(self, paths: Sequence[str], message: str) -> Committed | Skipped:
        """Commit these files, as they are on disk, on the branch that is checked out; what is staged stays staged."""
        if why := self.under_way():
            return Skipped(why)
        names = self._not_ignored([path for path in paths if (self.root / path).exists()])
        if not names:
            return Skipped("none of these files is there, or git is told to ignore them")
        if staged := self._names("diff", "--cached", "--name-only", "--relative", "-z", "--", *names):
            return Skipped(f"{staged[0]} is staged; it is yours to commit")
        new = self._names("ls-files", "-z", "--others", "--", *names)
        if not new and not self._names("diff", "--name-only", "--relative", "-z", "--", *names):
            return Skipped("nothing changed")
        return self._commit_only(names, new, message)

    def _commit_only(self, names: Sequence[str], new: Sequence[str], message: str) -> Committed | Skipped:
        env = self._identity()
        try:
            if new:
                self.ask("add", "--intent-to-add", "--", *new)
            self.ask(
                "commit", "--quiet", "--no-verify", "--only", "--file=-", "--", *names, stdin=message.encode(), env=env
            )
        except CommandFailed as error:
            if new:
                self._run(["rm", "--cached", "--quiet", "--ignore-unmatch", "--", *new])
            if "index.lock" in error.message:
                return Skipped("another git command holds the index")
            raise
        # --only reads each file twice, for the index and for the commit: one that was replaced in between would count
        # as staged by a person from now on, and no milestone would ever be committed again.
        if torn := self._names("diff", "--cached", "--name-only", "--relative", "-z", "--", *names):
            self.ask("reset", "--quiet", "--", *torn)
        return Committed(self.resolve("HEAD"))

    def _not_ignored(self, paths: Sequence[str]) -> list[str]:
        if not paths:
            return []
        listed = b"\0".join(os.fsencode(path) for path in paths)
        said = self._run(["check-ignore", "-z", "--stdin"], stdin=listed)
        ignored = {os.fsdecode(name) for name in said.stdout.split(b"\0")}
        return [path for path in paths if path not in ignored]

    def _identity(self) -> Mapping[str, str]:
        """The user's, or ours where git does not know one."""
        known = _text(self._run(["config", "user.email"]).stdout) or os.environ.get("GIT_AUTHOR_EMAIL")
        return {} if known else _as(_NAME, _MAIL)

    def _blob(self, data: bytes) -> str:
        return _text(self.ask("hash-object", "-w", "--no-filters", "--stdin", stdin=data))

    def _blobs_of(self, commit: str) -> dict[str, str | None]:
        lines = self.ask("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")
        parts = [line.partition(b"\t") for line in lines if line]
        return {os.fsdecode(path): _text(meta.split()[2]) for meta, _, path in parts}

    def _tree(self, blobs: Mapping[str, str | None]) -> str:
        lines: list[bytes] = []
        below: dict[str, dict[str, str | None]] = {}
        for path, blob in blobs.items():
            top, _, rest = path.partition("/")
            if rest:
                below.setdefault(top, {})[rest] = blob
            elif blob is not None:
                lines.append(f"100644 blob {blob}\t{top}".encode())
        for top, inner in below.items():
            if any(blob is not None for blob in inner.values()):
                lines.append(f"040000 tree {self._tree(inner)}\t{top}".encode())
        return _text(self.ask("mktree", "-z", stdin=b"".join(line + b"\0" for line in lines)))

    def _path(self, which: str) -> Path:
        return Path(os.fsdecode(self.ask("rev-parse", "--path-format=absolute", which).rstrip(b"\n")))

    def _names(self, *words: str) -> list[str]:
        return [os.fsdecode(name) for name in self.ask(*words).split(b"\0") if name]

    def ask(
        self,
        *words: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        deadline_s: float | None = None,
    ) -> bytes:
        """What ``git <words>`` writes; raises CommandFailed when it says no."""
        done = self._run(words, stdin, env, deadline_s)
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise CommandFailed(f"git {words[0]} failed ({done.returncode}): {said[:500] or 'without a word'}")
        return done.stdout

    def _run(
        self,
        words: Iterable[str],
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        deadline_s: float | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        command = ["git", *_QUIET, *words]
        limit = deadline_s or self.deadline_s
        try:
            return subprocess.run(
                command,
                input=stdin,
                capture_output=True,
                cwd=self.root,
                env={**_environment(), **(env or {})},
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(f"git {command[len(_QUIET) + 1]} gave no answer in {limit:.0f} s") from error
        except OSError as error:
            raise CommandFailed(f"git cannot be run: {error.strerror}", hint="is git installed?") from error


_UNDER_WAY: Final = {
    "MERGE_HEAD": "a merge is under way",
    "CHERRY_PICK_HEAD": "a cherry-pick is under way",
    "REVERT_HEAD": "a revert is under way",
    "rebase-merge": "a rebase is under way",
    "rebase-apply": "a rebase is under way",
    "sequencer": "a cherry-pick or revert of several commits is under way",
    "BISECT_LOG": "a bisect is under way",
}


def _environment() -> dict[str, str]:
    """Ours without what a surrounding git hook set: that would be about another repository or index."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_") or _KEPT_VARIABLES.match(name)
    }
    return {**kept, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_EDITOR": "true", "LC_ALL": "C"}


def _as(name: str, mail: str) -> dict[str, str]:
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": mail,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": mail,
    }


def _text(said: bytes) -> str:
    return said.decode("utf-8", "replace").strip()
