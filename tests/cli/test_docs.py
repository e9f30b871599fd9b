"""Every example of docs/api.md and docs/cli.md is run as it is written, in its order; every command is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from autolab.cli.main import COMMANDS
from tests.cli.conftest import Autolab, drive

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, kind: str) -> list[str]:
    """The fenced blocks of ``kind`` on a page."""
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def with_its_own_state(folder: Path) -> None:
    """What jobs leave goes into the test's own folder: HOME is the test's."""
    assert str(folder.parent) in str(Path.home())


def test_the_examples_of_the_api_run_in_their_order(folder: Path) -> None:
    with_its_own_state(folder)
    examples = blocks("api.md", "python")
    assert len(examples) == 6
    for example in examples:
        done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{example}\n{done.stderr}"


def test_the_commands_of_the_page_run_in_their_order(folder: Path, autolab: Autolab) -> None:
    with_its_own_state(folder)
    for line in "".join(blocks("cli.md", "console")).splitlines():
        program, *words = shlex.split(line.removeprefix("$ "))
        if words[0] == "status":
            drive(autolab, "first")
        said = autolab(*words)
        assert (program, said.code) == ("autolab", 0), f"{line}\n{said.err}"


@pytest.mark.parametrize("page", ["hosts.md", "gpus.md"])
def test_the_commands_of_the_pages_on_hosts_and_gpus_run_in_their_order(
    page: str, folder: Path, autolab: Autolab
) -> None:
    with_its_own_state(folder)
    assert autolab("init").code == 0
    for line in "".join(blocks(page, "console")).splitlines():
        program, *words = shlex.split(line.removeprefix("$ "))
        said = autolab(*words)
        assert (program, said.code) == ("autolab", 0), f"{line}\n{said.err}"


def test_the_commands_of_the_page_on_failures_run_with_its_own_table(folder: Path, autolab: Autolab) -> None:
    with_its_own_state(folder)
    assert autolab("init").code == 0
    table, first_step = blocks("failures.md", "yaml")
    (folder / "failures.yaml").write_text(table)
    (folder / "autolab.yaml").write_text(f"project: study\n{first_step}")
    (folder / "train.log").write_text("epoch 1\nRuntimeError: CUDA out of memory. Tried to allocate 2 MiB\n")
    for line in "".join(blocks("failures.md", "console")).splitlines():
        program, *words = shlex.split(line.removeprefix("$ "))
        said = autolab(*words)
        assert (program, said.code) == ("autolab", 0), f"{line}\n{said.out}{said.err}"
    assert "cuda_oom" in said.out


def test_every_command_is_named_on_the_page() -> None:
    page = (DOCS / "cli.md").read_text("utf-8")
    assert [name for section in COMMANDS.values() for name in section if not re.search(rf"\b{name}\b", page)] == []
