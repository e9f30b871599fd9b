"""Environments of real hosts: made where they are missing, moved away from or asked about where they never come."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.labhosts import LabHosts
from tests.labs import GO, SmallLab, an_experiment

pytestmark = pytest.mark.ssh

# As fast as they come: an environment without pip, in the folder that the settings name.
MAKE = 'python3 -m venv --without-pip "$AUTOLAB_PROJECT_DIR/env"'
INSTALL = 'echo "packages of $VIRTUAL_ENV" >>"$AUTOLAB_PROJECT_DIR/installed"'
NEVER = "for n in 1 2 3; do echo line $n; done; false"


def hosts() -> dict[str, dict[str, Any]]:
    """One whose environment is not there yet, one whose never comes about, one without, whose start-up is noisy."""
    makes = {"kind": "venv", "path": "env", "create": [MAKE], "install": [INSTALL]}
    never = {"kind": "commands", "commands": ["false"], "create": [NEVER]}
    common = {"kind": "ssh", "slots": 2}
    return {"lab1": {**common, "env": makes}, "lab2": {**common, "env": never}, "lab3": common}


@pytest.mark.rule("1.18", "1.19", "1.20", "B26")
def test_environments_are_made_moved_from_or_asked_about(lab: LabHosts, tmp_path: Path) -> None:
    lab.bashrc("lab3", "echo Welcome; printf 'BEGIN-0\\n'; sleep 0.3")
    inside = """python -c 'import sys; sys.exit(not sys.prefix.endswith("/env"))'"""
    with SmallLab(tmp_path, hosts(), lab_hosts=lab) as small:
        small.add(
            an_experiment("inside", inside, host="lab1"),
            an_experiment("moved", host="lab[23]"),
            an_experiment("only-there", GO, host="lab2"),
        )
        with small.engine() as at_work:
            question = at_work.until_asked("env_failed", "host:lab2")
            assert question.seen.splitlines()[2:5] == ["line 1", "line 2", "line 3"]
            at_work.until_are("done", "inside", "moved")
            small.wish("decide", question="host-lab2-1", option="accept")
            at_work.until(lambda: at_work.entries["only-there"].attempt > 0, "it is launched there on a person's word")
        assert [e["tries"] for e in small.events("check_begun") if e["host"] == "lab2"] == [1, 2, 3]
        assert len(small.events("question_asked")) <= 2  # the other is about the attempt that had no environment
        assert small.entries()["moved"]["host"] == "lab3"
        for name, status in (("lab1", "ENV_READY"), ("lab2", "ENV_FAILED")):
            assert json.loads((small.root / f"progress/env_{name}.json").read_text())["status"] == status
        assert not (small.root / "progress/env_lab3.json").exists()
        installed = (small.project_on("lab1") / "installed").read_text().splitlines()
        assert len(installed) == 1
        small.assert_replay_equals_state()
        check_by_command(small)


def check_by_command(small: SmallLab) -> None:
    """Afterwards, with no engine at work: every host in parallel, with dry runs, and nothing is launched."""
    before = small.ledger()
    said = subprocess.run(
        [sys.executable, "-m", "autolab", "-C", str(small.root), "check", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    print(said.stderr)
    found = {host["host"]: host for host in json.loads(said.stdout)["data"]["hosts"]}
    assert (said.returncode, {name: host["ready"] for name, host in found.items()}) == (
        4,
        {"lab1": True, "lab2": False, "lab3": True},
    )
    noise = [one for one in found["lab3"]["findings"] if one["name"] == "start-up noise"]
    assert [(one["verdict"], "Welcome" in one["found"]) for one in noise] == [("warn", True)]
    assert found["lab1"]["dry_run"] is True
    assert small.ledger() == before
