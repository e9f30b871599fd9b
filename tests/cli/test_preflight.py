"""`autolab preflight`, `code:` and what `show` says of the code that ran."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Autolab, drive

SCRIPT = "flags = ('--seed', '--checkpoint-dir', '--resume', '--dry-run')\n"


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=Ada", "-c", "user.email=a@example.org", "commit", "-qm", "A study")


def set_code(folder: Path, policy: str) -> None:
    path = folder / "autolab.yaml"
    path.write_text(f"{path.read_text()}\ncode: {policy}\n")


@pytest.fixture
def code(study: Path) -> Path:
    """A lab whose code is committed."""
    (study / "train.py").write_text(SCRIPT)
    commit(study)
    return study


@pytest.mark.rule("1.10")
@pytest.mark.rule("1.70")
def test_preflight_says_what_would_be_launched_and_changes_nothing(code: Path, autolab: Autolab) -> None:
    autolab("run", "--id", "e1", "python3 train.py --seed 0")
    head = git(code, "rev-parse", "HEAD")
    refs = git(code, "for-each-ref")
    said = autolab("preflight")
    assert said.code == 0
    assert f"commit   {head[:10]} on " in said.out
    assert "train.py, 1 experiment: keeps the contract" in said.out
    (code / "train.py").write_text("import sys\n")
    (code / "new.py").write_text("")
    told = autolab("preflight", "e1", "--json").data
    assert told["ok"] is True
    assert told["code"]["changed"] == ["new.py", "train.py"]
    assert told["scripts"][0]["findings"][0] == "lacks --seed"
    assert git(code, "for-each-ref") == refs


@pytest.mark.rule("1.10")
def test_a_contract_that_is_asked_for_keeps_experiments_out(code: Path, autolab: Autolab) -> None:
    set_code(code, "{contract: refuse}")
    (code / "train.py").write_text("import sys\n")
    (code / "x.yaml").write_text(
        "experiments:\n- {id: e1, command: python3 train.py, phase: p, group: main, method: m, dataset: d, seed: 0,"
        " expected_duration_hours: 1}\n"
    )
    said = autolab("add", "x.yaml")
    assert said.code != 0
    assert "train.py: lacks --seed; lacks --checkpoint-dir" in said.err
    assert "code.contract is refuse" in said.err
    assert autolab("ps", "--all", "--json").data["experiments"] == []


@pytest.mark.rule("1.70")
def test_code_that_a_policy_refuses_waits_and_says_why_and_goes_on_once_it_is_committed(
    code: Path, autolab: Autolab
) -> None:
    set_code(code, "{unclean: refuse}")
    commit(code)
    (code / "train.py").write_text("print('changed')\n")
    autolab("run", "--id", "e1", "python3 train.py")
    assert autolab("preflight").code == 6
    assert autolab("poll").code == 0
    shown = autolab("show", "e1", "--json").data["experiment"]
    assert (shown["status"], shown["attempt"]) == ("pending", 0)
    commit(code)
    head = git(code, "rev-parse", "HEAD")
    drive(autolab, "e1")
    shown = autolab("show", "e1", "--json").data["experiment"]
    assert (shown["git_commit"], shown["code_base"]) == (head, head)


@pytest.mark.parametrize(("setting", "kept"), [("true", True), ("false", False)])
def test_the_state_is_kept_in_its_ref_only_where_that_is_set(
    code: Path, autolab: Autolab, setting: str, kept: bool
) -> None:
    path = code / "autolab.yaml"
    path.write_text(f"{path.read_text()}\ngit: {{state_ref: {setting}}}\n")
    before = git(code, "for-each-ref", "refs/autolab/state")
    autolab("run", "--id", "e1", "--", "true")
    drive(autolab, "e1")
    assert (git(code, "for-each-ref", "refs/autolab/state") != before) is kept


@pytest.mark.rule("1.12")
def test_what_ran_is_a_tagged_commit_that_brings_the_code_back(code: Path, autolab: Autolab) -> None:
    (code / "train.py").write_text("print('was never committed')\n")
    autolab("run", "--id", "e1", "python3 train.py")
    drive(autolab, "e1")
    shown = autolab("show", "e1", "--json").data["experiment"]
    assert git(code, "diff", "--name-only", shown["code_base"], shown["git_commit"]) == "train.py"
    assert git(code, "merge-base", "HEAD", shown["git_commit"]) == shown["code_base"]
    assert git(code, "show", f"{shown['git_commit']}:train.py") == "print('was never committed')"
    assert git(code, "for-each-ref", "--format=%(refname)", "refs/autolab/code").endswith(shown["code"])
    tags = git(code, "tag", "--points-at", shown["git_commit"], "--list", "exp/study/*").split()
    assert len(tags) == 1
