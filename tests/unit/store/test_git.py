"""Git on real repositories: our ref beside the user's work, never in it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from autolab.errors import CommandFailed
from autolab.store.git import STATE_REF, Committed, Git, Skipped


def run(repo: Path, *words: str, check: bool = True) -> str:
    done = subprocess.run(["git", *words], cwd=repo, check=check, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def git(repo: Path) -> Git:
    return Git(repo)


def put(repo: Path, path: str, text: str) -> str:
    (repo / path).parent.mkdir(parents=True, exist_ok=True)
    (repo / path).write_text(text)
    return path


def index_of(repo: Path) -> tuple[bytes, str]:
    return (repo / ".git/index").read_bytes(), run(repo, "status", "--porcelain")


def test_what_is_checked_out_is_told(git: Git, repo: Path) -> None:
    assert git.is_repo()
    assert git.common_dir() == git.git_dir() == repo / ".git"
    assert (git.head().branch, git.head().commit) == ("main", run(repo, "rev-parse", "HEAD"))
    assert not git.is_dirty()
    put(repo, "new.py", "")
    assert git.is_dirty()


def test_outside_a_repository_that_is_told_too(tmp_path: Path) -> None:
    assert not Git(tmp_path).is_repo()
    with pytest.raises(CommandFailed, match="git ls-files failed"):
        Git(tmp_path).files()


def test_a_repository_without_a_commit_has_a_branch_and_no_commit(tmp_path: Path) -> None:
    run(tmp_path, "init", "-q", "-b", "main")
    assert (Git(tmp_path).head().commit, Git(tmp_path).head().branch) == ("", "main")


def test_tracked_and_new_files_are_listed_and_ignored_ones_are_not(git: Git, repo: Path) -> None:
    put(repo, ".gitignore", "*.log\n")
    put(repo, "a.log", "")
    put(repo, "sub/größe \n.py", "")
    put(repo, "-rf", "")
    assert git.files() == sorted(["-rf", ".gitignore", "autolab.yaml", "sub/größe \n.py", "train.py"])


def test_the_state_is_committed_to_its_own_ref_and_the_work_tree_is_left_alone(git: Git, repo: Path) -> None:
    put(repo, "train.py", "changed\n")
    run(repo, "add", "train.py")
    put(repo, "train.py", "changed again\n")
    before = index_of(repo)
    commit = git.commit_state({"state.json": b"{}\r\n", "journal/00000001.jsonl": b"x"}, "state 1")
    assert commit == git.resolve(STATE_REF)
    assert git.show(STATE_REF, "state.json") == b"{}\r\n"
    assert git.show(STATE_REF, "journal/00000001.jsonl") == b"x"
    assert git.show(STATE_REF, "no") is None
    assert index_of(repo) == before
    assert git.head().branch == "main"


def test_files_of_the_state_that_are_not_named_stay_and_none_takes_away(git: Git) -> None:
    git.commit_state({"state.json": b"1", "journal/1": b"a", "journal/2": b"b"}, "one")
    second = git.commit_state({"state.json": b"2", "journal/1": None}, "two")
    assert git.show(STATE_REF, "state.json") == b"2"
    assert git.show(STATE_REF, "journal/1") is None
    assert git.show(STATE_REF, "journal/2") == b"b"
    assert git.commit_state({"state.json": b"2"}, "three") is None
    assert git.resolve(STATE_REF) == second


def test_a_ref_that_others_move_is_committed_on_top(git: Git, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git.commit_state({"a": b"1"}, "one")
    asked = git._tree
    others = iter([True, True, False])

    def in_between(blobs: dict[str, str | None]) -> str:
        tree = asked(blobs)
        if next(others, False):
            Git(repo).commit_state({"b": os.urandom(4)}, "another engine")
        return tree

    monkeypatch.setattr(git, "_tree", in_between)
    git.commit_state({"a": b"2"}, "two")
    assert (git.show(STATE_REF, "a"), git.show(STATE_REF, "b") is not None) == (b"2", True)


def test_the_state_is_committed_while_another_command_holds_the_index(git: Git, repo: Path) -> None:
    (repo / ".git/index.lock").write_bytes(b"")
    assert git.commit_state({"state.json": b"{}"}, "state")
    skipped = git.commit_named([put(repo, "dispatch/state.json", "{}")], "state")
    assert isinstance(skipped, Skipped)
    assert "index.lock" in skipped.reason
    assert (repo / ".git/index.lock").exists(), "it is not ours to remove"


def test_named_files_are_committed_and_what_is_staged_stays_staged(git: Git, repo: Path) -> None:
    run(repo, "add", put(repo, "train.py", "staged\n"))
    made = git.commit_named([put(repo, "dispatch/state.json", "{}"), "missing.json"], "dispatch: 3 experiments")
    assert isinstance(made, Committed)
    assert (
        run(repo, "show", "--name-only", "--format=%an|%s", "HEAD")
        == "Ada|dispatch: 3 experiments\n\ndispatch/state.json"
    )
    assert run(repo, "status", "--porcelain") == "M  train.py"
    put(repo, "dispatch/state.json", "{1}")
    assert isinstance(git.commit_named(["dispatch/state.json"], "again"), Committed)
    assert git.commit_named(["dispatch/state.json"], "again") == Skipped("nothing changed")


@pytest.mark.rule("B66")
def test_an_ignored_file_is_left_out_and_does_not_stop_the_others(git: Git, repo: Path) -> None:
    put(repo, ".gitignore", "dispatch/*.status.json\n")
    names = [put(repo, "dispatch/e1.status.json", "{}"), put(repo, "dispatch/state.json", "{}")]
    assert isinstance(git.commit_named(names, "state"), Committed)
    assert run(repo, "show", "--name-only", "--format=", "HEAD") == "dispatch/state.json"
    assert isinstance(git.commit_named(names[:1], "state"), Skipped)


def test_a_file_that_the_user_has_staged_is_the_users(git: Git, repo: Path) -> None:
    run(repo, "add", put(repo, "dispatch/state.json", "{}"))
    before = index_of(repo)
    assert git.commit_named(["dispatch/state.json"], "state") == Skipped(
        "dispatch/state.json is staged; it is yours to commit"
    )
    assert index_of(repo) == before


def conflict(repo: Path, *words: str) -> None:
    run(repo, "checkout", "-q", "-b", "other")
    put(repo, "train.py", "theirs\n")
    run(repo, "commit", "-qam", "theirs")
    run(repo, "checkout", "-q", "main")
    put(repo, "train.py", "ours\n")
    run(repo, "commit", "-qam", "ours")
    run(repo, *words, check=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("merge", "other"), "a merge is under way"),
        (("cherry-pick", "other"), "a cherry-pick is under way"),
        (("rebase", "other"), "a rebase is under way"),
        (("revert", "HEAD~1"), "a revert is under way"),
        (("bisect", "start"), "a bisect is under way"),
        (("checkout", "-q", "--detach"), "HEAD is detached"),
    ],
)
def test_a_branch_in_the_middle_of_something_is_not_committed_to(
    git: Git, repo: Path, words: tuple[str, ...], said: str
) -> None:
    conflict(repo, *words)
    put(repo, "dispatch/state.json", "{}")
    head = run(repo, "rev-parse", "HEAD")
    assert git.commit_named(["dispatch/state.json"], "state") == Skipped(said)
    assert run(repo, "rev-parse", "HEAD") == head
    assert git.commit_state({"state.json": b"{}"}, "state"), "our own ref needs no branch"


def test_no_hook_signature_or_surrounding_variable_reaches_our_commits(
    git: Git, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pre-commit", "commit-msg", "post-commit", "prepare-commit-msg", "reference-transaction"):
        hook = repo / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\nexit 1\n")
        hook.chmod(0o755)
    run(repo, "config", "commit.gpgsign", "true")
    run(repo, "config", "gpg.program", "/bin/false")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert git.commit_state({"state.json": b"{}"}, "state")
    assert isinstance(git.commit_named([put(repo, "dispatch/state.json", "{}")], "state"), Committed)
    assert not (tmp_path / "ran").exists()


def test_without_an_identity_our_own_is_used(git: Git, repo: Path) -> None:
    run(repo, "config", "--unset", "user.email")
    run(repo, "config", "user.useConfigOnly", "true")
    assert git.commit_state({"a": b""}, "state")
    assert isinstance(git.commit_named([put(repo, "a", "")], "state"), Committed)
    assert run(repo, "log", "-1", "--format=%an") == "autolab"


def test_a_failed_commit_leaves_no_new_file_in_the_index(git: Git, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run(repo, "status", "--porcelain")
    put(repo, "a", "")
    monkeypatch.setattr(
        git, "_identity", lambda: {"GIT_AUTHOR_NAME": "", "GIT_AUTHOR_EMAIL": "", "GIT_AUTHOR_DATE": "never"}
    )
    with pytest.raises(CommandFailed, match="git commit failed"):
        git.commit_named(["a"], "state")
    assert run(repo, "status", "--porcelain") == f"{before}?? a"


def test_a_git_that_hangs_is_left_after_the_deadline(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with pytest.raises(CommandFailed, match="git status gave no answer"):
        Git(repo, deadline_s=0.2).is_dirty()


@pytest.mark.rule("B67")
def test_a_tag_is_made_once_and_by_name(git: Git, repo: Path) -> None:
    git.tag("dispatch-20261120T104412-ab12", git.head().commit, "3 experiments")
    assert run(repo, "tag") == "dispatch-20261120T104412-ab12"
    with pytest.raises(CommandFailed, match="already exists"):
        git.tag("dispatch-20261120T104412-ab12", git.head().commit)


def test_packing_keeps_the_state(git: Git) -> None:
    git.commit_state({"state.json": b"{}"}, "state")
    git.pack()
    assert git.show(STATE_REF, "state.json") == b"{}"
