"""A project on disk, outside git unless a test asks for a repository."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autolab.store.files import Files
from autolab.store.layout import Layout

LAB = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
T0 = datetime(2026, 11, 20, 10, 44, 12, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return T0


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path, None, LAB)


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, and nobody's settings but its own."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    root = tmp_path / "project"
    root.mkdir()
    for words in (
        ["init", "-q", "-b", "main"],
        ["config", "user.email", "ada@example.org"],
        ["config", "user.name", "Ada"],
    ):
        subprocess.run(["git", *words], cwd=root, check=True)
    (root / "autolab.yaml").write_text("")
    (root / "train.py").write_text("print('hello')\n")
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    subprocess.run(["git", "commit", "-q", "-m", "first"], cwd=root, check=True)
    return root
