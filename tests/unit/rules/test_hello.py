"""A host that was silent is asked whether it is there before an attempt is meant for it."""

from __future__ import annotations

from typing import Any

import pytest

from autolab.model.action import Hello, Stage
from autolab.model.observation import Look
from autolab.model.state import EndHow, HostState, HostStatus, Status
from tests.builders import T0, Table, a_claimed_run, a_host_plan, a_plan, a_sighting, a_spec, a_state, an_entry, seconds


def silent(*entries: Any, **host: Any) -> Table:
    """A lab whose only host was silent once, half a minute before its back-off is over."""
    state = {"status": HostStatus.UNREACHABLE, "misses": 1, "missed_at": T0, "not_before": T0 + seconds(30), **host}
    return Table(state=a_state(*entries, hosts={"h1": HostState(name="h1", **state)}))


@pytest.mark.rule("B21")
def test_while_a_host_is_silent_no_back_off_costs_an_attempt_and_each_asks_once() -> None:
    lab = silent(an_entry("e1"))
    assert lab.after(29).actions == []
    waits = []
    for _ in range(3):
        until = lab.state.hosts["h1"].not_before
        assert until is not None
        lab.now = until
        assert lab.tick().actions == [Hello("h1", why="silent so far")]
        assert lab.tick(busy=frozenset({"h1"})).actions == []
        assert lab.tick(hellos={"h1": a_sighting(Look.UNREACHABLE, lab.now, reason="no route")}).actions == []
        again = lab.state.hosts["h1"].not_before
        assert again is not None
        waits.append((again - lab.now).total_seconds())
    assert waits == [120, 600, 1800]
    assert (lab.entry("e1").attempt, lab.entry("e1").status) == (0, Status.PENDING)


def test_one_that_answered_gets_what_waits_at_once() -> None:
    lab = silent(an_entry("e1"))
    made = lab.after(30, hellos={"h1": a_sighting(at=T0 + seconds(30))})
    assert lab.state.hosts["h1"].status is HostStatus.READY
    assert [type(action) for action in made.actions] == [Stage]
    assert lab.entry("e1").attempt == 1


def test_a_login_that_is_refused_is_asked_about() -> None:
    lab = silent(an_entry("e1"))
    lab.after(30, hellos={"h1": a_sighting(Look.REFUSED, T0 + seconds(30), reason="key refused")})
    assert [q.reason for q in lab.state.questions.values()] == ["host_refused"]


@pytest.mark.parametrize(
    "lab",
    [
        silent(),
        silent(an_entry("e1", spec=a_spec("e1", host="elsewhere"))),
        silent(an_entry("e1"), status=HostStatus.DRAINED),
        silent(an_entry("e1"), status=HostStatus.REFUSED),
    ],
)
def test_nobody_is_asked_for_whom_nothing_waits_or_who_is_out_of_use(lab: Table) -> None:
    assert lab.after(30).actions == []


def test_what_runs_there_is_looked_at_and_that_is_question_enough() -> None:
    lab = silent(an_entry("e1"), an_entry("e2", Status.UNREACHABLE, a_claimed_run(ident="e2")))
    assert [type(action).__name__ for action in lab.after(30).actions] == ["Watch"]


def test_the_first_attempt_that_nobody_heard_of_is_the_last_until_somebody_answers() -> None:
    lab = Table(an_entry("e1"), plan=a_plan(a_host_plan()))
    lab.tick()
    lab.look(a_sighting(Look.UNREACHABLE, lab.now, reason="no route", untouched=True), "e1")
    run = lab.entry("e1").run
    assert run is not None
    assert run.end is not None
    assert run.end.how is EndHow.WITHDRAWN
    for _ in range(5):
        lab.after(3600)
        assert lab.entry("e1").attempt == 1
