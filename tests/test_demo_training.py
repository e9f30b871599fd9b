"""The demo's training is real: the seed decides the value, and a checkpoint goes on to the same one."""

from __future__ import annotations

import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autolab.report
from autolab.errors import InvalidSettings, InvalidSpec
from autolab.model.settings import Settings
from autolab.model.state import Spec
from autolab.resources import data
from autolab.rules.experiments import admit
from autolab.store.settings import check_settings
from autolab.store.yaml_files import read_yaml

pytest.importorskip("sklearn")
COLUMNS = ["exp_id", "method", "dataset", "group", "metric", "seed", "value"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(data("templates") / "demo" / "train.py", tmp_path)
    shutil.copy(autolab.report.__file__, tmp_path / "report.py")
    return tmp_path


def train(project: Path, asked: str, **env: str) -> subprocess.CompletedProcess[str]:
    bare = {n: v for n, v in os.environ.items() if not n.startswith("AUTOLAB_") and n != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [sys.executable, "train.py", "--out", "out/result.csv", *shlex.split(asked)],
        cwd=project,
        env={**bare, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def result(project: Path) -> dict[str, str]:
    with (project / "out" / "result.csv").open(newline="") as table:
        (row,) = csv.DictReader(table)
    return row


def value(project: Path, asked: str) -> str:
    ran = train(project, asked)
    assert ran.returncode == 0, ran.stderr
    return result(project)["value"]


@pytest.mark.parametrize("method", ["logreg", "svm", "forest"])
def test_two_seeds_differ_and_one_again_gives_its_value(project: Path, method: str) -> None:
    asked = f"--method {method} --dataset cancer --seed "
    first = value(project, asked + "0")
    assert value(project, asked + "1") != first
    assert value(project, asked + "0") == first
    assert 0.9 < float(first) < 1.0


@pytest.mark.rule("B59")
def test_a_result_has_the_seven_columns_and_the_id_of_its_experiment(project: Path) -> None:
    ran = train(project, "--method logreg --dataset cancer --seed 2", AUTOLAB_ID="x", AUTOLAB_ATTEMPT="1")
    assert ran.returncode == 0, ran.stderr
    assert list(result(project)) == COLUMNS
    assert result(project).items() >= {"exp_id": "x", "metric": "f1", "seed": "2", "group": "main"}.items()
    assert json.loads((project / "dispatch" / "x.run.json").read_text())["step"] == 40


def test_a_checkpoint_goes_on_to_the_same_value(project: Path) -> None:
    asked = "--method logreg --dataset cancer --seed 0 --checkpoint-dir ckpt"
    whole = value(project, asked)
    shutil.rmtree(project / "ckpt")
    script = (project / "train.py").read_text()
    (project / "train.py").write_text(script.replace('"logreg": 40', '"logreg": 7'))
    value(project, asked)
    (project / "train.py").write_text(script)
    ran = train(project, asked + " --resume")
    assert "resuming after round 7" in ran.stdout
    assert result(project)["value"] == whole


def test_a_dry_run_writes_nothing(project: Path) -> None:
    before = sorted(project.rglob("*.csv"))
    ran = train(project, "--method svm --dataset digits --seed 0 --dry-run --checkpoint-dir ckpt")
    assert ran.returncode == 0, ran.stderr
    assert sorted(project.rglob("*.csv")) == before
    assert not (project / "ckpt").exists()


def test_the_mirror_is_down_on_the_first_attempt_and_back_on_the_second(project: Path) -> None:
    asked = "--method logreg --dataset cancer --seed 0 --source mirror"
    first = train(project, asked, AUTOLAB_ID="m", AUTOLAB_ATTEMPT="1")
    assert first.returncode == 75
    assert first.stderr.endswith(": Connection refused\n")
    assert train(project, asked, AUTOLAB_ID="m", AUTOLAB_ATTEMPT="2").returncode == 0


def test_the_hopeless_one_ends_with_a_traceback(project: Path) -> None:
    ran = train(project, "--method svm --dataset cancer --seed 0 --require 1.01")
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith("ValueError: f1 0.")
    assert not (project / "out" / "result.csv").exists()


@pytest.fixture(scope="module")
def lab() -> tuple[Settings, dict[str, Spec]]:
    """The demo's settings and its experiments by id, as autolab reads them."""
    demo = data("templates") / "demo"
    text = (demo / "autolab.yaml").read_text().format(schema="x.json", project="demo", environment="/a folder/.venv")
    settings = check_settings(read_yaml(text.encode(), "autolab.yaml", InvalidSettings))
    written = read_yaml((demo / "experiments.yaml").read_bytes(), "experiments.yaml", InvalidSpec)
    return settings, {spec.id: spec for spec in admit(written, settings, {})}


def test_the_demo_is_a_valid_lab_of_twenty_experiments_on_two_slots(lab: tuple[Settings, dict[str, Spec]]) -> None:
    settings, specs = lab
    assert settings.hosts["local"].slots == 2
    assert len(specs) == 20
    assert specs["demo-svm_digits_main_s2"].command == (
        "python train.py --method svm --dataset digits --seed 2 --out experiments/results/demo-svm_digits_main_s2.csv"
    )


def test_the_script_knows_the_arguments_of_every_kind_of_experiment(
    lab: tuple[Settings, dict[str, Spec]], project: Path
) -> None:
    _, specs = lab
    for name in ("demo-svm_digits_main_s2", "demo-mirror_digits_baseline_s0", "demo-hopeless_cancer_ablation_s0"):
        program, asked = specs[name].command.split("train.py")
        assert program == "python "
        assert f"--out {specs[name].result_file}" in asked
        assert train(project, asked + " --dry-run", AUTOLAB_ATTEMPT="2").returncode == 0
