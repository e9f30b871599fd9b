"""What agents say of experiments: whose they are, and what they escalate."""

from __future__ import annotations

from typing import Any

import pytest

from autolab.model import event as e
from autolab.model.observation import Authority, Escalation
from autolab.model.state import Adopting, Status
from autolab.model.wish import Ask
from tests.builders import Table, a_sidecar, a_spec, a_staged_run, a_wish, an_entry

RUNS = {"status": "running", "pid": 4711, "host": "lab1"}


def kinds(events: list[e.Event]) -> list[str]:
    return [type(event).__name__ for event in events]


@pytest.mark.rule("1.1", "1.60")
def test_what_an_agent_runs_already_is_its_own_and_is_not_launched() -> None:
    table = Table(an_entry("e1"))
    events = table.tick(a_sidecar("e1", Authority.AGENT, **RUNS)).events
    assert kinds(events) == ["Observed", "Amended", "Started"]
    assert table.entry().spec.executor == "external"
    assert table.entry().status is Status.RUNNING
    assert "an agent runs it already (pid 4711 on lab1)" in events[1].why


@pytest.mark.rule("1.60")
@pytest.mark.parametrize(
    "cells",
    [{"status": "running", "pid": None, "job_id": None}, {"status": "pending", "pid": 7}, {"status": "done", "pid": 7}],
)
def test_a_bare_word_claims_nothing(cells: dict[str, Any]) -> None:
    table = Table(an_entry("e1"))
    assert "LaunchIntended" in kinds(table.tick(a_sidecar("e1", Authority.AGENT, **cells)).events)
    assert table.entry().spec.executor == "autolab"


@pytest.mark.rule("1.60")
def test_what_was_launched_by_us_stays_ours_whoever_says_running() -> None:
    table = Table(an_entry("e1", run=a_staged_run()))
    table.tick(a_sidecar("e1", Authority.AGENT, attempt=1, **RUNS))
    assert table.entry().spec.executor == "autolab"


@pytest.mark.rule("1.60")
def test_a_process_that_a_person_adopts_is_not_the_agents() -> None:
    process = Adopting(host="h1", pid=4711, start_ticks=100)
    table = Table(an_entry("e1", adopting=process))
    table.tick(a_sidecar("e1", Authority.AGENT, **RUNS))
    assert table.entry().spec.executor == "autolab"


@pytest.mark.rule("1.60")
def test_a_word_from_before_an_experiment_was_added_keeps_it_from_being_launched_in_that_tick() -> None:
    table = Table()
    wish = a_wish(Ask.ADD, specs=(a_spec("e1"), a_spec("e2")))
    stray = a_sidecar("e1", Authority.AGENT, **RUNS)
    events = table.tick(strays={"e1": stray}, wishes=(wish,)).events
    assert kinds(events)[:4] == ["Added", "Added", "WishSettled", "Amended"]
    assert [event.id for event in events if isinstance(event, e.LaunchIntended)] == ["e2"]
    assert kinds(table.tick(stray).events)[:2] == ["Observed", "Started"]


@pytest.mark.rule("1.34")
def test_an_escalation_is_asked_about_once_for_each_text() -> None:
    table = Table(an_entry("e1", spec=a_spec("e1", executor="external")))
    first = Escalation(id="e1", text="reason: disk_full", digest="d1")
    asked = table.tick(escalations=(first, Escalation(id="nobody", text="x", digest="d"))).events
    assert kinds(asked) == ["Noted", "QuestionAsked"]
    assert table.state.questions["e1-1"].seen == "reason: disk_full"
    assert table.tick(escalations=(first,)).events == []
    later = table.after(300, escalations=(Escalation(id="e1", text="reason: quota", digest="d2"),)).events
    assert kinds(later) == ["Noted", "QuestionRepeated"]
