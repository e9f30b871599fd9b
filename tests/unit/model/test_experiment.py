"""Experiments as people write them, as what the engine runs."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from autolab.model.experiment import Item, phase_name, result_path, same_spec, spec_diff, spec_of
from autolab.model.settings import Defaults
from autolab.model.state import Resources, Spec

BASE = {
    "id": "e1", "command": "python train.py", "expected_duration_hours": 2, "phase": "Phase 4", "group": "main",
    "method": "m", "dataset": "d", "seed": 0,
}  # fmt: skip


def spec(defaults: dict[str, Any] | None = None, **more: Any) -> Spec:
    item = Item.model_validate({**BASE, **more})
    return spec_of(item, Defaults.model_validate(defaults or {}))


def test_an_experiment_has_its_own_word_before_the_defaults() -> None:
    defaults = {"max_retries": 1, "priority": 5, "host": "gpu*", "env": {"A": "1", "B": "2"}, "resources": {"cpus": 4}}
    found = spec(defaults, priority=0, env={"B": 3}, resources={"mem": "8GB", "walltime": "02:00:00"})
    assert (found.max_retries, found.priority, found.host) == (1, 0, "gpu*")
    assert found.env == {"A": "1", "B": "3"}
    assert found.resources == Resources(cpus=4, gpus=0, mem_mib=8192, walltime_s=7200)


def test_gpu_0_is_a_gpu() -> None:
    found = spec(gpu=0)
    assert found.gpu == 0
    assert found.resources.gpus == 1
    assert spec().gpu is None


@pytest.mark.rule("1.30")
def test_every_key_of_the_entry_that_people_may_write_is_kept() -> None:
    kept = {
        "early_stop_check_after": 3, "early_stop_threshold_pct": 1.5, "early_stop_metric": "acc", "git_commit": "abc",
        "pbs_script_path": "x.sh", "gadi_walltime_hours": 3.0, "duration_basis": "pilot", "paper_reported": 93.1,
        "experiment_id": "E1",
    }  # fmt: skip
    found = spec(**kept, notes="n", checkpoint_dir="~/ckpt", extra={"mine": [1, {"a": None}]})
    assert found.extra == {**kept, "mine": [1, {"a": None}]}
    assert (found.notes, found.checkpoint_dir) == ("n", "~/ckpt")


@pytest.mark.rule("1.32")
@pytest.mark.parametrize("group", ["Main", "MAIN", "main ", "main+ablation", "", "control", None, ["main"]])
def test_a_group_is_exactly_one_of_four_words(group: object) -> None:
    for good in ("main", "baseline", "ablation", "analysis"):
        assert spec(group=good).group == good
    if group is not None:
        with pytest.raises(ValidationError):
            spec(group=group)


@pytest.mark.rule("B19")
@pytest.mark.parametrize("hours", [0, -1, float("inf"), float("nan"), "2", True, 1e9])
def test_an_expected_duration_is_a_finite_number_above_zero(hours: object) -> None:
    with pytest.raises(ValidationError):
        spec(expected_duration_hours=hours)


@pytest.mark.rule("B60")
def test_a_result_file_is_a_path_inside_the_project() -> None:
    assert spec(result_file="./experiments//results/e1.csv").result_file == "experiments/results/e1.csv"
    for bad in ("/abs/x.json", "../x", "a/../../x", "~/x", "-x", ".", "dispatch/state.json", ".git/config", "a\nb", ""):
        with pytest.raises((ValidationError, ValueError)):
            spec(result_file=bad)
    with pytest.raises(ValueError, match="belongs to autolab or git"):
        result_path("Dispatch/x.json")


@pytest.mark.rule("B68")
@pytest.mark.parametrize(
    ("given", "kept", "name", "archived"),
    [
        ("Phase 4", "Phase 4", "4", False),
        ("4", "4", "4", False),
        (8, "8", "8", False),
        ("pilot", "pilot", "pilot", False),
        ("Phase 4 (archived)", "Phase 4 (archived)", "4", True),
    ],
)
def test_a_phase_is_kept_as_written_and_compared_by_its_name(
    given: object, kept: str, name: str, archived: bool
) -> None:
    assert spec(phase=given).phase == kept
    assert phase_name(kept) == (name, archived)


BAD: list[dict[str, Any]] = [
    {"seed": "1"}, {"seed": True}, {"seed": 1.5}, {"method": 3}, {"command": " \n"}, {"command": "a\0b"}, {"gpu": -1},
    {"gpu": True}, {"gpu": "$(x)"}, {"max_retries": 10**9}, {"env": {"A B": "x"}}, {"env": {"A": None}},
    {"env": {"A": "a\0"}}, {"phase": ""}, {"extra": {"status": "done"}}, {"extra": {"seed": 1}}, {"stage": 0},
    {"name": "x"}, {"executor": "agent"}, {"status": "done"},
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_has_no_sense_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec(**bad)


@pytest.mark.parametrize(
    "command", ["echo 'a' \"b\"", "a\nb\n", "$(rm -rf /) `x` | tee é > {x}", "x" * 100_000, "\ttab"]
)
def test_a_command_is_any_text_and_stays_as_it_is(command: str) -> None:
    assert spec(command=command).command == command


def test_the_same_design_written_otherwise_is_the_same() -> None:
    one = spec(env={"A": "1"}, resources={"walltime": "2h"}, depends_on=["x"])
    two = spec(env={"A": 1}, resources={"walltime": "02:00:00"}, depends_on=["x", "x"])
    assert same_spec(one, two)


def test_a_difference_is_told_key_by_key() -> None:
    one = spec(env={"A": "1", "B": "2"}, resources={"cpus": 1}, extra={"mine": 1})
    two = spec(env={"A": "1", "C": "3"}, resources={"cpus": 2}, priority=4, extra={"mine": None})
    assert spec_diff(one, two) == {
        "env.B": ("2", None), "env.C": (None, "3"), "resources.cpus": (1, 2), "priority": (0, 4), "mine": (1, None)
    }  # fmt: skip
