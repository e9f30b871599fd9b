"""Which hosts are checked and when, what a check means, and what waits for which: decided on the table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autolab.model.action import Check
from autolab.model.event import CheckBegun, HostChecked
from autolab.model.observation import Look
from autolab.model.readiness import Checked, HostReport, Stage, Step
from autolab.model.state import HostStatus, Resources, Status
from autolab.model.wish import Ask
from autolab.rules.readiness import is_pending, told
from autolab.rules.tick import Decision
from tests.builders import T0, Table, a_host, a_host_plan, a_plan, a_sighting, a_spec, an_entry, of_kind, seconds

READY = HostReport(python="3.12.1")
BROKEN = HostReport(failed=Step.CREATE, why="no space", output="line 1\nline 2")
WRONG = HostReport(failed=Step.DRY_RUN, why="the dry run failed")


def a_table(*entries: Any, **policies: Any) -> Table:
    """h1 has an environment, h2 needs none."""
    plan = a_plan(a_host_plan("h1", environment="env-1"), a_host_plan("h2"), backoff_s=(30.0, 120.0), **policies)
    return Table(*(entries or (an_entry(spec=a_spec(host="h1")),)), plan=plan)


def begun(made: Decision) -> list[str]:
    return [event.host for event in of_kind(made.events, CheckBegun)]


def comes_back(table: Table, report: HostReport | None, host: str = "h1", **more: Any) -> Decision:
    number = more.pop("number", table.state.readiness[host].number)
    sighting = more.pop("sighting", None) or a_sighting(at=table.now, host=a_host())
    return table.tick(checked=(Checked(host=host, number=number, sighting=sighting, report=report),), **more)


@pytest.mark.rule("B26", "1.18")
def test_a_host_with_an_environment_is_checked_before_its_first_launch_and_one_without_is_not() -> None:
    table = a_table(an_entry("a", spec=a_spec("a", host="h1")), an_entry("b", spec=a_spec("b", host="h2")))
    made = table.tick()
    assert begun(made) == ["h1"]
    assert [action.host for action in of_kind(made.actions, Check)] == ["h1"]
    assert (table.entry("a").open_run, table.run_of("b").host) == (None, "h2")
    comes_back(table, READY)
    assert table.run_of("a").host == "h1"
    assert table.state.hosts["h1"].status is HostStatus.READY


@pytest.mark.rule("B26")
def test_a_host_to_which_nothing_wants_to_go_is_not_checked() -> None:
    assert begun(a_table(an_entry(spec=a_spec(host="h2"))).tick()) == []
    assert begun(a_table(an_entry(spec=a_spec(resources=Resources(gpus=1)))).tick()) == []
    assert begun(a_table().tick(code=None)) == []
    table = a_table()
    table.plan = replace(table.plan, launching="another clone drives")
    assert begun(table.tick()) == []


def test_a_check_under_way_is_not_begun_again_and_one_that_nobody_is_at_goes_on_under_its_number() -> None:
    table = a_table()
    table.tick()
    assert table.tick(checking=frozenset({"h1"})).actions == []
    again = table.tick()
    assert (begun(again), [action.host for action in of_kind(again.actions, Check)]) == ([], ["h1"])
    assert table.state.readiness["h1"].number == 1


@pytest.mark.rule("1.20", "1.18")
def test_an_environment_that_cannot_be_made_is_tried_three_times_and_asked_about_once() -> None:
    table = a_table()
    table.tick()
    assert comes_back(table, BROKEN).wake_at == T0 + seconds(30)
    assert begun(table.after(29)) == []
    assert begun(table.after(1)) == ["h1"]
    comes_back(table, BROKEN)
    assert begun(table.after(120)) == ["h1"]
    assert table.questions() == []
    comes_back(table, BROKEN)
    question = next(iter(table.state.questions.values()))
    assert (question.reason, question.about) == ("env_failed", "host:h1")
    assert question.seen == "no space\n\nline 1\nline 2"
    assert [option.name for option in question.options] == ["again", "accept", "drain"]
    for _ in range(3):
        made = table.after(1000)
        assert (made.events, made.actions) == ([], [])
    assert len(table.state.questions) == 1


@pytest.mark.rule("1.18")
def test_what_may_go_elsewhere_does_and_then_nobody_is_asked() -> None:
    table = a_table(an_entry(), check_tries=1)
    table.tick()
    assert table.run_of().host == "h2"
    table = a_table(an_entry("a", spec=a_spec("a", host="h*")), check_tries=1)
    table.plan = a_plan(a_host_plan("h1", environment="e"), a_host_plan("h2", environment="e"), check_tries=1)
    assert begun(table.tick()) == ["h1", "h2"]
    comes_back(table, BROKEN)
    assert table.questions() == []
    comes_back(table, READY, host="h2")
    assert (table.run_of("a").host, table.questions()) == ("h2", [])


@pytest.mark.rule("B25", "1.22")
@pytest.mark.parametrize(
    ("change", "checked"),
    [
        ({}, []),
        ({"code": "code-2"}, []),
        ({"environment": "env-2"}, ["h1"]),
        ({"after": 86_400.0}, ["h1"]),
    ],
)
def test_a_ready_host_is_checked_again_when_its_environment_changes_or_time_has_run_out(
    change: dict[str, Any], checked: list[str]
) -> None:
    table = a_table()
    table.tick()
    comes_back(table, READY)
    table.state.entries["e2"] = an_entry("e2", spec=a_spec("e2", host="h1"))
    table.plan = a_plan(a_host_plan("h1", environment=change.get("environment", "env-1")))
    assert begun(table.after(change.get("after", 1.0), code=change.get("code", "code-1"))) == checked


@pytest.mark.rule("1.22")
def test_a_failed_host_is_checked_again_when_the_code_changes_and_its_question_goes_when_it_is_ready() -> None:
    table = a_table(check_tries=1)
    table.tick()
    comes_back(table, WRONG)
    assert table.questions() == ["env_failed"]
    assert begun(table.tick(code="code-2")) == ["h1"]
    comes_back(table, READY, code="code-2")
    assert (table.questions(), table.run_of().host) == ([], "h1")


def test_what_another_try_cannot_help_is_not_tried_again() -> None:
    table = a_table()
    table.tick()
    comes_back(table, WRONG)
    assert table.state.readiness["h1"].stage is Stage.FAILED


def test_a_word_of_an_earlier_check_is_no_news() -> None:
    table = a_table()
    table.tick()
    assert of_kind(comes_back(table, READY, number=0).events, HostChecked) == []


def test_a_host_that_does_not_answer_is_asked_again_after_its_back_off_under_the_same_number() -> None:
    table = a_table()
    table.tick()
    made = comes_back(table, None, sighting=a_sighting(Look.UNREACHABLE, reason="no route"))
    assert [event.report.why for event in of_kind(made.events, HostChecked)] == ["unreachable: no route"]
    assert (table.state.hosts["h1"].status, of_kind(made.actions, Check)) == (HostStatus.UNREACHABLE, [])
    assert of_kind(table.after(29).actions, Check) == []
    assert len(of_kind(table.after(1).actions, Check)) == 1
    assert (table.state.readiness["h1"].number, table.state.readiness["h1"].tries) == (1, 1)
    made = comes_back(table, None, sighting=a_sighting(Look.NO_SPACE, at=table.now, reason="disk full"))
    assert (table.state.hosts["h1"].status, of_kind(made.actions, Check)) == (HostStatus.TROUBLED, [])


@pytest.mark.parametrize(("option", "stage"), [("again", Stage.CHECKING), ("accept", Stage.READY)])
def test_an_answer_checks_it_again_or_takes_it_as_it_is(option: str, stage: Stage) -> None:
    table = a_table(check_tries=1)
    table.tick()
    comes_back(table, BROKEN)
    table.wish(Ask.DECIDE, question="host-h1-1", option=option)
    assert (table.state.readiness["h1"].stage, table.questions()) == (stage, [])
    assert (table.entry().open_run is not None) == (stage is Stage.READY)


def test_a_drained_host_is_not_asked_about_again() -> None:
    table = a_table(check_tries=1)
    table.tick()
    comes_back(table, BROKEN)
    table.wish(Ask.DECIDE, question="host-h1-1", option="drain")
    assert (table.questions(), table.state.hosts["h1"].status) == ([], HostStatus.DRAINED)
    assert table.after(60).events == []


def test_a_person_may_have_any_host_checked_and_gets_what_is_under_way() -> None:
    table = a_table(an_entry(spec=a_spec(host="h2", command="python train.py")))
    table.plan = replace(table.plan, launching="another clone drives")
    made = table.wish(Ask.CHECK, "h1", "h2", context={"dry_run": True})
    assert begun(made) == ["h1", "h2"]
    assert [known.thorough for known in table.state.readiness.values()] == [True, True]
    assert {name: known.sample for name, known in table.state.readiness.items()} == {"h1": "", "h2": "e1"}
    table.wish(Ask.CHECK, "h1")
    assert (table.state.readiness["h1"].number, table.state.readiness["h1"].stage) == (1, Stage.CHECKING)
    assert table.outcome(Ask.CHECK, "h9").startswith("refused: unknown-name")


def test_the_sample_is_the_first_that_still_waits_and_may_go_there() -> None:
    entries = [
        an_entry("done", Status.DONE),
        an_entry("late", spec=a_spec("late", stage=2)),
        an_entry("else", spec=a_spec("else", host="h9")),
        an_entry("theirs", spec=a_spec("theirs", executor="external")),
    ]
    table = Table(*entries, plan=a_plan(launching="no"))
    table.wish(Ask.CHECK, "h1", context={"dry_run": True})
    assert table.state.readiness["h1"].sample == "late"


def test_a_failed_check_closes_a_host_without_an_environment_too() -> None:
    table = Table(an_entry(spec=a_spec(host="h1")), plan=a_plan(launching="not yet"))
    table.wish(Ask.CHECK, "h1")
    comes_back(table, HostReport(failed=Step.HOST, why="links: no hard links"))
    table.plan = a_plan()
    assert table.after(1).actions == []
    assert table.questions() == ["env_failed"]


def test_what_state_json_tells_of_it_counts_the_next_try() -> None:
    table = a_table()
    table.tick()
    assert is_pending(table.state)
    known = table.state.readiness["h1"]
    assert told(known, table.plan.policies)["tries"] == 1
    comes_back(table, BROKEN)
    said = told(table.state.readiness["h1"], table.plan.policies)
    assert (said["stage"], said["tries"], said["of"], said["why"]) == ("wanted", 2, 3, "no space")
    assert said["not_before"] == "2026-11-20T10:44:42Z"
