"""A secret reaches the command that needs it, and nothing else."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.labhosts import until
from tests.labs import GO, SmallLab, an_experiment

# Proof without a print: the job compares with what the test knows by another way, a sum.
CHECK = '[ "$(printf %s "$TOKEN" | sha256sum | cut -d " " -f 1)" = "$WANTED" ] && : >"$AUTOLAB_PROJECT_DIR/has-it"'


def files_with(word: bytes, *folders: Path) -> list[Path]:
    """Files below that hold ``word``; git's objects are looked into by git."""
    paths = (path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [path for path in paths if word in path.read_bytes()]


def processes_with(word: bytes) -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:  # it has ended
            continue
        if word in words:
            yield words.replace(b"\0", b" ").decode("utf-8", "replace")


def git_says(root: Path) -> bytes:
    """Every object of the repository, reachable or not, and every ref."""
    words = ["git", "-C", str(root), "cat-file", "--batch", "--batch-all-objects", "--unordered"]
    objects = subprocess.run(words, check=True, capture_output=True).stdout
    return objects + subprocess.run(["git", "-C", str(root), "for-each-ref"], check=True, capture_output=True).stdout


@pytest.mark.parametrize("kind", ["variable", "file", "command"])
def test_a_secret_is_in_the_environment_of_its_command_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    canary = f"canary-{secrets.token_hex(16)}"
    word = canary.encode()
    kept = tmp_path / "kept"
    kept.touch(0o600)
    kept.write_text(f"{canary}\n")
    reference = {
        "variable": {"variable": "MY_TOKEN"},
        "file": {"file": str(kept)},
        "command": {"command": ["cat", str(kept)]},
    }[kind]
    monkeypatch.setenv("MY_TOKEN", canary)
    wanted = subprocess.run(["sha256sum"], input=word, capture_output=True, check=True).stdout.split()[0].decode()
    hosts = {"local": {"kind": "local", "slots": 2}}
    with SmallLab(tmp_path, hosts, more={"secrets": {"TOKEN": reference}}) as lab:
        lab.add(
            an_experiment("a", f"{CHECK}; {GO}; exit 3", env={"WANTED": wanted}),
            an_experiment("b", f"{CHECK} && {GO}", env={"WANTED": wanted}),
        )
        with lab.engine() as at_work:
            at_work.until_are("running", "a", "b")
            until((lab.project_on("local") / "has-it").exists, "the command knows the secret")
            assert list(processes_with(word)) == []
            at_work.check()
            lab.go()
            at_work.until_are("done", "b")
            at_work.until_asked("undiagnosed_crash", "a")
        holding = files_with(word, lab.root, tmp_path / "state")
        allowed = {lab.run_folder("local", ident) / "env" for ident in ("a", "b")}
        assert set(holding) <= allowed
        assert {path.stat().st_mode & 0o777 for path in holding} <= {0o600}
        assert {path.stat().st_uid for path in holding} <= {os.getuid()}
        assert len(list(lab.layout.questions.iterdir())) == 1  # which was looked into as well
        assert (lab.run_folder("local", "a") / "spec.json").exists()
        assert b"canary" not in git_says(lab.root)


def test_the_search_finds_a_secret_that_leaks(tmp_path: Path) -> None:
    canary = f"canary-{secrets.token_hex(16)}"
    with SmallLab(tmp_path, {"local": {"kind": "local", "slots": 1}}) as lab:
        lab.add(an_experiment("a", f"{GO}; : {canary}"))
        with lab.engine() as at_work:
            at_work.until_are("running", "a")
            assert lab.layout.state in files_with(canary.encode(), lab.root, tmp_path / "state")
            leak = subprocess.Popen(["sh", "-c", "read _", canary], stdin=subprocess.PIPE)
            try:
                until(lambda: bool(list(processes_with(canary.encode()))), "the process with it is found")
            finally:
                assert leak.stdin is not None
                leak.stdin.close()
                leak.wait(10)
            lab.go()
            at_work.until_are("done", "a")
