"""New bytes of running logs: cut by POSIX sh on the host, read strictly here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.errors import UnreadableReply
from autolab.executors.dialects.reports import skimmed
from autolab.executors.runner import fields, script, spoken
from autolab.model.action import Job
from autolab.model.command import Reply

SHELLS = [
    pytest.param(words, id=words[0]) for words in (["dash"], ["bash"], ["busybox", "sh"]) if shutil.which(words[0])
]
JOBS = {run: Job("lab", run[:2], 1, f"~/s/{run}", "t", "h", "/p") for run in ("e1/a1", "e2/a1", "e3/a1", "e4/a1")}


@pytest.mark.rule("B36")
@pytest.mark.parametrize("shell", SHELLS)
def test_only_what_is_new_of_each_log_is_brought(tmp_path: Path, shell: list[str]) -> None:
    logs = {"e1/a1": b"old\nnew\n", "e2/a1": b"short", "e3/a1": b"x" * 5000 + b"end\n"}
    for run, content in logs.items():
        (tmp_path / run).mkdir(parents=True)
        (tmp_path / run / "out.log").write_bytes(content)
    read = {"e1/a1": 4, "e2/a1": 99, "e3/a1": 0, "e4/a1": 0}
    wanted = spoken("al_wanted", [fields(run, str(number)) for run, number in read.items()])
    text = f"al_us=$(printf '\\037')\n{script('skim.sh')}{wanted}al_skim_all 1000\n"
    done = subprocess.run([*shell, "-c", text], cwd=tmp_path, capture_output=True, check=True)
    assert done.stderr == b""
    assert skimmed(Reply(done.stdout, 0), JOBS) == {
        "e1": (4, b"new\n"),
        "e2": (0, b"short"),
        "e3": (4004, b"x" * 996 + b"end\n"),
    }


@given(st.binary(max_size=200))
def test_nonsense_is_no_log(out: bytes) -> None:
    try:
        found = skimmed(Reply(out, 0), JOBS)
    except UnreadableReply:
        return
    assert found.keys() <= {"e1", "e2", "e3", "e4"}


@pytest.mark.parametrize(
    "out",
    [
        b"",
        b"new e1/a1 0 5\nabc\nover\n",
        b"new e9/a1 0 0\n\nover\n",
        b"new e1/a1 -1 0\n\nover\n",
        b"new e1/a1 0 3\nabc\n",
    ],
)
def test_half_an_answer_is_none(out: bytes) -> None:
    with pytest.raises(UnreadableReply):
        skimmed(Reply(out, 0), JOBS)
