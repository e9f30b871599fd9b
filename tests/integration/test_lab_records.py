"""What a lab leaves behind while it works: commits, and processes and code on hosts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.labhosts import LabHosts
from tests.labs import GO, SmallLab, a_table, an_experiment

LOCAL = {"local": {"kind": "local", "slots": 2}}


def git(lab: SmallLab, *words: str) -> str:
    return subprocess.run(["git", "-C", str(lab.root), *words], check=True, capture_output=True, text=True).stdout


def with_history(lab: SmallLab) -> None:
    """Everything is tracked, and there is a first commit."""
    (lab.root / ".gitignore").write_text("dispatch/*.json\n!dispatch/state.json\n")
    git(lab, "config", "user.name", "me")
    git(lab, "config", "user.email", "me@example.org")
    git(lab, "add", "code.py", ".gitignore")
    git(lab, "commit", "-qm", "a project")


@pytest.mark.rule("1.44")
def test_the_experiments_of_a_full_study_are_new_ones_with_files_of_their_own_in_one_commit(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        with_history(lab)
        lab.add(an_experiment("pilot-s0"))
        full = [f"full-s{seed}" for seed in range(3)]
        with lab.engine() as at_work:
            at_work.until_are("done", "pilot-s0")
            again = lab.wish("add", specs=[an_experiment("pilot-s0", phase="full")])
            lab.add(*(an_experiment(name, phase="full", seed=seed) for seed, name in enumerate(full)))
            at_work.until_are("done", *full)
            at_work.until(lambda: "add 3 experiments" in git(lab, "log", "--format=%s"), "they are committed")
        assert "its design is fixed" in lab.replayed().wishes[again]
        assert [entry["seed"] for name, entry in lab.entries().items() if name in full] == [0, 1, 2]
        assert all(lab.layout.sidecar(name).exists() for name in full)
        committed = git(lab, "log", "--format=", "--name-only", "--grep=add 3 experiments").split()
        assert {f"experiments/logs/{name}.md" for name in full} <= set(committed)
        assert all(f'"{name}"' in git(lab, "show", "HEAD:dispatch/state.json") for name in full)
        lab.assert_once_each("pilot-s0", *full)


@pytest.mark.rule("1.49")
def test_the_last_end_in_a_group_is_a_commit_of_its_own_with_the_groups_results(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        with_history(lab)
        lab.add(*(an_experiment(n, **a_table(n)) for n in ("a", "b")), an_experiment("c", GO, group="ablation"))
        with lab.engine() as at_work:
            at_work.until_are("done", "a", "b")
            at_work.until(lambda: "group main done" in git(lab, "log", "--format=%s"), "the milestone is committed")
            assert "group ablation done" not in git(lab, "log", "--format=%s")
            lab.go()
            at_work.until_are("done", "c")
            at_work.until(lambda: "group ablation done" in git(lab, "log", "--format=%s"), "the other one too")
        assert git(lab, "log", "--format=%s", "--grep=group main done").count("\n") == 1


@pytest.mark.ssh
@pytest.mark.rule("B31")
def test_a_job_stands_on_files_and_in_a_session_of_its_own_while_its_launcher_is_gone(
    lab: LabHosts, tmp_path: Path
) -> None:
    look = (
        'readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2; cut -d" " -f6 /proc/$$/stat; cut -d" " -f4 /proc/$$/stat'
    )
    with SmallLab(tmp_path, {"lab1": {"kind": "ssh"}}, lab_hosts=lab) as small:
        small.add(an_experiment("a", f"{look}; {GO}; echo on"))
        with small.engine() as at_work:
            at_work.until_are("running", "a")
        lab.cut("lab1")
        small.go()
        with small.engine() as at_work:
            at_work.until_are("done", "a")
            run = at_work.entries["a"].run
        assert run is not None
        assert run.claim is not None
        stdin, out, err, session, parent, said = (small.root / "experiments/logs/a.log").read_text().split()
        assert (stdin, said) == ("/dev/null", "on")
        assert out == err
        assert out.endswith("/a/a1/out.log")
        assert int(session) == int(parent) == run.claim.runner_pid or int(session) == run.claim.pid


@pytest.mark.ssh
@pytest.mark.rule("B41")
def test_code_on_a_host_is_what_was_sent_and_a_removed_file_is_gone_from_the_next_attempt_alone(
    lab: LabHosts, tmp_path: Path
) -> None:
    with SmallLab(tmp_path, {"lab1": {"kind": "ssh", "slots": 2}}, lab_hosts=lab) as small:
        (small.root / "old.py").write_text("print('old')\n")
        small.add(an_experiment("first", f"{GO}; ls *.py; python3 old.py"))
        with small.engine() as at_work:
            at_work.until_are("running", "first")
            (small.root / "old.py").unlink()
            (small.root / "new.py").write_text("print('new')\n")
            at_work.advance(3)  # a snapshot is that old at most
            small.add(an_experiment("second", f"{GO}; ls *.py; python3 new.py"))
            at_work.until_are("running", "second")
            small.go()
            at_work.until_are("done", "first", "second")
        said = {name: (small.root / f"experiments/logs/{name}.log").read_text().split() for name in ("first", "second")}
        assert said == {"first": ["code.py", "old.py", "old"], "second": ["code.py", "new.py", "new"]}
