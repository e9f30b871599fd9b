"""Taking the lease and making a lost journal anew, as people and programs see it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

from autolab.resources import data
from tests.cli.conftest import Autolab


def test_recover_brings_a_deleted_journal_back_and_says_what_to_do_next(parked: Path, autolab: Autolab) -> None:
    autolab("run", "--id", "waits", "--", "true")
    autolab("hold", "waits")
    assert autolab("recover").code == 9
    shutil.rmtree(next((parked / ".git/autolab").glob("*/journal")))
    assert "autolab recover" in autolab("poll").err
    tried = autolab("recover", "--dry-run", "--json")
    said = autolab("recover", "--json")
    assert (tried.code, said.code) == (0, 0)
    assert said.data == {**tried.data, "dry_run": False}
    schema = json.loads((data("schemas") / "cli-recover.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(said.out))
    assert said.data["experiments"] == 3
    assert autolab("poll").code == 0
    assert autolab("replay").code == 0


def test_recover_for_people_names_what_may_still_run_and_what_is_held(parked: Path, autolab: Autolab) -> None:
    autolab("host", "drain", "local", "--reason", "a test")
    autolab("run", "--id", "waits", "--", "true")
    shutil.rmtree(next((parked / ".git/autolab").glob("*/journal")))
    out = autolab("recover").out
    assert "3 experiments" in out
    assert "held: 1; first: autolab lease take --reason recovered, then: autolab release all" in out


def test_a_copied_folder_takes_the_lease_and_says_what_each_host_holds(
    parked: Path, autolab: Autolab, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = parked.parent / "copy"
    shutil.copytree(parked, copy, symlinks=True)
    monkeypatch.chdir(copy)
    assert autolab("lease", "show", "--json").data["ours"] is False
    assert autolab("lease", "take").code == 2
    assert autolab("lease", "take", "--reason", "x", "--give-up", "nowhere").code == 3
    said = autolab("lease", "take", "--reason", "moved")
    assert (said.code, said.err) == (0, "")
    assert "lease 2" in said.out
    assert "local: holds 2 attempts\n" in said.out
    assert autolab("lease", "take", "--reason", "again", "--give-up", "local").out.endswith(
        "local: given up; what runs there is not known\n"
    )


def test_a_clone_by_git_recovers_from_the_fetched_state(
    parked: Path, autolab: Autolab, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run(["git", *who, "commit", "-qm", "lab", "--no-verify"], check=True)
    clone = parked.parent / "clone"
    subprocess.run(["git", "clone", "-q", str(parked), str(clone)], check=True)
    monkeypatch.chdir(clone)
    assert "autolab recover" in autolab("poll").err
    assert "git fetch" in autolab("recover", "--dry-run").out
    subprocess.run(["git", "fetch", "-q", "origin", "refs/autolab/*:refs/autolab/*"], check=True)
    assert autolab("recover").code == 0
    assert autolab("lease", "take", "--reason", "moved").code == 0
    assert autolab("poll").code == 0
    assert [e["status"] for e in autolab("ps", "--all", "--json").data["experiments"]] == ["done", "failed"]
