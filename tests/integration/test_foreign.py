"""Programs and agents that know only the files: they work beside autolab, several at once, mistakes and all."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from autolab import check, open_project
from autolab.engine.running import poll
from tests.labhosts import until
from tests.labs import GO, REPOSITORY, SmallLab, a_table, an_experiment

LOCAL = {"local": {"kind": "local", "slots": 2}}
RESULT = "experiments/results/{}.csv"


def start(lab: SmallLab, ident: str, part: str = "") -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.agents", str(lab.root), ident, part or ident]
    return subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.rule("1.1", "1.34", "1.60", "B1", "B4", "B5")
@pytest.mark.timeout(240)
def test_agents_that_know_only_the_files_work_beside_autolab_with_all_their_mistakes(tmp_path: Path) -> None:
    theirs = ("good", "half", "stranger", "dead", "quoted", "marked", "boastful", "needy")
    with SmallLab(tmp_path, LOCAL, policies={"scan_every": "1s"}) as lab:
        # One runs already when the lab hears of it; its design says nothing of an agent.
        running = {"id": "resumed", "status": "running", "pid": os.getpid(), "host": "lab1", "started": "2026-11-20"}
        lab.layout.sidecar("resumed").write_text(json.dumps(running))
        lab.add(
            *(an_experiment(i, "false", executor="external", result_file=RESULT.format(i)) for i in theirs),
            an_experiment("resumed", "false", result_file=RESULT.format("resumed")),
            an_experiment("ours", GO),
        )
        with lab.engine() as at_work:
            at_work.until(lambda: lab.layout.state.exists() and "ours" in lab.entries(), "they are there")
            agents = [start(lab, ident) for ident in (*theirs, "resumed")]
            agents += [start(lab, "ours", "meddling"), start(lab, "-", "lead")]
            at_work.until_are("done", "good", "half", "stranger", "quoted", "resumed", within_s=90)
            at_work.until_are("failed", "dead", "needy", within_s=60)
            at_work.until_are("on_hold", "boastful")
            at_work.until(lambda: lab.entries()["ours"].get("hf_artifact_url") is not None, "their word about ours")
            assert at_work.status("ours") == "running"  # an agent's done ends nothing that autolab runs
            lab.go()
            at_work.until_are("done", "ours")
            at_work.until_asked("sidecar_unreadable", "marked")
            at_work.until_asked("unconfirmed", "boastful")
            for agent in agents:
                said, _ = agent.communicate(timeout=90)
                assert agent.returncode == 0, said
            at_work.until(lambda: "artifact_upload_failed" in _escalated(lab), "the second escalation is told")
        entries = lab.entries()
        assert entries["good"]["wandb_run_id"] == "https://wandb.ai/me/study/runs/1"
        assert entries["good"]["hf_artifact_url"].startswith("https://huggingface.co/")
        assert entries["half"]["mood"] == {"calm": False}
        assert (entries["quoted"]["retry_count"], entries["quoted"]["job_id"]) == (1, "4711.server")
        assert entries["quoted"]["gpu"] == "0"
        assert isinstance(entries["quoted"]["pid"], int)
        assert entries["dead"]["notes"] == "CUDA out of memory"
        assert (entries["marked"]["status"], entries["resumed"]["executor"]) == ("pending", "external")
        noted = Counter((event["kind"], event["path"]) for event in lab.events("noted"))
        assert noted["unreadable", "dispatch/half.status.json"] <= 2  # half of it; how often it was looked at, not more
        lab.assert_once_each("ours")
        lab.assert_replay_equals_state()


def _escalated(lab: SmallLab) -> str:
    """Everything that the questions about escalations show."""
    return "".join(path.read_text() for path in lab.layout.progress.rglob("*needy*.md"))


@pytest.mark.rule("1.60")
def test_what_somebody_wrote_into_our_sidecar_is_kept_aside_and_heard_although_we_write_next(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        lab.add(an_experiment("a", GO))
        engine = lab.open_engine()
        poll(engine)
        path = lab.layout.sidecar("a")
        theirs = json.dumps({"id": "a", "notes": "by hand", "hf_artifact_url": "https://huggingface.co/x"}).encode()
        path.write_bytes(theirs)
        lab.go()

        def ended() -> bool:
            """Ticks of an engine that no file event wakes: it writes over theirs before it reads."""
            engine.tick(lab.clock(), look=True)
            return engine.state.entries["a"].status == "done"

        until(ended, "it is done")
        engine.render(lab.clock(), force=True)
        engine.close()
        assert path.with_name("a.status.json.by-agent").read_bytes() == theirs
        assert lab.entries()["a"]["hf_artifact_url"] == "https://huggingface.co/x"
        assert json.loads(path.read_bytes())["status"] == "done"


def test_a_sidecar_that_came_before_its_experiment_is_heard_when_that_is_added(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        said = {"id": "early", "status": "failed", "finished": "2026-11-20T10:00:00", "notes": "OOM"}
        lab.layout.sidecar("early").write_text(json.dumps(said))
        with lab.engine() as at_work:
            at_work.until(lambda: bool(lab.events("noted")), "the stranger is noted")
            lab.add(an_experiment("early", "false", executor="external"))
            at_work.until_are("failed", "early")
        assert lab.entries()["early"]["notes"] == "OOM"
        assert lab.ledger() == {}


# --- readers ---------------------------------------------------------------------------------------------------------

ENTRY = {
    "id": str, "status": str, "command": str, "expected_duration_hours": (int, float), "phase": str, "group": str,
    "method": str, "dataset": str, "seed": int,
}  # fmt: skip
SEEN = ("host", "gpu", "pid", "job_id", "started", "finished", "wandb_run_id", "retry_count", "notes")
OPTIONAL = (*SEEN, "max_retries", "priority", "stage", "result_file", "checkpoint_dir")
SIDECAR = ("id", "status", *SEEN)
COLUMNS = ("exp_id", "method", "dataset", "group", "metric", "seed", "value", "host", "gpu", "finished_at")
HOST = ("host", "status", "available_gpus", "conda_env", "torch_version", "cuda_available", "dry_run_passed",
        "gpu_check_method", "checked_at", "remote_project_dir", "notes")  # fmt: skip
STAMP = r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\]"


def board(root: Path, design: str) -> dict[tuple[str, str], str]:
    """A dashboard's table as its rules say: the status of a cell is that of the first entry with the cell's id."""
    entries = json.loads((root / "dispatch" / "state.json").read_text())["experiments"]
    table = json.loads((root / "experiments" / design).read_text())
    rows, columns = {row["id"] for row in table["rows"]}, {column["id"] for column in table["cols"]}
    assert all(cell["row"] in rows and cell["col"] in columns for cell in table["cells"])
    return {
        (cell["row"], cell["col"]): next((e["status"] for e in entries if e["id"] == cell.get("exp_id")), "todo")
        for cell in table["cells"]
    }


@pytest.mark.rule("1.8", "1.9", "1.19", "1.29", "1.30", "B13", "B69")
def test_a_dashboard_that_knows_only_the_files_shows_our_lab(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        table = {
            "title": "Pilots", "caption": "Ours against a baseline.", "description": "a pilot", "phase": "pilot",
            "rows": [{"id": "m", "label": "Ours", "group": "ours", "note": ""}],
            "cols": [{"id": c, "label": c, "metric": "acc"} for c in ("c10", "c100", "tiny", "later")],
            "cells": [
                {"exp_id": "well", "row": "m", "col": "c10", "purpose": "mechanism"},
                {"exp_id": "badly", "row": "m", "col": "c100", "purpose": "cost"},
                {"exp_id": "waits", "row": "m", "col": "tiny", "purpose": "severity"},
                {"row": "m", "col": "later", "purpose": "component"},
            ],
        }  # fmt: skip
        design = lab.root / "experiments" / "pilot_design.json"
        design.parent.mkdir()
        design.write_text(json.dumps(table, indent=2))
        before = design.read_bytes()
        lab.add(
            an_experiment("well", **a_table("well"), dataset="c10"),
            an_experiment("badly", "false", dataset="c100"),
            an_experiment("waits", "true", dataset="tiny", executor="external", priority=3,
                          extra={"my_key": {"x": [1]}}),
        )
        with lab.engine() as at_work:
            at_work.until_are("done", "well")
            at_work.until_are("failed", "badly")
        state = lab.state()
        assert (state["project"], state["updated"][-1]) == ("small", "Z")
        for entry in state["experiments"]:
            assert {key: isinstance(entry[key], kind) for key, kind in ENTRY.items()} == dict.fromkeys(ENTRY, True)
            assert [key for key in OPTIONAL if key not in entry] == []
        assert lab.entries()["waits"]["my_key"] == {"x": [1]}
        cells = board(lab.root, "pilot_design.json")
        shown = {column: status for (_, column), status in cells.items()}
        assert shown == {"c10": "done", "c100": "failed", "tiny": "pending", "later": "todo"}
        assert design.read_bytes() == before
        for ident in ("well", "badly"):
            sidecar = json.loads(lab.layout.sidecar(ident).read_bytes())
            assert [key for key in SIDECAR if key not in sidecar] == []
            assert sidecar["status"] == lab.entries()[ident]["status"]
            assert isinstance(sidecar["pid"], int)
        with (lab.root / RESULT.format("well")).open() as file:
            rows = list(csv.DictReader(file))
        assert tuple(rows[0]) == COLUMNS
        assert (rows[0]["exp_id"], rows[0]["value"], rows[0]["host"]) == ("well", "0.5", "local")
        log = lab.layout.lab_log.read_text()
        for line in (r"\[well\] started on local pid=\d+", r"DONE: well on local\. Duration: \d+min\. Retries: 0\.",
                     r"\[badly\] failed \(.+\)"):  # fmt: skip
            assert re.search(rf"(?m)^{STAMP} {line}$", log), line
        assert [line for line in log.splitlines() if not re.match(rf"{STAMP} \S", line)] == []
        page = lab.layout.log("well").read_text()
        assert re.findall(r"(?m)^## (.+)$", page) == ["Motivation", "Setup", "Expected", "Actual", "Notes"]
        check(open_project(lab.root), dry_run=False)
        ready = json.loads(lab.layout.host_facts("local").read_bytes())
        assert [key for key in HOST if key not in ready] == []
        assert (ready["host"], ready["status"], ready["available_gpus"]) == ("local", "ENV_READY", [])
        asked = lab.layout.escalation("badly").read_text()
        for key in ("exp_id: badly", "reason: undiagnosed_crash", "action_needed: ", "timestamp: "):
            assert re.search(rf"(?m)^{key}", asked), key
