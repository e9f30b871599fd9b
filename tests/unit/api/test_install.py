from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from autolab.api.install import Supervisor, daemon_install
from autolab.api.place import Place
from autolab.store.layout import Layout

PLACE = Place(Layout(Path("/data/my 100% study"), None, "0123456789abcdef"))


def test_the_unit_quotes_the_folder_as_systemd_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    report = daemon_install(PLACE, Supervisor.SYSTEMD)
    text = Path(report["path"]).read_text()
    assert '"-C" "/data/my 100%% study" "daemon"' in text
    assert "systemctl --user enable --now autolab-01234567.service" in report["next"]
    assert text == report["text"]


def test_the_line_for_cron_is_absolute_quoted_and_escapes_percent_signs(tmp_path: Path) -> None:
    line = daemon_install(PLACE, Supervisor.CRON, dry_run=True)["text"]
    assert line.startswith("*/5 * * * * /")
    assert "-C '/data/my 100\\% study' -q poll" in line


def test_a_line_is_added_once_and_the_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "table"
    table.write_text("0 1 * * * backup\n")
    program = tmp_path / "crontab"
    program.write_text(f'#!/bin/sh\n[ "$1" = -l ] && exec cat {table}\nexec cat >{table}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    for _ in range(2):
        daemon_install(PLACE, Supervisor.CRON)
    lines = table.read_text().splitlines()
    assert lines[0] == "0 1 * * * backup"
    assert len(lines) == 2
