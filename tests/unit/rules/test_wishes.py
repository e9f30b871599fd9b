"""What people ask for: all of a wish or nothing, once, and a refusal that names its rule."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from autolab.model import event as e
from autolab.model.observation import Look
from autolab.model.state import TERMINAL, HostState, HostStatus, Status
from autolab.model.transitions import fold_all
from autolab.model.wish import Ask
from autolab.rules.answers import answer
from tests.builders import (
    T0,
    Table,
    a_claimed_run,
    a_plan,
    a_run,
    a_sidecar,
    a_sighting,
    a_spec,
    a_state,
    a_wish,
    an_ended_run,
    an_entry,
    of_kind,
)

ENTRIES = [
    an_entry("fresh"),
    an_entry("launching", run=a_run(ident="launching")),
    an_entry("running", Status.RUNNING, run=a_claimed_run(ident="running")),
    an_entry("lost", Status.UNREACHABLE, run=a_claimed_run(ident="lost")),
    an_entry("collecting", Status.RUNNING, run=an_ended_run(ident="collecting")),
    an_entry("parked", Status.ON_HOLD),
    an_entry("parkedrun", Status.ON_HOLD, run=a_claimed_run(ident="parkedrun")),
    an_entry("ended", Status.DONE, run=an_ended_run(ident="ended", judged=True)),
    an_entry("failed", Status.FAILED, run=an_ended_run(ident="failed", status=1, judged=True)),
    an_entry("cancelled", Status.CANCELLED),
    an_entry("foreign", Status.UNREACHABLE, spec=a_spec("foreign", executor="external")),
    an_entry("foreigndone", Status.DONE, spec=a_spec("foreigndone", executor="external")),
]


def everybody() -> Any:
    return a_state(*ENTRIES, hosts={"h1": HostState(name="h1", status=HostStatus.READY)})


@pytest.mark.rule("B11", "B22")
@pytest.mark.parametrize("abandon", [False, True])
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
@pytest.mark.parametrize("ask", [Ask.CANCEL, Ask.HOLD, Ask.RELEASE, Ask.RETRY])
def test_whatever_is_asked_of_whatever_stands_is_done_or_refused_and_never_breaks(
    ask: Ask, entry: Any, abandon: bool
) -> None:
    state = everybody()
    for wish in (a_wish(ask, entry.id, entry.id, abandon=abandon), a_wish(ask, "fresh", entry.id, id="w2")):
        events = answer(state, wish, a_plan(), T0)
        settled = events[-1]
        assert isinstance(settled, e.WishSettled)
        assert settled.outcome.startswith(("ok: ", "refused: "))
        fold_all(state, events)
        assert answer(state, wish, a_plan(), T0) == [], "the same wish again"


@pytest.mark.parametrize("ident", [entry.id for entry in ENTRIES])
def test_a_new_design_of_whatever_stands_is_taken_or_refused_and_never_breaks(ident: str) -> None:
    state = everybody()
    before = state.entries[ident]
    wish = a_wish(Ask.ADD, specs=(a_spec(ident, executor=before.spec.executor, notes="new"),), update=True)
    fold_all(state, answer(state, wish, a_plan(), T0))
    taken = state.entries[ident].spec.notes == "new"
    assert taken is (before.attempt == 0 and before.status not in TERMINAL | {Status.UNREACHABLE})
    assert state.entries[ident].status is before.status


def test_a_wish_is_done_whole_or_not_at_all() -> None:
    lab = Table(an_entry("e1"), an_entry("e2"))
    before = dict(lab.state.entries)
    assert lab.outcome(Ask.CANCEL, "e1", "ghost", code=None).startswith("refused: unknown-name: ")
    assert {ident: entry.decision for ident, entry in lab.state.entries.items()} == dict.fromkeys(before)


def test_a_refusal_names_the_rule_and_what_to_do() -> None:
    lab = Table(an_entry("e1", Status.DONE, run=an_ended_run(judged=True)))
    outcome = lab.outcome(Ask.CANCEL, "e1")
    assert outcome == "refused: illegal-transition: e1 is done already (autolab retry e1 runs it again)"
    running = Table(an_entry("e1", Status.RUNNING, run=a_claimed_run()))
    assert "--abandon" in running.outcome(Ask.RETRY, "e1")
    assert running.outcome(Ask.RETRY, "e1").startswith("refused: needs-person: ")


@pytest.mark.rule("B11")
def test_a_wish_with_a_known_id_acts_once() -> None:
    lab = Table(an_entry("e1", Status.FAILED, run=an_ended_run(status=1, judged=True)))
    wish = a_wish(Ask.RETRY, "e1")
    lab.tick(wishes=(wish, wish))
    lab.tick(wishes=(wish,))
    assert len(of_kind(lab.made, e.RetryAsked)) == 1
    assert len(of_kind(lab.made, e.WishSettled)) == 1


def test_an_experiment_is_added_once_and_the_same_again_is_no_news() -> None:
    lab = Table()
    assert lab.outcome(Ask.ADD, specs=(a_spec("a"), a_spec("b"))) == "ok: add a, b"
    assert lab.outcome(Ask.ADD, specs=(a_spec("a"),)) == "ok: nothing to change"
    assert list(lab.state.entries) == ["a", "b"]


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        ((a_spec("A"),), "by case only"),
        ((a_spec("b"), a_spec("B")), "by case only"),
        ((a_spec("b"), a_spec("b")), "stands twice"),
        ((a_spec("a", notes="other"),), "another design"),
    ],
)
def test_what_cannot_be_added_is_refused_and_nothing_of_it_is(specs: Any, words: str) -> None:
    lab = Table(an_entry("a"))
    outcome = lab.outcome(Ask.ADD, specs=(a_spec("new"), *specs))
    assert outcome.startswith("refused: invalid-spec: ")
    assert words in outcome
    assert list(lab.state.entries) == ["a"]


def test_the_design_of_what_was_attempted_is_fixed() -> None:
    lab = Table(an_entry("a", run=a_run(ident="a")))
    assert "its design is fixed" in lab.outcome(Ask.ADD, specs=(a_spec("a", notes="new"),), update=True)


def asked() -> tuple[Table, str]:
    """A lab with a question about a claim that vanished."""
    lab = Table(an_entry())
    lab.start()
    lab.look(a_sighting())
    (number,) = lab.state.questions
    return lab, number


def test_an_answer_closes_its_question_and_does_what_it_says() -> None:
    lab, number = asked()
    made = lab.wish(Ask.DECIDE, question=number, option="abandon", note="rebooted it myself")
    closed = of_kind(made.events, e.QuestionClosed)[0]
    assert (closed.option, closed.note, closed.actor) == ("abandon", "rebooted it myself", "ana")
    assert of_kind(made.events, e.Ended)[0].actor == "ana"
    assert lab.entry().attempt == 2


def test_an_answer_of_cancel_closes_the_attempt_and_the_experiment() -> None:
    lab, number = asked()
    lab.wish(Ask.DECIDE, question=number, option="cancel")
    assert lab.entry().status is Status.CANCELLED
    assert lab.state.questions == {}


def test_an_answer_is_bound_to_what_was_asked() -> None:
    lab, number = asked()
    digest = lab.state.questions[number].digest
    before = deepcopy(lab.state.entries)
    refused = lab.outcome(Ask.DECIDE, question=number, option="abandon", context={"digest": "another"})
    assert refused.startswith("refused: illegal-transition: ")
    assert lab.outcome(Ask.DECIDE, question=number, option="burn").startswith("refused: unknown-name: ")
    assert lab.outcome(Ask.DECIDE, question="e1-9", option="abandon").startswith("refused: unknown-name: ")
    assert lab.state.entries == before
    assert lab.outcome(Ask.DECIDE, question=number, option="wait", context={"digest": digest}).startswith("ok: ")


def test_an_old_answer_does_not_close_a_newer_attempt() -> None:
    lab, number = asked()
    question = lab.state.questions[number]
    lab.wish(Ask.RETRY, "e1", abandon=True)
    assert lab.entry().attempt == 2
    lab.state.questions[number] = question
    lab.wish(Ask.DECIDE, question=number, option="abandon")
    assert lab.run_of().end is None


@pytest.mark.parametrize(("option", "after"), [("accept", Status.DONE), ("reject", Status.FAILED)])
def test_a_person_confirms_or_rejects_an_executors_word(option: str, after: Status) -> None:
    lab = Table(an_entry(spec=a_spec(executor="external")))
    lab.tick(a_sidecar(status="done"))
    (number,) = lab.state.questions
    lab.wish(Ask.DECIDE, question=number, option=option)
    assert (lab.entry().status, lab.state.questions) == (after, {})


def test_retry_answers_a_failure() -> None:
    lab = Table(an_entry())
    lab.start()
    lab.finish(1)
    (number,) = lab.state.questions
    lab.wish(Ask.DECIDE, question=number, option="retry")
    assert (lab.entry().attempt, lab.entry().status, lab.state.questions) == (2, Status.PENDING, {})


def test_a_drained_host_gets_nothing_more_until_it_is_resumed() -> None:
    lab = Table(an_entry())
    lab.wish(Ask.DRAIN, "h1", code=None)
    assert lab.state.hosts["h1"].status is HostStatus.DRAINED
    lab.after(3600)
    assert lab.entry().run is None
    lab.wish(Ask.RESUME, "h1")
    assert lab.run_of().host == "h1"
    assert lab.outcome(Ask.DRAIN, "ghost").startswith("refused: unknown-name: ")


def test_what_runs_on_a_drained_host_is_looked_at_and_a_look_does_not_undo_it() -> None:
    lab = Table(an_entry())
    lab.start()
    lab.wish(Ask.DRAIN, "h1")
    lab.look(a_sighting(Look.NO_ANSWER, reason="cut"))
    assert lab.state.hosts["h1"].status is HostStatus.DRAINED
    lab.finish(0)
    assert lab.entry().status is Status.DONE


def test_a_cancellation_leaves_the_question_of_an_unknown_end_open() -> None:
    lab, number = asked()
    lab.wish(Ask.CANCEL, "e1")
    assert list(lab.state.questions) == [number]
    assert lab.entry().status is not Status.CANCELLED
