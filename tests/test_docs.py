"""Every command shown in the README is run, in order, on real hosts, as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.labhosts import LabHosts

ROOT = Path(__file__).parents[1]
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXPECTED = re.compile(r"# \(exit (\d+)\)\s*$")
ELSEWHERE = ("scripts/quickstart", "scripts/test")  # run by test_quickstart.py, and by whoever runs this


def commands(text: str) -> Iterator[tuple[str, int]]:
    """Each ``$ `` command of the console blocks, with its here-document, and the exit status it should have."""
    for block in CONSOLE.findall(text):
        for part in re.split(r"(?m)^\$ ", block)[1:]:
            first = part.splitlines()[0]
            found = EXPECTED.search(first)
            yield part, int(found[1]) if found else 0


def test_a_block_is_cut_into_commands_with_their_documents() -> None:
    text = "```console\n$ cat > a <<'END'\nx\nEND\n$ false   # (exit 1)\n```\n"
    assert list(commands(text)) == [("cat > a <<'END'\nx\nEND\n", 0), ("false   # (exit 1)\n", 1)]


@pytest.mark.ssh
@pytest.mark.timeout(300)
def test_every_command_of_the_readme_does_what_it_says(tmp_path: Path, lab: LabHosts) -> None:
    project = tmp_path / "study"
    project.mkdir()
    config = tmp_path / "ssh_config"
    config.write_text(
        Path(lab.config)
        .read_text()
        .replace("Host lab1\n", "Host gpu1\n")
        .replace("Host lab2\n", "Host gpu2\n")
        .replace("Host lab*\n", "Host gpu*\n")
    )
    env = {
        **os.environ,
        "HOME": str(tmp_path / "home"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AUTOLAB_SET_ssh__config": str(config),
    }
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    for key, value in (("user.name", "A Reader"), ("user.email", "reader@example.org")):
        subprocess.run(["git", "-C", str(project), "config", key, value], check=True)
    for command, expected in commands((ROOT / "README.md").read_text()):
        if command.startswith(ELSEWHERE):
            continue
        done = subprocess.run(
            ["bash", "-c", command], cwd=project, env=env, capture_output=True, text=True, timeout=150, check=False
        )
        said = f"$ {command}{done.stdout}{done.stderr}"
        assert done.returncode == expected, said


def test_every_page_the_readme_names_is_there() -> None:
    missing = [
        link
        for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text())
        if not link.startswith("http") and not (ROOT / link).exists()
    ]
    assert missing == []
