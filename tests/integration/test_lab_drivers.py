"""Two clones of one lab: one drives, and whoever takes over finds what the other began."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from autolab.api.lease import lease_show, lease_take
from autolab.api.project import open_project
from autolab.engine.running import poll, settle
from autolab.errors import Busy, NotTheDriver, OutsideFailed, UnknownName
from tests.labhosts import LabHosts
from tests.labs import GO, SmallLab, an_experiment

LOCAL = {"local": {"kind": "local", "slots": 2}}


def copied(lab: SmallLab, to: Path) -> SmallLab:
    """The project's folder, copied whole: its record and all."""
    shutil.copytree(lab.root, to, symlinks=True)
    return SmallLab.at(to)


def cloned(lab: SmallLab, to: Path) -> SmallLab:
    """What git brings: the code and the lab's id, no record."""
    subprocess.run(["git", "-C", str(lab.root), "add", "autolab.yaml", "code.py", ".gitignore"], check=True)
    subprocess.run(["git", "-C", str(lab.root), "add", "-f", "dispatch/lab.json"], check=True)
    who = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", "-C", str(lab.root), *who, "commit", "-qm", "lab", "--no-verify"], check=True)
    subprocess.run(["git", "clone", "-q", str(lab.root), str(to)], check=True)
    return SmallLab.at(to)


def says_who_drives(lab: SmallLab) -> Callable[[], bool]:
    """A condition: what people read says that another clone drives."""
    return lambda: lab.layout.state.exists() and "driven by" in (lab.state()["launching"] or "")


def take(lab: SmallLab, **more: Any) -> Any:
    return lease_take(open_project(lab.root), "the first is gone", **more)


@pytest.mark.rule("1.60")
@pytest.mark.parametrize("made_by", [copied, cloned])
def test_the_second_clone_takes_over_what_the_first_began_and_nothing_runs_twice(tmp_path: Path, made_by: Any) -> None:
    with SmallLab(tmp_path / "one", LOCAL) as first:
        first.add(an_experiment("before", "true"), an_experiment("known", GO, priority=-1))
        with first.engine() as at_work:
            at_work.until_are("done", "before")
            at_work.until_are("running", "known")
            second = made_by(first, tmp_path / "two")
            first.add(an_experiment("new", GO))
            at_work.until_are("running", "new")
            with second.engine() as other:
                second.add(an_experiment("mine", GO))
                other.until(says_who_drives(second), "it says who drives")
            assert not lease_show(open_project(second.root))["ours"]
            report = take(second)
            assert report["ours"]
            assert report["number"] == 2
            (host,) = report["hosts"]
            wanted = {"new.1"} if made_by is copied else {"before.1", "known.1", "new.1"}
            assert (host["attempts"], set(host["adopted"])) == (3, wanted)
            first.add(an_experiment("late", "true"))
            at_work.until(says_who_drives(first), "the first says who drives")
            at_work.until(lambda: "late" in at_work.entries, "late is known")
            with second.engine() as other:
                other.until_are("running", "known", "new")
                second.go()
                other.until_are("done", "before", "known", "new", "mine")
            assert at_work.status("late") == "pending"
        first.assert_once_each("before", "known", "new", "mine")
        second.assert_replay_equals_state()
        assert take(second)["number"] == 2


def test_a_start_by_the_old_driver_is_refused_by_the_host(tmp_path: Path) -> None:
    with SmallLab(tmp_path / "one", LOCAL) as first:
        first.add(an_experiment("a", "true"))
        with first.engine() as at_work:
            at_work.until_are("done", "a")
        second = copied(first, tmp_path / "two")
        take(second)
        lease = Path(first.settings.hosts["local"].state_dir) / first.lab[:8] / "lease.json"
        was = json.loads(lease.read_text())
        clone = lease_show(open_project(first.root))["clone"]
        lease.write_text(json.dumps({**was, "number": 1, "clone": clone}))  # as if its lease lay on another machine
        first.add(an_experiment("b", "true"))
        with first.engine() as at_work:
            at_work.until_host("local", "troubled")
            assert "follows driver 2" in at_work.hosts["local"].why
        first.assert_once_each("a")


def test_a_host_that_does_not_answer_stops_the_taking_unless_it_is_given_up(tmp_path: Path) -> None:
    with SmallLab(tmp_path / "one", {**LOCAL, "mute": {"kind": "local", "slots": 1}}) as first:
        first.add(an_experiment("a", "true", host="local"))
        with first.engine() as at_work:
            at_work.until_are("done", "a")
        second = copied(first, tmp_path / "two")
        settings = json.loads((second.root / "autolab.yaml").read_text())
        nowhere = tmp_path / "nowhere"
        nowhere.mkdir()
        (nowhere / first.lab[:8]).write_text("no folder")
        settings["hosts"]["mute"]["state_dir"] = str(nowhere)
        (second.root / "autolab.yaml").write_text(json.dumps(settings))
        before = second.layout.state.read_bytes(), lease_show(open_project(second.root))
        with pytest.raises(OutsideFailed, match="mute does not say what it holds") as refused:
            take(second)
        assert "--give-up mute" in refused.value.hint
        assert (second.layout.state.read_bytes(), lease_show(open_project(second.root))) == before
        with pytest.raises(UnknownName):
            take(second, give_up=["mut"])
        report = take(second, give_up=["mute"])
        assert [(line["host"], line["given_up"]) for line in report["hosts"]] == [("local", False), ("mute", True)]
        assert "given up: mute" in report["reason"]


def test_taking_needs_a_reason_and_waits_for_this_clones_engine(tmp_path: Path) -> None:
    with SmallLab(tmp_path / "one", LOCAL) as first:
        with closing(first.open_engine()):
            second = copied(first, tmp_path / "two")
        with pytest.raises(NotTheDriver, match="reason"):
            lease_take(open_project(second.root), " ")
        with closing(second.open_engine()), pytest.raises(Busy):
            take(second)
        assert take(second)["number"] == 2


def test_a_crash_before_the_lease_is_written_is_made_good_by_saying_it_again(tmp_path: Path) -> None:
    with SmallLab(tmp_path / "one", LOCAL) as first:
        with closing(first.open_engine()) as engine:
            poll(engine)
        second = copied(first, tmp_path / "two")
        lease = Path(first.settings.hosts["local"].state_dir) / first.lab[:8] / "lease.json"
        was = lease.read_bytes()
        take(second)
        lease.write_bytes(was)
        report = take(second)
        assert report["ours"]
        assert second.replayed().driver == report["number"]


def test_a_clone_on_another_machine_is_told_by_the_hosts_that_it_does_not_drive(tmp_path: Path) -> None:
    with SmallLab(tmp_path / "one", LOCAL) as first:
        first.add(an_experiment("a", "true"))
        with first.engine() as at_work:
            at_work.until_are("done", "a")
        second = cloned(first, tmp_path / "two")
        (Path(first.settings.hosts["local"].state_dir) / first.lab[:8] / "lease.json").unlink()  # it lies on the other
        second.add(an_experiment("b", "true"))
        with second.engine() as at_work:
            at_work.until_host("local", "troubled")
            assert "follows driver 1" in at_work.hosts["local"].why
        report = take(second)
        assert (report["number"], report["hosts"][0]["adopted"]) == (2, ["a.1"])
        with second.engine() as at_work:
            at_work.until_are("done", "a", "b")
        first.assert_once_each("a", "b")


@pytest.mark.ssh
@pytest.mark.rule("1.60")
def test_a_lab_of_two_ssh_hosts_is_taken_over_once_both_answer(lab: LabHosts, tmp_path: Path) -> None:
    hosts = {name: {"kind": "ssh", "slots": 2} for name in ("lab1", "lab2")}
    with SmallLab(tmp_path / "one", hosts, lab_hosts=lab) as first:
        second = copied(first, tmp_path / "two")
        designs = [an_experiment(f"e{n}", GO, host=f"lab{n}") for n in (1, 2)]
        first.add(*designs)
        with first.engine() as at_work:
            at_work.until_are("running", "e1", "e2")
        lab.kill_sshd("lab2")
        lab.cut("lab2")
        with pytest.raises(OutsideFailed, match="lab2 does not say what it holds"):
            take(second)
        assert not lease_show(open_project(second.root))["ours"]
        lab.heal()
        second.add(*designs)  # they wait here too, and were launched there
        with closing(second.open_engine()) as engine:
            settle(engine)
        assert {entry["status"] for entry in second.entries().values()} == {"pending"}
        adopted = [line["adopted"] for line in take(second)["hosts"]]
        assert adopted == [["e1.1"], ["e2.1"]]
        first.add(an_experiment("late", "true"))
        with first.engine() as old, second.engine() as at_work:
            at_work.until_are("running", "e1", "e2")
            old.until(says_who_drives(first), "the first says who drives")
            first.go()
            at_work.until_are("done", "e1", "e2")
            assert old.status("late") == "pending"
        first.assert_once_each("e1", "e2")
        second.assert_replay_equals_state()
