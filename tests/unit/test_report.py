"""What a training script reports reaches its run's file whole, and never ends the training."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import autolab.report
from autolab.report import report, where

pytestmark = pytest.mark.usefixtures("in_a_run")


@pytest.fixture
def in_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("AUTOLAB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AUTOLAB_ID", "lr_a_main_s0")
    monkeypatch.setenv("AUTOLAB_ATTEMPT", "1")
    monkeypatch.setenv("AUTOLAB_PROJECT_DIR", str(tmp_path))


@pytest.fixture
def run_json(tmp_path: Path) -> Path:
    return tmp_path / "dispatch" / "lr_a_main_s0.run.json"


def said(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.mark.rule("B15")
def test_a_report_lands_in_the_run_file_under_the_project(run_json: Path) -> None:
    assert report(step=3, loss=0.5, wandb_run_id="abc")
    assert said(run_json).items() >= {"id": "lr_a_main_s0", "attempt": 1, "seq": 1, "step": 3, "loss": 0.5}.items()


@pytest.mark.rule("B16")
def test_a_report_never_touches_the_sidecar(run_json: Path) -> None:
    sidecar = run_json.with_name("lr_a_main_s0.status.json")
    run_json.parent.mkdir()
    sidecar.write_text("{}")
    report(status="done")
    assert sidecar.read_text() == "{}"
    assert sorted(p.name for p in run_json.parent.iterdir()) == [run_json.name, sidecar.name]


def test_reports_of_one_attempt_add_up_and_are_counted(run_json: Path) -> None:
    report(step=1, loss=0.5)
    report(step=2, wandb_run_id=None)
    assert said(run_json).items() >= {"seq": 2, "step": 2, "loss": 0.5, "wandb_run_id": None}.items()


def test_a_later_attempt_starts_from_nothing(run_json: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report(step=9)
    monkeypatch.setenv("AUTOLAB_ATTEMPT", "2")
    report(loss=1.0)
    assert "step" not in said(run_json)
    assert said(run_json)["seq"] == 1


def test_a_path_given_by_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOLAB_RUN_JSON", str(tmp_path / "elsewhere.json"))
    assert where() == tmp_path / "elsewhere.json"


def test_outside_a_lab_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOLAB_ID")
    monkeypatch.chdir(tmp_path)
    assert not report(step=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ([1, (2, float("inf"))], [1, [2, "inf"]]),
        ({1: {2: None}}, {"1": {"2": None}}),
        (Path("a/b"), "a/b"),
        ("äö\n", "äö\n"),
        (True, True),
    ],
)
def test_what_json_cannot_say_is_said_in_words(run_json: Path, value: Any, written: Any) -> None:
    assert report(value=value)
    assert said(run_json)["value"] == written


def test_numbers_of_numpy_are_plain_numbers(run_json: Path) -> None:
    numpy = pytest.importorskip("numpy")
    assert report(loss=numpy.float32(0.5), steps=numpy.int64(3), curve=numpy.array([1.0, numpy.nan]))
    assert said(run_json).items() >= {"loss": 0.5, "steps": 3, "curve": [1.0, "nan"]}.items()


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_a_value_without_a_text_keeps_the_last_report(run_json: Path) -> None:
    report(step=1)
    assert not report(step=Unspeakable())
    assert said(run_json)["step"] == 1


def test_a_folder_that_cannot_be_made_does_not_raise(tmp_path: Path) -> None:
    (tmp_path / "dispatch").write_text("in the way")
    assert not report(step=1)


def test_a_damaged_file_is_replaced(run_json: Path) -> None:
    run_json.parent.mkdir()
    run_json.write_text('{"step": ')
    assert report(step=2)
    assert said(run_json)["step"] == 2


def test_a_reader_never_sees_half_a_report(run_json: Path) -> None:
    report(text="x" * 100_000)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            report(text="x" * 100_000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(200):
            assert len(said(run_json)["text"]) == 100_000
    finally:
        stop.set()
        writer.join()


def test_a_copy_of_the_file_works_without_autolab(tmp_path: Path, run_json: Path) -> None:
    shutil.copy(autolab.report.__file__, tmp_path / "report.py")
    script = "import sys; from report import report; print(report(step=1), 'autolab' in sys.modules)"
    isolated = [sys.executable, "-S", "-c", script]
    out = subprocess.run(isolated, cwd=tmp_path, capture_output=True, text=True, check=True, env=os.environ.copy())
    assert out.stdout.split() == ["True", "False"]
    assert said(run_json)["step"] == 1


def test_the_file_is_written_for_python_3_8() -> None:
    import ast

    ast.parse(Path(autolab.report.__file__).read_text(), feature_version=(3, 8))
