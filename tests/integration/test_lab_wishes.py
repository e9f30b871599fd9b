"""What people ask of a lab while its jobs run, its hosts are away and its questions are open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.labhosts import LabHosts
from tests.labs import GO, SmallLab, a_table, an_experiment

LOCAL: dict[str, Any] = {"local": {"kind": "local", "slots": 1}}


@pytest.mark.rule("B1")
def test_cancelling_ends_what_waits_at_once_and_what_runs_with_all_its_processes(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; sleep 300 & while :; do sleep 0.1; done"
    with SmallLab(tmp_path, LOCAL, policies={"kill_grace": "1s"}) as lab:
        lab.add(an_experiment("runs", stubborn), an_experiment("waits"))
        with lab.engine() as at_work:
            at_work.until_are("running", "runs")
            lab.wish("cancel", ids=["waits"], why="not needed")
            at_work.until_are("cancelled", "waits")
            lab.wish("cancel", ids=["runs"], why="hopeless")
            at_work.until_are("cancelled", "runs")
            assert at_work.entries["runs"].run is not None
        lab.assert_once_each("runs")
        assert [e["end"]["status"] for e in lab.events("ended", "runs")] == [137]
        assert lab.events("ended", "waits") == []
        assert lab.entries()["runs"]["retry_count"] == 0


def test_what_is_held_is_not_launched_until_it_is_released(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        lab.add(an_experiment("held"), an_experiment("other"))
        lab.wish("hold", ids=["held"], why="first the other")
        with lab.engine() as at_work:
            at_work.until_are("done", "other")
            assert at_work.status("held") == "on_hold"
            lab.assert_once_each("other")
            lab.wish("release", ids=["held"])
            at_work.until_are("done", "held")
        lab.assert_once_each("other", "held")


def test_what_runs_and_is_held_ends_as_it_ends(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        lab.add(an_experiment("a", GO))
        with lab.engine() as at_work:
            at_work.until_are("running", "a")
            lab.wish("hold", ids=["a"], why="look at it")
            at_work.until_are("on_hold", "a")
            lab.go()
            at_work.until_are("done", "a")
        lab.assert_once_each("a")


@pytest.mark.rule("1.66")
def test_a_retry_of_what_is_done_keeps_the_old_result_beside_the_new_one(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        table = a_table("a")
        command = table["command"].replace("0.5", "0.$AUTOLAB_ATTEMPT")
        lab.add(an_experiment("a", command, result_file=table["result_file"]))
        with lab.engine() as at_work:
            at_work.until_are("done", "a")
            lab.wish("retry", ids=["a"], why="again")
            at_work.until(lambda: at_work.entries["a"].attempt == 2, "a second attempt")
            at_work.until_are("done", "a")
        lab.assert_once_each("a", "a 2")
        results = lab.root / "experiments/results"
        values = {path.name: path.read_text().splitlines()[1].split(",")[6] for path in results.iterdir()}
        assert values == {"a.a1.csv": "0.1", "a.csv": "0.2"}


def test_an_answer_runs_a_failed_experiment_again_and_leaves_another_one_failed(tmp_path: Path) -> None:
    second = 'test "$AUTOLAB_ATTEMPT" = 2'
    with SmallLab(tmp_path, LOCAL) as lab:
        lab.add(an_experiment("again", second), an_experiment("no", "exit 4"))
        with lab.engine() as at_work:
            first, other = (at_work.until_asked("undiagnosed_crash", name) for name in ("again", "no"))
            wishes = [
                lab.wish("decide", question=first.id, option="retry"),
                lab.wish("decide", question=other.id, option="accept", note="as expected"),
                lab.wish("decide", question="no-7", option="accept"),
            ]
            at_work.until_are("done", "again")
            at_work.until(lambda: not at_work.questions, "nothing is open")
        assert lab.entries()["no"]["status"] == "failed"
        lab.assert_once_each("again", "again 2", "no")
        outcomes = [lab.replayed().wishes[wish] for wish in wishes]
        assert [outcome.split(":")[0] for outcome in outcomes] == ["ok", "ok", "refused"]
        assert "decided: accept by me" in lab.layout.escalation("no").read_text()


def test_a_box_ticked_in_the_escalation_file_is_an_answer(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        lab.add(an_experiment("a", 'test "$AUTOLAB_ATTEMPT" = 2'))
        with lab.engine() as at_work:
            at_work.until_asked("undiagnosed_crash", "a")
            path = lab.layout.escalation("a")
            path.write_text(path.read_text().replace("- [ ] retry", "- [x] retry"))
            at_work.advance(30)  # the files are looked through that often
            at_work.until_are("done", "a")
        lab.assert_once_each("a", "a 2")


@pytest.mark.ssh
@pytest.mark.rule("1.61", "B1")
def test_what_is_cancelled_on_a_host_that_is_away_is_cancelled_when_an_end_is_seen_there(
    lab: LabHosts, tmp_path: Path
) -> None:
    hosts = {"lab1": {"kind": "ssh", "slots": 1}}
    with SmallLab(tmp_path, hosts, lab_hosts=lab) as small:
        small.add(an_experiment("runs", "sleep 300"), an_experiment("waits"))
        with small.engine() as at_work:
            at_work.until_are("running", "runs")
            lab.kill_sshd("lab1")
            lab.cut("lab1")
            at_work.until_are("unreachable", "runs")
            small.wish("cancel", ids=["runs", "waits"], why="not needed")
            at_work.until_are("cancelled", "waits")
            at_work.until(lambda: at_work.entries["runs"].decision is not None, "the cancellation is known")
            assert at_work.status("runs") == "unreachable"
            lab.start("lab1")
            at_work.until_are("cancelled", "runs")
        small.assert_once_each("runs")


@pytest.mark.ssh
def test_what_no_host_in_reach_may_run_waits_and_can_be_cancelled(lab: LabHosts, tmp_path: Path) -> None:
    lab.kill_sshd("lab1")
    with SmallLab(tmp_path, {"lab1": {"kind": "ssh"}}, lab_hosts=lab, policies={"backoff": ["1h"]}) as small:
        small.add(an_experiment("a"))
        with small.engine() as at_work:
            at_work.until_host("lab1", "unreachable")
            assert at_work.status("a") == "pending"
            small.wish("cancel", ids=["a"], why="not needed")
            at_work.until_are("cancelled", "a")
        assert small.ledger() == {}
