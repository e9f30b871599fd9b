"""A lab whose lease lies on an SSH host: clones on any machine ask there, and one of them drives."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from autolab.api.doctor import doctor
from autolab.api.lease import lease_move, lease_show, lease_take
from autolab.api.place import find_place
from autolab.api.project import open_project
from autolab.api.view import status
from autolab.engine.running import poll
from autolab.errors import OutsideFailed
from tests.labhosts import LabHosts
from tests.labs import GO, SmallLab, an_experiment

HOSTS: dict[str, dict[str, Any]] = {name: {"kind": "ssh", "slots": 2} for name in ("lab1", "lab2")}


def anchored(folder: Path, lab: LabHosts, anchor: str = "lab1") -> SmallLab:
    made = SmallLab(folder, HOSTS, lab_hosts=lab)
    document = json.loads(made.layout.lab_file.read_text())
    made.layout.lab_file.write_text(json.dumps({**document, "anchor": anchor}))
    return made


def cloned(lab: SmallLab, to: Path) -> SmallLab:
    """What git brings to another machine: the code, the settings and the lab's id."""
    who = ["-c", "user.name=t", "-c", "user.email=t@t"]
    run = ["git", "-C", str(lab.root)]
    subprocess.run([*run, "add", "-f", "autolab.yaml", "code.py", ".gitignore", "dispatch/lab.json"], check=True)
    subprocess.run([*run, *who, "commit", "-qm", "lab", "--no-verify"], check=True)
    subprocess.run(["git", "clone", "-q", str(lab.root), str(to)], check=True)
    return SmallLab.at(to)


def says(lab: SmallLab, words: str) -> Callable[[], bool]:
    """A condition: what people read says why nothing is launched."""
    return lambda: lab.layout.state.exists() and words in (lab.state()["launching"] or "")


@pytest.mark.ssh
@pytest.mark.rule("1.60")
def test_the_second_clone_launches_nothing_until_it_takes_the_lease_from_the_anchor(
    lab: LabHosts, tmp_path: Path
) -> None:
    with anchored(tmp_path / "one", lab) as first:
        second = cloned(first, tmp_path / "two")
        first.add(an_experiment("a", GO, host="lab2"))
        with first.engine() as at_work:
            at_work.until_are("running", "a")
            assert first.state()["launching"] is None
        assert len(list(first.run_folder("lab1", "x").parents[1].glob("lease/1"))) == 1
        second.add(an_experiment("b", "true", host="lab2"))
        with second.engine() as other:
            other.until(says(second, "driven by"), "it says who drives")
            assert other.status("b") == "pending"
        assert "driven by" in (status(find_place(second.root))["launching"] or "")
        (said,) = [c for c in doctor(second.root)["checks"] if c["name"] == "lease"]
        assert (said["verdict"], "driven by" in said["found"]) == ("warn", True)
        assert not lease_show(open_project(second.root))["ours"]
        taken = lease_take(open_project(second.root), "the first is asleep")
        assert (taken["number"], taken["anchor"], taken["ours"]) == (2, "lab1", True)
        first.add(an_experiment("late", "true", host="lab2"))
        with first.engine() as old, second.engine() as at_work:
            old.until(says(first, "driven by"), "the first says who drives")
            first.go()
            at_work.until_are("done", "a", "b")
            assert old.status("late") == "pending"
        first.assert_once_each("a", "b")
        second.assert_replay_equals_state()


@pytest.mark.ssh
def test_an_anchor_out_of_reach_keeps_a_new_engine_from_launching_and_the_lease_can_be_moved(
    lab: LabHosts, tmp_path: Path
) -> None:
    with anchored(tmp_path / "one", lab) as first:
        first.add(an_experiment("a", GO, host="lab2"))
        with first.engine() as at_work:
            at_work.until_are("running", "a")
            lab.kill_sshd("lab1")
            lab.cut("lab1")
            first.add(an_experiment("b", GO, host="lab2"))
            at_work.until_are("running", "b")  # confirmed by the anchor in this engine's life
        first.add(an_experiment("c", "true", host="lab2"))
        with first.engine() as at_work:
            at_work.until(says(first, "lab1 does not say"), "it says why")
            first.go()
            at_work.until_are("done", "a", "b")  # looks go on
            assert at_work.status("c") == "pending"
        project = open_project(first.root)
        with pytest.raises(OutsideFailed, match="lab1, the lab's anchor, does not say"):
            lease_take(project, "again")
        with pytest.raises(OutsideFailed, match="lab1, the lab's anchor, does not say"):
            lease_move(project, "lab2", "lab1 is gone")
        before = first.layout.lab_file.read_bytes()
        with pytest.raises(OutsideFailed):
            lease_move(project, "lab2", "lab1 is gone", ["lab1"], dry_run=True)  # it shows a lease that lies on lab1
        assert first.layout.lab_file.read_bytes() == before
        moved = lease_move(project, "lab2", "lab1 is gone", ["lab1"])
        assert (moved["moved"], moved["anchor"], moved["number"], moved["ours"]) == (True, "lab2", 2, True)
        with first.engine() as at_work:
            at_work.until_are("done", "c")
        lab.heal()
        with closing(first.open_engine()) as engine:
            poll(engine)
        first.assert_once_each("a", "b", "c")
