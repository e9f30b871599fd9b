"""Whole labs on real SSH hosts: to the end, over every kind of way and host."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.labhosts import PORT, LabHosts
from tests.labs import SmallLab, a_table, an_experiment

pytestmark = pytest.mark.ssh


def on(*names: str, slots: int = 2, **more: Any) -> dict[str, dict[str, Any]]:
    """SSH hosts of a lab."""
    return {name: {"kind": "ssh", "slots": slots, **more} for name in names}


@pytest.mark.rule("1.26", "1.69", "1.61")
def test_three_hosts_bring_twenty_experiments_each_to_the_end_and_run_none_twice(lab: LabHosts, tmp_path: Path) -> None:
    names = [f"e{n}" for n in range(60)]
    with SmallLab(tmp_path, on("lab1", "lab2", "lab3", slots=4), lab_hosts=lab) as small:
        small.add(*(an_experiment(name, **a_table(name, n), host=f"lab{n % 3 + 1}") for n, name in enumerate(names)))
        with small.engine() as at_work:
            at_work.until_are("done", *names, within_s=60)
            assert [at_work.hosts[name].status.value for name in lab.names] == ["ready"] * 3
        small.assert_once_each(*names)
        small.assert_replay_equals_state()
        for n, name in enumerate(names):
            table = (small.root / f"experiments/results/{name}.csv").read_text()
            assert f"{name},m,d,main,acc,0,{n},lab{n % 3 + 1}," in table
        assert [len(small.ledger_of(name)) for name in lab.names] == [20, 20, 20]


@pytest.mark.rule("N12", "N14")
def test_noise_from_start_up_files_and_a_host_without_rsync_disturb_no_lab(lab: LabHosts, tmp_path: Path) -> None:
    lab.bashrc("lab1", "echo Welcome to lab1; printf 'BEGIN-0\\nEND-0 0\\n'; echo oops >&2")
    bare = lab.dir / "without-rsync"
    if not bare.exists():
        shutil.copytree("/usr/bin", bare, symlinks=True, ignore=lambda _, names: [n for n in names if n not in BASE])
    lab.path_only("lab2", bare)
    names = [f"e{n}" for n in range(4)]
    with SmallLab(tmp_path, on("lab1", "lab2"), lab_hosts=lab) as small:
        small.add(*(an_experiment(name, **a_table(name), host=f"lab{n % 2 + 1}") for n, name in enumerate(names)))
        with small.engine() as at_work:
            at_work.until_are("done", *names)
        small.assert_once_each(*names)
        assert (small.root / "experiments/logs/e0.log").read_text() == ""


# What a lean Linux has: no rsync, no python, no perl, no flock.
_BASE = """
awk basename bash cat chmod cp cut date dd df dirname env expr find getconf grep gzip head hostname id kill ln ls mawk
gawk mkdir mktemp mv nohup od ps printf pwd readlink rm rmdir sed setsid sh dash sha256sum sleep sort stat sync tail tar
test timeout touch tr true uname uniq wc xargs
"""
BASE = frozenset(_BASE.split())


@pytest.mark.rule("N14")
def test_a_host_with_busybox_applets_alone_runs_a_whole_lab(lab: LabHosts, tmp_path: Path) -> None:
    lab.path_only("lab1", lab.busybox_folder())
    with SmallLab(tmp_path, on("lab1"), lab_hosts=lab) as small:
        small.add(
            *(an_experiment(f"e{n}", **a_table(f"e{n}")) for n in range(3)),
            an_experiment("crash", "echo ValueError: no; exit 3"),
            an_experiment("long", "sleep 60"),
        )
        with small.engine() as at_work:
            at_work.until_are("done", "e0", "e1", "e2")
            at_work.until_are("failed", "crash")
            at_work.until_are("running", "long")
            small.wish("cancel", ids=["long"], why="enough")
            at_work.until_are("cancelled", "long")
        small.assert_once_each("e0", "e1", "e2", "crash", "long")
        small.assert_replay_equals_state()


def test_a_host_behind_another_one_runs_a_lab(lab: LabHosts, tmp_path: Path) -> None:
    address = lab.address("lab2")
    far = f"Host labfar\n  HostName {address}\n  HostKeyAlias [{address}]:{PORT}\n  ProxyJump lab1\n"
    config = tmp_path / "ssh_config"
    config.write_text(far + lab.config.read_text())
    hosts = {"far": {"kind": "ssh", "ssh": "labfar", "slots": 2}}
    with SmallLab(tmp_path, hosts, ssh_config=config) as small:
        small.add(an_experiment("a", **a_table("a")), an_experiment("b"))
        with small.engine() as at_work:
            at_work.until_are("done", "a", "b")
        assert "a,m,d,main,acc,0,0.5,far," in (small.root / "experiments/results/a.csv").read_text()


@pytest.mark.rule("N6")
def test_a_host_whose_key_changed_is_refused_with_a_question_and_the_others_go_on(
    lab: LabHosts, tmp_path: Path
) -> None:
    lab.change_key("lab1")
    names = [f"e{n}" for n in range(4)]
    with SmallLab(tmp_path, on("lab1", "lab2"), lab_hosts=lab) as small:
        small.add(*(an_experiment(name) for name in names))
        with small.engine() as at_work:
            question = at_work.until_asked("host_refused", "host:lab1")
            assert question.seen.startswith("KEY CHANGED for lab1")
            at_work.until_are("done", *names)
        assert sorted(line.split()[0] for line in small.ledger_of("lab2")) == names
        assert {entry["host"] for entry in small.entries().values()} == {"lab2"}


def test_two_hosts_that_share_one_home_and_folder_do_not_confuse_their_jobs(lab: LabHosts, tmp_path: Path) -> None:
    with SmallLab(tmp_path, on("lab1", "lab2"), lab_hosts=lab) as small:
        shared = lab.dir / small.name
    shared.mkdir()
    if lab.isolated:
        shutil.chown(shared, lab.user.pw_uid, lab.user.pw_gid)
    places = {"state_dir": str(shared / "state"), "dir": str(shared / "project")}
    names = [f"e{n}" for n in range(8)]
    with SmallLab(tmp_path / "shared", on("lab1", "lab2", **places), lab_hosts=lab) as small:
        small.add(*(an_experiment(name, **a_table(name)) for name in names), an_experiment("long", "sleep 60"))
        with small.engine() as at_work:
            at_work.until_are("done", *names)
            at_work.until_are("running", "long")
            small.wish("cancel", ids=["long"], why="enough")
            at_work.until_are("cancelled", "long")
        assert small.ledger() == dict.fromkeys((f"{name} 1" for name in [*names, "long"]), 1)
        hosts = {entry["host"] for entry in small.entries().values()}
        assert hosts == {"lab1", "lab2"}
        for name in names:  # its row says where it ran, and its claim was made there
            host, row = small.entries()[name]["host"], (small.root / f"experiments/results/{name}.csv").read_text()
            assert f",{host}," in row
            if lab.isolated:
                assert f'"node":"{host}"' in (small.run_folder(host, name) / "claim").read_text()


@pytest.mark.root
@pytest.mark.rule("1.61")
def test_a_full_disk_on_a_host_loses_no_launch_and_work_goes_on_when_there_is_room(
    lab: LabHosts, tmp_path: Path
) -> None:
    with SmallLab(tmp_path, on("lab1"), lab_hosts=lab) as small:
        folder = f"{lab.user.pw_dir}/{small.name}"
        lab.inside("lab1", "mkdir", "-p", folder)
        lab.inside("lab1", "mount", "-t", "tmpfs", "-o", f"size=512k,mode=755,uid={lab.user.pw_uid}", "tmpfs", folder)
        lab.inside("lab1", "sh", "-c", f"cat /dev/zero >{folder}/filler 2>/dev/null; true")
        small.add(an_experiment("a"), an_experiment("b"))
        with small.engine() as at_work:
            at_work.until(lambda: [h.status.value for h in at_work.hosts.values()] == ["troubled"], "lab1 is troubled")
            assert at_work.are("pending", "a", "b")()
            lab.inside("lab1", "rm", f"{folder}/filler")
            at_work.until_are("done", "a", "b")
        log = lab.inside("lab1", "cat", f"{folder}/project/ledger").split("\n")
        assert sorted(log) == ["", "a 1", "b 1"]
        lab.inside("lab1", "umount", "-l", folder)
