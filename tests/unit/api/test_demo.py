from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

from autolab.api.demo import demo, is_over, result_table
from autolab.api.project import Project
from autolab.errors import AskedWrong
from autolab.model.settings import Settings
from autolab.model.state import DispatchState, Entry, Question, Spec, Status
from autolab.store.layout import Layout
from tests.builders import T0, a_spec


def an_entry(spec: Spec, status: Status) -> Entry:
    return Entry(spec=spec, status=status, since=T0, added_at=T0)


def test_the_table_has_mean_spread_and_count_of_the_main_groups_done_experiments(tmp_path: Path) -> None:
    values = [0.9, 0.8, 0.95]
    entries = []
    for seed in range(len(values)):
        name = f"experiments/results/r{seed}.csv"
        entries.append({"id": f"r{seed}", "status": "done", "group": "main", "result_file": name})
    entries.append({**entries[0], "id": "base", "group": "baseline"})
    entries.append({**entries[0], "id": "open", "status": "running"})
    layout = Layout(tmp_path, None, "0123456789abcdef")
    layout.results.mkdir(parents=True)
    for seed, value in enumerate(values):
        text = f"exp_id,method,dataset,group,metric,seed,value\nr{seed},svm,digits,main,f1,{seed},{value}\n"
        (layout.results / f"r{seed}.csv").write_text(text)
    layout.dispatch.mkdir()
    layout.state.write_text(json.dumps({"format": 1, "experiments": entries}))
    table = result_table(Project(layout, Settings(project="demo"), {}))
    assert [(line["method"], line["dataset"], line["metric"], line["n"]) for line in table] == [
        ("svm", "digits", "f1", 3)
    ]
    assert table[0]["mean"] == pytest.approx(statistics.fmean(values))
    assert table[0]["sd"] == pytest.approx(statistics.stdev(values))


def test_it_is_over_when_all_has_ended_or_waits_for_an_answer() -> None:
    state = DispatchState(project="demo", lab="0" * 32)
    state.entries["a"] = an_entry(a_spec("a"), Status.DONE)
    assert is_over(state)
    state.entries["b"] = an_entry(a_spec("b"), Status.ON_HOLD)
    assert not is_over(state)
    state.questions["b-1"] = Question(
        id="b-1", about="b", reason="r", seen="", did="", options=(), asked_at=T0, attempt=1
    )
    assert is_over(state)
    state.entries["c"] = an_entry(a_spec("c"), Status.PENDING)
    assert not is_over(state)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(AskedWrong, match="not a lab"):
        demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
