"""Labs whose hosts, ways and engines break: nothing is lost, nothing runs twice, silence is never taken for an end."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.labhosts import LabHosts, until
from tests.labs import GO, SmallLab, a_table, an_experiment

pytestmark = pytest.mark.ssh
NAMES = ("e0", "e1", "e2")
Fault = Callable[[LabHosts], None]


def on(*names: str, slots: int = 3) -> dict[str, dict[str, Any]]:
    return {name: {"kind": "ssh", "slots": slots} for name in names}


def reset(lab: LabHosts) -> None:
    lab.cut("lab1")


def sshd_killed(lab: LabHosts) -> None:
    lab.kill_sshd("lab1")
    lab.cut("lab1")


def dropped(lab: LabHosts) -> None:
    lab.drop("lab1")


FAULTS = [
    pytest.param(reset, id="reset"),
    pytest.param(sshd_killed, id="sshd killed"),
    pytest.param(dropped, id="packets dropped", marks=pytest.mark.root),
]


def restore(lab: LabHosts, fault: Fault) -> None:
    if fault is dropped:
        lab.undrop("lab1")
    elif fault is sshd_killed:
        lab.start("lab1")


@pytest.mark.rule("1.60", "1.61")
@pytest.mark.parametrize("fault", FAULTS)
def test_what_was_cut_off_while_it_was_started_is_adopted_and_runs_once(
    lab: LabHosts, tmp_path: Path, fault: Fault
) -> None:
    lab.bashrc("lab1", "sleep 0.5")  # a request is on its way for that long
    with SmallLab(tmp_path, on("lab1"), lab_hosts=lab) as small:
        small.add(*(an_experiment(name) for name in NAMES))
        with small.engine() as at_work:
            at_work.until(lambda: any(e.run and e.run.starts for e in at_work.entries.values()), "a start is sent")
            fault(lab)
            if fault is not reset:
                at_work.until_host("lab1", "unreachable", 60)
            restore(lab, fault)
            lab.bashrc("lab1", "")
            at_work.advance(20)  # a start without a claim is said again
            at_work.until_are("done", *NAMES)
        small.assert_once_each(*NAMES)
        small.assert_replay_equals_state()


@pytest.mark.rule("1.61", "B21")
@pytest.mark.parametrize("fault", FAULTS[1:])
def test_a_host_out_of_reach_makes_its_jobs_unreachable_and_neither_failed_nor_launched_again(
    lab: LabHosts, tmp_path: Path, fault: Fault
) -> None:
    with SmallLab(tmp_path, on("lab1", "lab2"), lab_hosts=lab) as small:
        small.add(*(an_experiment(name, GO, host="lab1") for name in NAMES))
        with small.engine() as at_work:
            at_work.until_are("running", *NAMES)
            fault(lab)
            at_work.until_are("unreachable", *NAMES, within_s=60)
            restore(lab, fault)
            at_work.until_are("running", *NAMES)
            small.go("lab1")
            at_work.until_are("done", *NAMES)
        small.assert_once_each(*NAMES)
        said = [e["event"] for name in NAMES for e in small.events(ident=name)]
        assert {"failed", "requeued", "ended"} & set(said) == {"ended"}
        assert said.count("host_lost") == said.count("seen_again") == len(NAMES)


@pytest.mark.rule("1.61")
def test_what_ended_while_nobody_could_look_is_done_when_somebody_can(lab: LabHosts, tmp_path: Path) -> None:
    with SmallLab(tmp_path, on("lab1"), lab_hosts=lab) as small:
        table = a_table("a")
        small.add(an_experiment("a", f"{GO}; {table['command']}", result_file=table["result_file"]))
        with small.engine() as at_work:
            at_work.until_are("running", "a")
            sshd_killed(lab)
            at_work.until_are("unreachable", "a")
            small.go()
            until(lambda: bool(list(small.run_folder("lab1", "a").glob("exit.*.json"))), "its end is on record")
            lab.start("lab1")
            at_work.until_are("done", "a")
        small.assert_once_each("a")
        assert (small.root / "experiments/results/a.csv").exists()


# Where an engine ends itself; "running" jobs wait for the next engine, the others go on meanwhile.
DEATHS = [
    'after:"launch_intended"',
    'after:"staged"',
    'after:"start_asked"',
    'after:"started"',
    'after:"ended"',
    'after:"collected"',
    "at:experiments/results/e1.csv",
    "at:experiments/logs/e1.log",
    "at:e1.status.json",
    "at:dispatch/state.json",
]


@pytest.mark.rule("1.60", "B30")
@pytest.mark.parametrize("death", DEATHS)
def test_an_engine_that_was_killed_is_followed_by_one_that_knows_every_end_and_runs_nothing_twice(
    lab: LabHosts, tmp_path: Path, death: str
) -> None:
    hosts = {**on("lab1", slots=2), "local": {"kind": "local", "slots": 1}}
    with SmallLab(tmp_path, hosts, lab_hosts=lab) as small:
        small.add(*(an_experiment(name, **a_table(name)) for name in NAMES), an_experiment("bad", "exit 3"))
        killed = small.process("serve", death)
        assert killed.wait(30) == 137
        with small.engine() as at_work:
            at_work.until(lambda: len(at_work.entries) == 4, "the wish is heard")
            at_work.advance(20)
            at_work.until_are("done", *NAMES)
            at_work.until_are("failed", "bad")
        small.assert_once_each(*NAMES, "bad")
        small.assert_replay_equals_state()
        assert [e["end"]["status"] for e in small.events("ended", "bad")] == [3]


@pytest.mark.rule("1.60")
def test_engines_killed_at_random_moments_run_every_experiment_once(lab: LabHosts, tmp_path: Path) -> None:
    seed = random.randrange(10_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    names = [f"e{n}" for n in range(24)]
    hosts = {**on("lab1", "lab2", slots=2), "local": {"kind": "local", "slots": 1}}
    with SmallLab(tmp_path, hosts, lab_hosts=lab) as small:
        small.add(*(an_experiment(name, f"sleep 0.3; exit {n % 2 * 3}") for n, name in enumerate(names)))
        for _ in range(6):
            process = small.process()
            with pytest.raises(subprocess.TimeoutExpired):  # at a moment of chance
                process.wait(chance.uniform(0.5, 2))
            process.kill()
            process.wait(10)
        with small.engine() as at_work:
            at_work.advance(20)
            at_work.until(lambda: [at_work.status(name) for name in names] == ["done", "failed"] * 12, "all have ended")
        small.assert_once_each(*names)
        ends = {e["id"]: e["end"]["status"] for e in small.events("ended")}
        assert ends == {name: n % 2 * 3 for n, name in enumerate(names)}


@pytest.mark.root
@pytest.mark.rule("1.65")
@pytest.mark.parametrize("hosts", [["lab1"], ["lab1", "lab2"]], ids=["the same host", "another host"])
def test_a_restart_of_the_host_ends_the_attempt_and_a_new_one_runs_without_a_charge(
    lab: LabHosts, tmp_path: Path, hosts: list[str]
) -> None:
    with SmallLab(tmp_path, on(*hosts, slots=1), lab_hosts=lab) as small:
        small.add(an_experiment("a", GO))
        with small.engine() as at_work:
            at_work.until_are("running", "a")
            sshd_killed(lab)  # else silence alone would tell, which takes half a minute
            at_work.until_are("unreachable", "a")
            lab.stop("lab1")
            lab.start("lab1")
            at_work.until(lambda: at_work.entries["a"].attempt == 2, "a new attempt")
            at_work.until_are("running", "a")
            small.go()
            at_work.until_are("done", "a")
            entry = at_work.entries["a"]
            assert (entry.retry_count, entry.run and entry.run.host) == (0, hosts[-1])
        small.assert_once_each("a", "a 2")
        assert [e["end"]["how"] for e in small.events("ended", "a")] == ["host_restart", "exit"]


@pytest.mark.root
@pytest.mark.rule("1.60")
def test_a_host_that_comes_back_in_the_same_boot_proves_no_death_and_a_person_decides(
    lab: LabHosts, tmp_path: Path
) -> None:
    with SmallLab(tmp_path, on("lab1"), lab_hosts=lab) as small:
        small.add(an_experiment("a", GO))
        with small.engine() as at_work:
            at_work.until_are("running", "a")
            sshd_killed(lab)  # else silence alone would tell, which takes half a minute
            at_work.until_are("unreachable", "a")
            lab.stop("lab1")
            lab.start("lab1", same_boot=True)
            question = at_work.until_asked("unknown_end", "a")
            assert "pid namespace" in question.seen
            assert at_work.status("a") == "unreachable"
            small.assert_once_each("a")
            small.go()
            small.wish("decide", question=question.id, option="abandon", note="the container is gone")
            at_work.until_are("done", "a")
        small.assert_once_each("a", "a 2")
        assert [e["end"]["how"] for e in small.events("ended", "a")] == ["abandoned", "exit"]


@pytest.mark.rule("1.24", "B24")
def test_of_two_polls_and_two_daemons_at_once_one_is_the_engine_and_the_others_leave(
    lab: LabHosts, tmp_path: Path
) -> None:
    names = [f"e{n}" for n in range(8)]
    with SmallLab(tmp_path, {**on("lab1"), "local": {"kind": "local", "slots": 1}}, lab_hosts=lab) as small:
        small.add(*(an_experiment(name, "sleep 0.3") for name in names))
        processes = {n: small.process(mode) for n, mode in enumerate(("serve", "poll", "serve", "poll"))}
        until(lambda: sum(p.poll() is None for p in processes.values()) <= 1, "three have left", 60)
        for n in (1, 3):
            assert processes[n].wait(30) == 0
        if all(p.poll() is not None for p in processes.values()):  # a poll was the engine
            processes[4] = small.process("serve")
        assert {p.returncode for p in processes.values()} <= {0, None}
        said = "".join(p.communicate()[0] for p in processes.values() if p.returncode == 0)
        assert "(pid " in said
        until(lambda: {e["status"] for e in small.entries().values()} == {"done"}, "all are done", 30)
        for process in processes.values():
            process.terminate()
            assert process.wait(20) == 0
        small.assert_once_each(*names)
        small.assert_replay_equals_state()


@pytest.mark.rule("1.61")
def test_a_poll_in_an_empty_environment_drives_a_host(lab: LabHosts, tmp_path: Path) -> None:
    with SmallLab(tmp_path, on("lab1"), lab_hosts=lab) as small:
        small.add(an_experiment("a", **a_table("a")))
        for _ in range(10):
            poll = small.process("poll", env={})
            assert poll.wait(30) == 0, poll.communicate()[0]
            if small.entries()["a"]["status"] == "done":
                break
        small.assert_once_each("a")
        assert (small.root / "experiments/results/a.csv").exists()
