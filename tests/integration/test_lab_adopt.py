"""Processes that ran before autolab came: watched to their end, never a reason to start the command."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autolab.api.adopting import adopt
from autolab.api.project import open_project
from autolab.errors import CommandFailed, IllegalTransition, InvalidSpec
from tests.labhosts import until
from tests.labs import SmallLab, a_table, an_experiment

Begin = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Starts shell text by hand, as one would with nohup; ends what is left of it."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(text: str) -> subprocess.Popen[bytes]:
        with (tmp_path / "nohup.out").open("ab") as out:
            begun.append(
                subprocess.Popen(
                    ["sh", "-c", text], cwd=tmp_path / "project", stdout=out, stderr=out, start_new_session=True
                )
            )
        return begun[-1]

    yield start
    for process in begun:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def waits(ident: str) -> dict[str, object]:
    """An experiment whose command says loudly that it was started."""
    return an_experiment(ident, "echo started", result_file=f"experiments/results/{ident}.csv")


def test_a_process_is_adopted_and_its_result_decides(tmp_path: Path, begin: Begin) -> None:
    with SmallLab(tmp_path, {"local": {"kind": "local", "slots": 1}}) as lab:
        results = lab.root / "experiments/results"
        results.mkdir(parents=True)
        until_told = f"until [ -e {tmp_path}/NAME ]; do sleep 0.05; done; "
        good = begin(until_told.replace("NAME", "good") + "echo trained; " + a_table("good")["command"])
        bad = begin(until_told.replace("NAME", "bad"))
        wanted = begin(f"sleep 1000 & echo $! >{tmp_path}/child; wait")
        for ident in ("good", "bad", "wanted"):
            lab.wish("add", specs=[waits(ident)])
            lab.wish("hold", ids=[ident], why="it runs by hand")
        with lab.engine() as at_work:
            at_work.until_are("on_hold", "good", "bad", "wanted")
            project = open_project(lab.root)
            log = str(tmp_path / "nohup.out")
            told = adopt(project, "good", host="local", pid=good.pid, log=log)
            assert "trained" in told["command"]
            adopt(project, "bad", host="local", pid=bad.pid)
            adopt(project, "wanted", host="local", pid=wanted.pid)
            at_work.until_are("running", "good", "bad", "wanted")
            with pytest.raises(IllegalTransition, match="may run already"):
                adopt(project, "good", host="local", pid=wanted.pid)
            lab.wish("cancel", ids=["wanted"], why="enough")
            assert wanted.wait(20) == -signal.SIGTERM
            child = Path("/proc") / (tmp_path / "child").read_text().strip()
            until(lambda: not (child / "exe").exists(), "what it started has ended too")
            (tmp_path / "good").touch()
            (tmp_path / "bad").touch()
            assert (good.wait(20), bad.wait(20)) == (0, 0)
            lab.clock.advance(120)  # a result may come late, and is waited for
            at_work.until_are("done", "good")
            at_work.until_are("cancelled", "wanted")
            at_work.until_are("failed", "bad")
            assert at_work.until_asked("adopted_end", "bad")
        assert lab.ledger() == {}
        assert "trained" in (lab.root / "experiments/logs/good.log").read_text()
        assert (results / "good.csv").exists()
        lab.assert_replay_equals_state()


def test_what_cannot_be_adopted_says_why_and_nothing_changes(tmp_path: Path, begin: Begin) -> None:
    with SmallLab(tmp_path, {"local": {"kind": "local", "slots": 1}}) as lab:
        lab.wish("add", specs=[an_experiment("plain")])
        lab.wish("hold", ids=["plain"], why="not yet")
        running, ended = begin("sleep 1000"), begin("exit 0")
        ended.wait(10)
        project = open_project(lab.root)
        with lab.engine() as at_work:
            at_work.until_are("on_hold", "plain")
        with pytest.raises(InvalidSpec, match="declares no result_file"):
            adopt(project, "plain", host="local", pid=running.pid)
        with pytest.raises(CommandFailed, match="has no process"):
            adopt(project, "plain", host="local", pid=ended.pid)
        adopt(
            project, "new", host="local", pid=running.pid, words=["true"], given={"result_file": "r.csv"}, dry_run=True
        )
        assert lab.entries().keys() == {"plain"}
        assert lab.entries()["plain"]["status"] == "on_hold"


def test_a_process_that_ends_before_it_is_watched_is_not_taken_for_another(tmp_path: Path, begin: Begin) -> None:
    with SmallLab(tmp_path, {"local": {"kind": "local", "slots": 1}}) as lab:
        process = begin("sleep 1000")
        project = open_project(lab.root)
        adopt(project, "e1", host="local", pid=process.pid, words=["echo", "started"], given={"result_file": "r.csv"})
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        with lab.engine() as at_work:
            at_work.until_are("failed", "e1")
            assert at_work.until_asked("adopted_end", "e1")
        assert "no process" in (lab.root / "experiments/logs/e1.log").read_text()
