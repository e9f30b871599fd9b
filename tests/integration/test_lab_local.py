"""A whole lab on this machine: experiments that end in every way, and what is on disk afterwards."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from autolab.engine.running import poll
from tests.labhosts import until
from tests.labs import GO, SmallLab, a_table, an_experiment

SEED_KEYS = {"status", "started", "host", "gpu", "pid", "job_id", "finished", "wandb_run_id", "retry_count", "notes"}
HALVES = "sh -c 'test $2 = 32 || { echo RuntimeError: CUDA out of memory; exit 1; }' train --batch-size 64"


@pytest.mark.rule("1.4", "1.29", "1.33", "1.62", "1.65", "1.66")
def test_experiments_that_end_in_every_way_leave_the_files_that_people_read(tmp_path: Path) -> None:
    with SmallLab(tmp_path, {"local": {"kind": "local", "slots": 2}}) as lab:
        good = [an_experiment(f"good{n}", **a_table(f"good{n}", n)) for n in range(3)]
        lab.add(
            *good,
            an_experiment("plain", 'echo said; echo \'{"loss": 1}\' >"$AUTOLAB_RUN_JSON"'),
            an_experiment("crash", "echo ValueError: no; exit 3"),
            an_experiment("memory", HALVES),
            an_experiment("silent", "true", result_file="experiments/results/silent.csv"),
            an_experiment("after", "true", depends_on=["good0"]),
        )
        with lab.engine() as at_work:
            at_work.until_are("done", "good0", "good1", "good2", "plain", "memory", "after")
            at_work.until_are("failed", "crash", "silent")
            assert at_work.until_asked("undiagnosed_crash", "crash").attempt == 1
            assert at_work.until_asked("result_missing", "silent")
        lab.assert_once_each("good0", "good1", "good2", "plain", "crash", "memory", "memory 2", "silent", "after")
        lab.assert_replay_equals_state()
        entries = lab.entries()
        assert (entries["memory"]["retry_count"], entries["crash"]["retry_count"]) == (1, 0)
        for ident in entries:
            assert json.loads(lab.layout.sidecar(ident).read_text()).keys() >= SEED_KEYS
        table = (lab.root / "experiments/results/good1.csv").read_text().splitlines()
        assert table[0].endswith("value,host,gpu,finished_at")
        assert table[1].startswith("good1,m,d,main,acc,0,1,local,")
        logs = lab.root / "experiments/logs"
        assert (logs / "plain.log").read_text() == "said\n"
        assert "CUDA out of memory" in (logs / "memory.log").read_text()
        assert (logs / "memory_r2.log").read_text() == ""
        assert json.loads(lab.layout.run_file("plain").read_text()) == {"loss": 1}
        assert "ValueError: no" in lab.layout.escalation("crash").read_text()
        said = lab.layout.lab_log.read_text()
        assert "] [good0] started on local pid=" in said
        assert "] DONE: good0 on local. Duration: 0min. Retries: 0." in said
        assert "] DONE: memory on local. Duration: 0min. Retries: 1." in said
        assert "] [crash] failed (undiagnosed: exit status 3)" in said
        assert "] [memory] retrying as a2 (cuda_oom" in said
        shown = subprocess.run(
            ["git", "-C", str(lab.root), "show", "refs/autolab/state:state.json"], capture_output=True, check=True
        )
        assert json.loads(shown.stdout)["project"] == "small"


@pytest.mark.rule("1.69")
def test_no_more_run_at_once_than_a_host_has_slots(tmp_path: Path) -> None:
    count = 'ls "$AUTOLAB_PROJECT_DIR"/on.* | wc -l >>"$AUTOLAB_PROJECT_DIR/seen"'
    command = (
        f'touch "$AUTOLAB_PROJECT_DIR/on.$AUTOLAB_ID"; {count}; sleep 0.2; rm "$AUTOLAB_PROJECT_DIR/on.$AUTOLAB_ID"'
    )
    with SmallLab(tmp_path, {"local": {"kind": "local", "slots": 2}}) as lab:
        lab.add(*(an_experiment(f"e{n}", command) for n in range(8)))
        with lab.engine() as at_work:
            at_work.until_are("done")
        seen = [int(line) for line in (lab.project_on("local") / "seen").read_text().split()]
        assert max(seen) == 2
        lab.assert_once_each(*(f"e{n}" for n in range(8)))


@pytest.mark.rule("1.60")
def test_a_poll_now_and_then_brings_a_lab_to_its_end_like_a_daemon(tmp_path: Path) -> None:
    with SmallLab(tmp_path, {"local": {"kind": "local", "slots": 2}}) as lab:
        lab.add(*(an_experiment(f"e{n}", **a_table(f"e{n}")) for n in range(5)))
        for _ in range(40):
            engine = lab.open_engine()
            poll(engine)
            engine.close()
            if all(entry["status"] == "done" for entry in lab.entries().values()):
                break
        lab.assert_once_each(*(f"e{n}" for n in range(5)))
        lab.assert_replay_equals_state()


@pytest.mark.rule("1.60")
def test_a_code_edit_between_two_launches_changes_the_next_one_only(tmp_path: Path) -> None:
    wait = f"{GO}; python3 code.py"
    with SmallLab(tmp_path, {"local": {"kind": "local", "slots": 2}}) as lab:
        (lab.root / "code.py").write_text("print('old')\n")
        lab.add(an_experiment("first", wait))
        with lab.engine() as at_work:
            at_work.until_are("running", "first")
            (lab.root / "code.py").write_text("print('new')\n")
            at_work.advance(3)  # a snapshot is that old at most
            lab.add(an_experiment("second", wait))
            at_work.until_are("running", "second")
            lab.go()
            at_work.until_are("done", "first", "second")
        said = {name: (lab.root / f"experiments/logs/{name}.log").read_text() for name in ("first", "second")}
        assert said == {"first": "old\n", "second": "new\n"}
        lab.assert_once_each("first", "second")


@pytest.mark.rule("P14")
@pytest.mark.parametrize("end_them", [False, True])
def test_what_outlives_its_experiment_is_said_and_ended_if_the_settings_say_so(tmp_path: Path, end_them: bool) -> None:
    local = {"local": {"kind": "local", "slots": 1}}
    with SmallLab(tmp_path, local, policies={"end_survivors": end_them}) as lab:
        note = tmp_path / "survivor"
        lab.add(an_experiment("left", f"sleep 300 & echo $! >{note}; exit 0"))
        with lab.engine() as at_work:
            at_work.until_are("done", "left")
            survivor = Path(f"/proc/{int(note.read_text())}")
            until(lambda: survivor.exists() is not end_them, "it was ended if that is set")
        words = "exit status 0, and a process of its own goes on"
        assert f"] [left] left processes running ({words})" in lab.layout.lab_log.read_text()
        run = lab.replayed().entries["left"].run
        assert run is not None
        assert run.end is not None
        assert run.end.survivors == 1
