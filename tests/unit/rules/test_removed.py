"""Attempts on hosts that left the settings: a question, once, and never a guess."""

from __future__ import annotations

import pytest

from autolab.model.plan import LabPlan
from autolab.model.state import HostState, HostStatus, Run, Status
from autolab.model.wish import Ask
from tests.builders import Table, a_claimed_run, a_host_plan, a_plan, a_staged_run, a_state, an_ended_run, an_entry


def a_lab_without(run: Run, status: Status) -> tuple[Table, LabPlan]:
    """A lab whose only attempt is on a host that left, and the plan in which it stood."""
    before = a_plan()
    state = a_state(an_entry("e1", status, run), hosts={"h1": HostState(name="h1", status=HostStatus.READY)})
    lab = Table(state=state, plan=a_plan(a_host_plan("other")))
    return lab, before


@pytest.mark.parametrize(
    ("run", "status", "after", "reason"),
    [
        (a_claimed_run(), Status.RUNNING, Status.UNREACHABLE, "host_removed"),
        (a_claimed_run(), Status.ON_HOLD, Status.ON_HOLD, "host_removed"),
        (a_staged_run(), Status.PENDING, Status.PENDING, "host_removed"),
        (an_ended_run(), Status.RUNNING, Status.RUNNING, "result_out_of_reach"),
    ],
)
def test_what_is_open_on_a_host_that_left_the_settings_is_asked_about_once(
    run: Run, status: Status, after: Status, reason: str
) -> None:
    lab, before = a_lab_without(run, status)
    lab.tick()
    assert lab.entry("e1").status is after
    (question,) = lab.state.questions.values()
    assert question.reason == reason
    assert "h1 is not in autolab.yaml any more" in question.seen
    assert lab.after(60).events == []
    lab.wish(Ask.DECIDE, question=question.id, option="wait")
    assert lab.after(60).events == []
    lab.plan = before
    lab.after(60)
    assert not lab.state.questions
    lab.plan = a_plan(a_host_plan("other"))
    lab.after(60)
    assert [q.reason for q in lab.state.questions.values()] == [reason]


def test_a_question_that_was_not_answered_is_withdrawn_when_the_host_is_back() -> None:
    lab, before = a_lab_without(a_claimed_run(), Status.RUNNING)
    lab.tick()
    lab.plan = before
    lab.after(60)
    assert not lab.state.questions
    assert lab.state.hosts["h1"].status is HostStatus.READY


@pytest.mark.parametrize(("option", "after"), [("abandon", Status.PENDING), ("cancel", Status.CANCELLED)])
def test_a_person_may_close_it_on_their_word(option: str, after: Status) -> None:
    lab, _ = a_lab_without(a_claimed_run(), Status.RUNNING)
    lab.tick()
    (question,) = lab.state.questions
    lab.wish(Ask.DECIDE, question=question, option=option)
    lab.after(1)
    assert lab.entry("e1").status is after
    assert not lab.state.questions


def test_an_end_whose_files_are_out_of_reach_may_be_cancelled() -> None:
    lab, _ = a_lab_without(an_ended_run(), Status.RUNNING)
    lab.tick()
    (question,) = lab.state.questions
    lab.wish(Ask.DECIDE, question=question, option="cancel")
    assert lab.entry("e1").status is Status.CANCELLED
