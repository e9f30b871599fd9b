"""A lab of this machine, in a folder of its own with a home of its own, and the command line as a program sees it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autolab.cli.main import run

SETTINGS = """\
project: study
hosts:
  local: {{kind: local, slots: 2, state_dir: {state}}}
policies: {{look_fastest: 1s, look_slowest: 2s, scan_every: 2s}}
"""


@dataclass(frozen=True)
class Said:
    """How one command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What stands in the envelope."""
        return json.loads(self.out)["data"]

    @property
    def error(self) -> Any:
        """What stands in the error's object."""
        return json.loads(self.err)["error"]


Autolab = Callable[..., Said]


@pytest.fixture
def autolab(capfd: pytest.CaptureFixture[str]) -> Autolab:
    """Runs one command line in this process."""

    def call(*words: str) -> Said:
        capfd.readouterr()
        code = run([str(word) for word in words])
        out, err = capfd.readouterr()
        return Said(code, out, err)

    return call


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder whose name has a space, under git, which is the current one."""
    root = tmp_path / "my study"
    root.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AUTOLAB_OUTPUT", raising=False)
    monkeypatch.chdir(root)
    subprocess.run(["git", "init", "--quiet"], check=True)
    return root


@pytest.fixture
def study(folder: Path, autolab: Autolab) -> Path:
    """A lab with two slots here and nothing in it."""
    (folder / "autolab.yaml").write_text(SETTINGS.format(state=f"{folder.parent}/state"))
    assert autolab("init").code == 0
    return folder


@pytest.fixture
def parked(study: Path, autolab: Autolab) -> Path:
    """A lab with one experiment that is done and one that failed with a question open."""
    autolab("run", "--id", "good", "--", "echo", "fine")
    autolab("run", "--id", "bad", "echo broken; exit 3")
    drive(autolab, "good", "bad")
    return study


def drive(autolab: Autolab, *ids: str) -> None:
    """Poll until these have ended."""
    for _ in range(100):
        autolab("poll")
        waited = autolab("wait", *ids, "--timeout", "0.2s")
        if waited.code != 8:
            return
    raise AssertionError(f"{ids} did not end")
