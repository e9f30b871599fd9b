"""What state.json still tells of a lab whose record is gone, and what it cannot tell."""

from __future__ import annotations

from typing import Any

import pytest

from autolab.model.documents import entry_document, host_document, question_document
from autolab.model.state import DispatchState, Entry, HostState, HostStatus, Option, Question, Status
from autolab.rules.salvage import salvaged
from tests.builders import LAB, T0, a_claimed_run, a_spec, a_staged_run, an_ended_run, an_entry, plain

ASKED = Question(
    id="bad-2", about="bad", reason="undiagnosed_crash", seen="Killed", did="", asked_at=T0, attempt=2,
    options=(Option(name="retry", effect="again"),),
)  # fmt: skip


def shown(*entries: Entry) -> dict[str, Any]:
    """``state.json`` of these."""
    hosts = [HostState(name="h1", status=HostStatus.DRAINED, why="fans"), HostState(name="h2")]
    head = {"project": "p", "lab": LAB, "journal_seq": 41, "questions": [question_document(ASKED)]}
    return plain(
        {
            **head,
            "hosts": [host_document(host) for host in hosts],
            "experiments": [entry_document(entry) for entry in entries],
        }
    )


def read(*entries: Entry) -> tuple[DispatchState, list[str]]:
    return salvaged(shown(*entries), LAB, {"bad": 2}, T0)


@pytest.mark.rule("B10")
def test_what_ended_stays_ended_and_its_question_open() -> None:
    bad = an_entry("bad", Status.FAILED, an_ended_run(2, "bad", 1), kind="undiagnosed", question="bad-2", retry_count=1)
    state, _ = read(bad, an_entry("good", Status.DONE, an_ended_run(1, "good"), result={"path": "r.csv"}))
    assert (state.project, state.lab, state.seq, state.asked) == ("p", LAB, 41, {"bad": 2})
    after = state.entries["bad"]
    assert (after.status, after.attempt, after.kind, after.retry_count) == (Status.FAILED, 2, "undiagnosed", 1)
    assert (state.entries["good"].status, state.entries["good"].result) == (Status.DONE, {"path": "r.csv"})
    assert {q.id: (q.reason, q.seen) for q in state.questions.values()} == {"bad-2": ("undiagnosed_crash", "Killed")}
    assert {name: host.status for name, host in state.hosts.items()} == {"h1": HostStatus.DRAINED}


@pytest.mark.parametrize(
    ("entry", "attempt"),
    [
        (an_entry("e1"), 0),
        (an_entry("e1", Status.RUNNING, a_claimed_run(3)), 2),
        (an_entry("e1", Status.UNREACHABLE, a_claimed_run(3)), 2),
        (an_entry("e1", Status.ON_HOLD, a_claimed_run(3)), 2),
        (an_entry("e1", Status.PENDING, a_staged_run(1), substatus="launching"), 0),
        (an_entry("e1", Status.PENDING, an_ended_run(3, judged=True)), 3),
    ],
)
def test_what_may_be_under_way_waits_at_the_attempt_before_so_that_its_host_can_tell(
    entry: Entry, attempt: int
) -> None:
    state, unknown = read(entry)
    after = state.entries["e1"]
    assert (after.status, after.attempt, after.run) == (Status.PENDING, attempt, None)
    assert any(f"e1.{entry.attempt}" in line for line in unknown) is (attempt < entry.attempt)


def test_an_external_one_is_as_its_executor_said() -> None:
    spec = a_spec("x", executor="external")
    state, _ = read(an_entry("x", Status.RUNNING, spec=spec, attempt=1))
    assert (state.entries["x"].status, state.entries["x"].spec.executor) == (Status.RUNNING, "external")


def test_a_design_comes_back_but_for_what_is_not_shown() -> None:
    spec = a_spec("e1", host="gpu*", depends_on=("e0",), priority=3, notes="n", env={"A": "1"})
    state, unknown = read(an_entry("e1", spec=spec))
    after = state.entries["e1"].spec
    assert (after.command, after.host, after.depends_on, after.priority) == (spec.command, "gpu*", ("e0",), 3)
    assert after.env == {}
    assert any("`env`" in line for line in unknown)


def test_an_entry_that_makes_no_sense_is_said_and_the_others_are_read() -> None:
    document = shown(an_entry("e1"))
    document["experiments"] += [{"id": "e2", "status": "odd"}, {"id": "e3"}, 7]
    state, unknown = salvaged(document, LAB, {}, T0)
    assert set(state.entries) == {"e1"}
    assert [line.split(":")[0] for line in unknown[:3]] == ["experiment e2", "experiment e3", "experiment 7"]
