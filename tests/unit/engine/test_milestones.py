"""Which events make a commit on the person's branch."""

from __future__ import annotations

import pytest

from autolab.engine.milestones import files_of, milestone
from autolab.model import event as e
from autolab.model.state import Status
from tests.builders import T0, a_spec, a_state, an_entry


def done(ident: str) -> e.Succeeded:
    return e.Succeeded(at=T0, id=ident, attempt=1)


@pytest.mark.rule("1.49")
def test_the_last_end_of_a_group_is_a_milestone_and_the_one_before_is_none() -> None:
    state = a_state(an_entry("a", Status.DONE), an_entry("b", Status.RUNNING))
    assert milestone(state, [done("a")]) is None
    state.entries["b"] = an_entry("b", Status.FAILED)
    assert milestone(state, [e.Failed(at=T0, id="b", attempt=1, kind="lost")]) == "dispatch: group main done"


@pytest.mark.rule("1.44")
def test_new_experiments_are_committed_together_with_their_pages() -> None:
    added = [e.Added(at=T0, id=ident, spec=a_spec(ident)) for ident in ("a", "b")]
    state = a_state(an_entry("a"), an_entry("b"))
    assert milestone(state, added) == "dispatch: add 2 experiments"
    assert {"experiments/logs/a.md", "experiments/logs/b.md", "dispatch/state.json"} <= set(files_of(state, added))


@pytest.mark.rule("1.44")
def test_an_archived_pilot_does_not_hold_up_its_group() -> None:
    state = a_state(an_entry("old", Status.PENDING, archived=True), an_entry("new", Status.DONE))
    assert milestone(state, [done("new")]) == "dispatch: group main done"


def test_a_decision_is_a_milestone_and_a_question_that_closed_by_itself_is_none() -> None:
    closed = e.QuestionClosed(at=T0, id="a", question="a-1", option="retry")
    state = a_state(an_entry("a"))
    assert milestone(state, [closed]) == "decision: a-1 retry"
    assert milestone(state, [e.QuestionClosed(at=T0, id="a", question="a-1")]) is None
