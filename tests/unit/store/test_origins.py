"""The commit that holds exactly the code of a snapshot, on real repositories."""

from __future__ import annotations

import os
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from autolab.errors import CommandFailed
from autolab.model.origin import Origin
from autolab.store.files import Files
from autolab.store.git import Git
from autolab.store.layout import Layout
from autolab.store.origins import CODE_REFS, Origins
from autolab.store.snapshot import CodeSnapshots
from tests.unit.store.conftest import LAB


def git(repo: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=repo, check=True, capture_output=True, text=True).stdout.strip()


class Code:
    """A project's code, and where it stands."""

    def __init__(self, root: Path, now: datetime) -> None:
        self.root, self.later = root, now + timedelta(days=3650)
        repository = Git(root)
        self.snapshots = CodeSnapshots(Layout.of(root, LAB), Files(), repository)
        self.origins = Origins(repository)

    def origin(self) -> Origin:
        taken = self.snapshots.take(self.later)
        return self.origins.known(taken) or self.origins.find(taken, self.snapshots.rule(), self.later)

    def hash_at(self, commit: str, where: Path) -> str:
        """The content hash of ``commit``, checked out elsewhere."""
        git(self.root, "worktree", "add", "-q", "--detach", str(where), commit)
        inside = where / Path(git(self.root, "rev-parse", "--show-prefix") or ".")
        return CodeSnapshots(Layout.of(inside, LAB), Files(), Git(inside)).take(self.later).hash


@pytest.fixture
def code(repo: Path, now: datetime) -> Code:
    return Code(repo, now)


@pytest.mark.rule("1.12")
def test_committed_code_is_the_commit_that_is_checked_out(code: Code, repo: Path) -> None:
    head = git(repo, "rev-parse", "HEAD")
    assert code.origin() == Origin(head, head, None)
    assert code.origin().clean
    assert git(repo, "for-each-ref", CODE_REFS) == ""


@pytest.mark.rule("1.12")
def test_what_is_not_committed_becomes_a_commit_of_exactly_that_code(code: Code, repo: Path, tmp_path: Path) -> None:
    (repo / "train.py").write_bytes(b"print('other')\0\xff\n")
    (repo / "sub dir").mkdir()
    (repo / "sub dir" / 'größe "q"\n\t.py').write_text("x = 1\n")
    (repo / "run.sh").write_text("#!/bin/sh\n")
    (repo / "run.sh").chmod(0o755)
    (repo / "link.py").symlink_to("train.py")
    (repo / "autolab.yaml").unlink()
    head, status = git(repo, "rev-parse", "HEAD"), git(repo, "status", "--porcelain")
    origin = code.origin()
    assert origin.base == head != origin.commit
    assert not origin.clean
    assert code.hash_at(origin.commit, tmp_path / "again") == code.snapshots.take(code.later).hash
    assert (git(repo, "rev-parse", "HEAD"), git(repo, "status", "--porcelain")) == (head, status)


def test_files_that_are_no_code_make_no_commit(code: Code, repo: Path) -> None:
    for path in ("dispatch/state.json", "experiments/results/a.csv", "progress/lab.log"):
        (repo / path).parent.mkdir(parents=True, exist_ok=True)
        (repo / path).write_text("{}")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "views")
    (repo / "dispatch/state.json").write_text("[]")
    (repo / "progress/lab.log").unlink()
    assert code.origin().clean


def test_the_same_code_keeps_its_commit_when_the_branch_moves_and_is_found_by_another_engine(
    code: Code, repo: Path, now: datetime
) -> None:
    (repo / "train.py").write_text("print('other')\n")
    first = code.origin()
    (repo / "dispatch").mkdir()
    (repo / "dispatch/state.json").write_text("{}")
    git(repo, "add", "dispatch")
    git(repo, "commit", "-qm", "a milestone")
    assert code.origin() == first
    assert Code(repo, now).origin() == first


def test_once_it_is_committed_it_is_the_persons_own_commit(code: Code, repo: Path) -> None:
    (repo / "train.py").write_text("print('other')\n")
    assert not code.origin().clean
    git(repo, "commit", "-qam", "second")
    assert code.origin() == Origin(git(repo, "rev-parse", "HEAD"), git(repo, "rev-parse", "HEAD"), None)


def test_a_project_below_the_top_of_its_repository(repo: Path, now: datetime, tmp_path: Path) -> None:
    (repo / "study").mkdir()
    (repo / "study/train.py").write_text("one")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "a study")
    code = Code(repo / "study", now)
    (repo / "elsewhere.py").write_text("is not of this project")
    assert code.origin().clean
    (repo / "study/train.py").write_text("two")
    origin = code.origin()
    assert git(repo, "show", f"{origin.commit}:study/train.py") == "two"
    assert code.hash_at(origin.commit, tmp_path / "again") == code.snapshots.take(code.later).hash


def test_code_of_a_repository_inside_is_recorded_too(code: Code, repo: Path) -> None:
    (repo / "lib").mkdir()
    git(repo / "lib", "init", "-q")
    (repo / "lib/util.py").write_text("x = 1\n")
    assert git(repo, "show", f"{code.origin().commit}:lib/util.py") == "x = 1"


def test_whether_a_remote_holds_it(code: Code, repo: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    git(repo, "remote", "add", "origin", str(tmp_path / "remote.git"))
    assert code.origin().pushed is False
    git(repo, "push", "-q", "origin", "main")
    git(repo, "commit", "-q", "--allow-empty", "-m", "next")
    assert code.origin().pushed is False
    git(repo, "push", "-q", "origin", "main")
    git(repo, "commit", "-q", "--amend", "--allow-empty", "-m", "other")
    git(repo, "push", "-qf", "origin", "main")
    assert code.origin().pushed is True


def test_before_the_first_commit_nothing_is_known(tmp_path: Path, now: datetime) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "train.py").write_text("one")
    assert Code(tmp_path, now).origin() == Origin()


def test_a_git_that_cannot_write_is_an_error_and_no_origin(code: Code, repo: Path) -> None:
    (repo / "train.py").write_text("two")
    objects = repo / ".git/objects"
    objects.rename(repo / ".git/elsewhere")
    try:
        with pytest.raises(CommandFailed):
            code.origin()
    finally:
        os.rename(repo / ".git/elsewhere", objects)
    assert not code.origin().clean
