"""What scripts/quickstart needs it asks for in one line, before it changes anything."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
BASH = shutil.which("bash") or "/bin/bash"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the scripts alone, on a machine whose PATH holds a few small tools and no Python."""
    shutil.copytree(SCRIPTS, tmp_path / "checkout" / "scripts")
    (tmp_path / "bin").mkdir()
    for tool in ("dirname", "ls", "cat", "git"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    return tmp_path / "checkout"


def quickstart(checkout: Path, *said: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BASH, checkout / "scripts" / "quickstart", *said],
        env={"PATH": str(checkout.parent / "bin"), "HOME": str(checkout.parent / "home")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def a_python(checkout: Path, name: str, good: bool) -> None:
    program = checkout.parent / "bin" / name
    program.write_text(f"#!/bin/sh\n[ {int(good)} = 1 ] && echo {program}\nexit {int(not good)}\n")
    program.chmod(0o755)


def untouched(checkout: Path) -> bool:
    return [p.name for p in checkout.iterdir()] == ["scripts"] and not (checkout.parent / "home").exists()


def test_without_python_it_says_which_is_needed(checkout: Path) -> None:
    ran = quickstart(checkout)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[0] == "error: no Python 3.11 or newer on PATH"
    assert untouched(checkout)


def test_a_python_that_is_too_old_is_passed_over(checkout: Path) -> None:
    a_python(checkout, "python3", good=False)
    assert "no Python 3.11 or newer" in quickstart(checkout).stderr
    a_python(checkout, "python3.12", good=True)
    assert "no Python 3.11 or newer" not in quickstart(checkout).stderr


def test_without_git_it_says_so(checkout: Path) -> None:
    (checkout.parent / "bin" / "git").unlink()
    ran = quickstart(checkout)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[0] == "error: git is not on PATH"
    assert untouched(checkout)


def test_a_folder_with_something_else_in_it_is_left_alone(checkout: Path) -> None:
    (checkout / "thesis").mkdir()
    (checkout / "thesis" / "chapter.tex").touch()
    ran = quickstart(checkout, str(checkout / "thesis"))
    assert ran.returncode == 2
    assert "is not a lab" in ran.stderr


@pytest.mark.parametrize(("said", "code"), [("--help", 0), ("--fast", 2)])
def test_help_is_shown_and_an_unknown_option_refused(checkout: Path, said: str, code: int) -> None:
    ran = quickstart(checkout, said)
    assert ran.returncode == code
    assert "usage: scripts/quickstart [DIR]" in ran.stdout + ran.stderr
