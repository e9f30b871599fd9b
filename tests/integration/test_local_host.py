"""This machine as a host: what becomes of processes."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from autolab.errors import DiskFailed, HostUnreachable, NoAnswer
from autolab.hosts.local import LocalConnection
from autolab.model.command import Request
from tests.labhosts import until

HERE = LocalConnection("here")


def alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def test_a_shell_that_runs_over_its_deadline_is_killed_with_its_children(tmp_path: Path) -> None:
    script = f"sleep 60 & echo $! >{tmp_path}/pid; wait"
    with pytest.raises(NoAnswer):
        HERE.ask(Request(script, deadline=timedelta(seconds=0.5)))
    until(lambda: not alive((tmp_path / "pid").read_text().strip()), "the child is gone")


def test_a_process_in_a_session_of_its_own_outlives_the_question() -> None:
    pid = HERE.ask(Request("setsid sleep 60 >/dev/null 2>&1 </dev/null 3<&- & echo $!")).out.decode().strip()
    assert alive(pid)
    os.kill(int(pid), 9)


def test_a_script_starts_at_home_like_over_ssh() -> None:
    assert HERE.ask(Request("pwd -P")).out.decode().strip() == str(Path.home().resolve())


def test_a_shell_that_does_not_exist_makes_the_host_unreachable() -> None:
    with pytest.raises(HostUnreachable, match="cannot start /no/shell"):
        LocalConnection("here", ("/no/shell",)).ask(Request("true"))


def test_a_payload_file_that_is_not_there_is_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(DiskFailed, match="cannot read"):
        HERE.ask(Request(f": >{tmp_path}/ran", payload=tmp_path / "absent"))
    assert not (tmp_path / "ran").exists()
