"""``autolab host gpus``: a table that says who is on each card, whatever the host's tool and its neighbours say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Autolab

TOOL = """#!/bin/sh
case "$*" in
*query-gpu*) cat '{folder}/gpus'; exit "$(cat '{folder}/status')" ;;
*compute-apps*) echo "GPU-b, {pid}, 900" ;;
esac
"""


@pytest.fixture
def gpus(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study whose host gives out the GPUs that a fake tool lists; the folder says what it answers."""
    folder = tmp_path / "fake gpus"
    folder.mkdir()
    (folder / "status").write_text("0\n")
    (folder / "gpus").write_text(
        "0, GPU-a, NVIDIA H100, 81559, 4, 0, Disabled\n"
        "1, GPU-b, NVIDIA H100, 81559, 900, 97, Disabled\n"
        "2, GPU-c, NVIDIA RTX A6000, 49140, 4, 0, [N/A]\n"
        "3, GPU-d, NVIDIA \x1b[31mH100, 81559, [GPU requires reset], 0, [N/A]\n"
    )
    (folder / "nvidia-smi").write_text(TOOL.format(folder=folder, pid=os.getpid()))
    (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    shelf = tmp_path / "shelf"
    hosts = f"hosts: {{local: {{kind: local, gpus: auto, gpu_avoid: [RTX A6000], card_dir: {shelf}}}}}\n"
    (study / "autolab.yaml").write_text(f"project: study\n{hosts}")
    return folder


@pytest.mark.rule("1.15", "B51")
def test_each_card_is_a_line_with_who_is_on_it_and_why_it_is_not_free(gpus: Path, autolab: Autolab) -> None:
    said = autolab("host", "gpus")
    assert said.code == 0
    lines = said.out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["local", str(n)] for n in range(4)]
    assert lines[1].endswith("yes")
    assert f"pid {os.getpid()} of " in lines[2]
    assert lines[3].endswith("no: not given out: gpu_avoid names RTX A6000")
    assert "GPU requires reset" in lines[4]
    assert "\x1b" not in said.out
    value = json.loads(autolab("--json", "host", "gpus", "local").out)["data"]["hosts"][0]
    assert [one["free"] for one in value["gpus"]] == [True, False, False, False]
    assert value["gpus"][1]["holders"][0]["pid"] == os.getpid()


def test_a_tool_that_fails_is_a_line_and_exit_code_4(gpus: Path, autolab: Autolab) -> None:
    (gpus / "gpus").write_text("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n")
    (gpus / "status").write_text("9\n")
    said = autolab("host", "gpus")
    assert (said.code, said.out.count("\n")) == (4, 1)
    assert said.out.startswith("local: nvidia-smi: NVIDIA-SMI has failed because it couldn't communicate")


def test_hosts_that_give_out_none_are_said_to(study: Path, autolab: Autolab) -> None:
    said = autolab("host", "gpus")
    assert (said.code, said.out) == (0, "no host gives out GPUs: say `gpus: auto` of one in autolab.yaml\n")
    assert autolab("host", "gpus", "nohost").code == 3
