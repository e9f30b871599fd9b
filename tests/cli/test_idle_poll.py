"""A poll with nothing to do, as cron runs it for months: it touches nothing and loads nothing that takes time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Autolab, drive

HEAVY = {"pydantic", "paramiko", "filelock", "click", "orjson", "yaml"}
SLOW = HEAVY | {"typing", "dataclasses", "pathlib", "re", "enum", "datetime", "collections"}  # of Python's own, too
PROGRAM = """
import sys
sys.argv = ["autolab", *sys.argv[1].split(chr(0x1F))]
from autolab.__main__ import main
try:
    main()
finally:
    print("\\n@" + " ".join(sorted(sys.modules)))
"""


def poll(*words: str, cwd: Path | None = None) -> tuple[str, set[str]]:
    """What ``autolab WORDS`` says as a process, and the packages it has loaded."""
    call = [sys.executable, "-c", PROGRAM, "\x1f".join(words)]
    said, _, modules = subprocess.run(call, cwd=cwd, capture_output=True, text=True, check=True).stdout.rpartition(
        "\n@"
    )
    return said.strip(), {name.partition(".")[0] for name in modules.split()}


@pytest.fixture
def idle(study: Path, autolab: Autolab) -> Path:
    """A lab in which all is done, an hour later, so that no file may change within its own time stamp."""
    assert autolab("run", "--id", "a", "--", "true").code == 0
    drive(autolab, "a")
    record = [path for path in (study / ".git/autolab").rglob("*") if path.name != "present"]  # no engine was away
    for path in (study / "dispatch", *(study / "dispatch").iterdir(), *record):
        seen = path.stat()
        os.utime(path, (seen.st_atime - 3600, seen.st_mtime - 3600))
    assert autolab("poll").code == 0
    return study


@pytest.mark.parametrize("words", [("poll",), ("-C", "FOLDER", "-q", "poll")])
def test_an_idle_poll_touches_no_file_and_loads_no_library(idle: Path, words: tuple[str, ...]) -> None:
    views = [idle / "dispatch" / name for name in ("state.json", "journal.jsonl", "a.status.json")]
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in views]
    said, modules = poll(*(str(idle) if word == "FOLDER" else word for word in words), cwd=idle)
    assert said == ("" if "-q" in words else "nothing to do")
    assert not modules & SLOW
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in views] == before


def test_a_poll_with_news_is_no_idle_one(idle: Path) -> None:
    wish = idle / "autolab.yaml"
    wish.write_text(wish.read_text() + "\n# a person was here\n")
    said, modules = poll("poll", cwd=idle)
    assert said != "nothing to do"
    assert "pydantic" in modules
