"""Checkpoints go only of what is done and stored elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from autolab.model.observation import Authority
from autolab.model.state import Entry, Status
from autolab.rules.checkpoints import checkpoints
from tests.builders import T0, Table, a_run, a_sidecar, a_spec, a_state, an_ended_run, an_entry, seconds

STORED = {"hf_artifact_url": "https://hub.example.org/e1"}


def done(ident: str = "e1", path: str = "checkpoints/e1", **said: Any) -> Entry:
    entry = an_entry(
        ident,
        Status.DONE,
        spec=a_spec(ident, checkpoint_dir=path),
        run=an_ended_run(ident=ident, judged=True),
        finished_at=T0,
    )
    table = Table(entry)
    table.tick(a_sidecar(ident, Authority.SCRIPT, attempt=1, seq=1, **said))
    return table.entry(ident)


def verdicts(*entries: Entry, after: float = 1) -> dict[str, str]:
    return {one.id: one.kept for one in checkpoints(a_state(*entries), T0 + seconds(after))}


@pytest.mark.rule("1.66")
def test_a_done_experiment_with_an_artifact_gives_its_checkpoints_up() -> None:
    assert verdicts(done(**STORED)) == {"e1": ""}
    found = checkpoints(a_state(done(**STORED)), T0 + seconds(1))[0]
    assert (found.path, found.folder) == ("checkpoints/e1", an_ended_run().project_dir)


@pytest.mark.rule("1.66")
def test_without_an_artifact_they_stay_and_why_is_said() -> None:
    assert "no artifact is recorded" in verdicts(done())["e1"]
    assert "no artifact is recorded" in verdicts(done(hf_artifact_url=" "))["e1"]
    assert "no artifact is recorded" in verdicts(done(hf_artifact_url=None))["e1"]


def test_what_is_young_or_not_done_is_not_spoken_of() -> None:
    assert verdicts(done(**STORED), after=0) == {}
    failed = an_entry(
        "e2", Status.FAILED, spec=a_spec("e2", checkpoint_dir="c"), run=an_ended_run(ident="e2", judged=True)
    )
    assert verdicts(failed) == {}


@pytest.mark.parametrize("path", ["/scratch/c", "~/c", "../c", "a/../../c", "."])
def test_a_folder_outside_the_project_is_left_to_its_owner(path: str) -> None:
    assert "yours to remove" in verdicts(done(path=path, **STORED))["e1"]


@pytest.mark.parametrize("path", ["checkpoints/e1", "checkpoints", "checkpoints/e1/deep"])
def test_a_folder_that_another_experiment_uses_stays(path: str) -> None:
    other = an_entry("e2", Status.RUNNING, spec=a_spec("e2", checkpoint_dir=path), run=a_run(ident="e2"))
    assert verdicts(done(**STORED), other) == {"e1": "e2 uses it, too"}
    assert verdicts(done(**STORED), done("e3", path, **STORED)) == {"e1": "", "e3": ""}
