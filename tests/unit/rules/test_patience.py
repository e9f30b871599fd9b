"""What takes long or is silent often: asked about, parked, looked at, and never ended for it."""

from __future__ import annotations

from typing import Any

import pytest

from autolab.model.action import Signal
from autolab.model.observation import Look, Sighting
from autolab.model.plan import PatiencePlan
from autolab.model.state import Status
from autolab.model.wish import Ask
from autolab.rules.patience import is_news, levels_passed, ran_s
from autolab.rules.tick import Decision
from tests.builders import T0, Table, a_claim, a_host, a_sighting, a_spec, acts, alive, an_entry, of_kind, seconds

HOUR = 3600.0


def running() -> Table:
    lab = Table(an_entry())  # expected to take two hours
    lab.start()
    return lab


def looks(lab: Table, ran: float, **more: Any) -> Decision:
    """A look that sees it alive after ``ran`` hours of its host's clock."""
    return lab.look(alive(claim=lab.claim_of(), ran_s=ran * HOUR, **more))


def silent(lab: Table, missed: int, looked: int) -> Decision:
    return lab.look(a_sighting(Look.NO_ANSWER, reason="cut", missed=missed, looks=looked))


def question(lab: Table) -> str:
    return next(iter(lab.state.questions))


# --- longer than expected --------------------------------------------------------------------------------------------


@pytest.mark.rule("1.36", "B18")
def test_at_twice_the_expected_time_it_is_parked_alive_and_asked_about_and_nothing_is_signalled() -> None:
    lab = running()
    looks(lab, 3.9)
    assert (lab.entry().status, lab.questions()) == (Status.RUNNING, [])
    made = looks(lab, 4.0)
    assert (lab.entry().status, lab.entry().substatus, lab.questions()) == (Status.ON_HOLD, "timeout", ["timeout"])
    assert lab.entry().open_run is not None
    assert of_kind(made.actions, Signal) == []
    assert "watch" in acts(lab.after(60)), "it is still looked at"


@pytest.mark.rule("1.36", "B18")
def test_a_parked_run_that_ends_well_is_done_and_its_question_is_closed() -> None:
    lab = running()
    looks(lab, 4.5)
    lab.finish()
    assert (lab.entry().status, lab.questions()) == (Status.DONE, [])


@pytest.mark.rule("1.36", "B28")
def test_at_three_times_the_same_question_is_said_again_and_no_new_one_is_asked() -> None:
    lab = running()
    looks(lab, 4.5)
    first = question(lab)
    looks(lab, 5.0)
    assert lab.state.questions[first].again == 0
    looks(lab, 6.0)
    assert list(lab.state.questions) == [first]
    assert lab.state.questions[first].again == 1
    assert "3.0 times" in lab.state.questions[first].again_seen


@pytest.mark.rule("1.36")
def test_who_lets_it_run_is_asked_again_at_three_times_and_then_at_each_doubling() -> None:
    lab = running()
    asked = []
    for hours in range(1, 30):
        looks(lab, float(hours))
        if lab.state.questions:
            asked.append(hours)
            lab.wish(Ask.DECIDE, question=question(lab), option="wait")
            assert lab.entry().status is Status.RUNNING
    assert asked == [4, 6, 12, 24]


@pytest.mark.rule("B19")
def test_the_clock_is_the_commands_own_and_the_queue_before_it_does_not_count() -> None:
    lab = Table(an_entry())
    lab.after(100 * HOUR)
    lab.start()
    lab.now += seconds(30 * HOUR)
    looks(lab, 3.0)
    assert lab.questions() == []
    claim = a_claim(start_ticks=100_000)
    assert ran_s(claim, a_host(uptime_s=1360.0)) == 360.0
    assert ran_s(claim, a_host("boot-2", uptime_s=1360.0)) == 0.0, "another boot's clock says nothing"
    assert ran_s(claim, a_host(uptime_s=3.0)) == 0.0
    assert ran_s(None, a_host()) == 0.0


@pytest.mark.rule("B19")
def test_where_the_host_tells_no_time_it_counts_from_the_claim_that_was_seen() -> None:
    lab = running()
    lab.now += seconds(4.1 * HOUR)
    looks(lab, 0.0)
    assert lab.questions() == ["timeout"]


def test_what_a_person_holds_or_ends_is_not_asked_about() -> None:
    for ask in (Ask.HOLD, Ask.CANCEL):
        lab = running()
        lab.wish(ask, "e1")
        looks(lab, 9.0)
        assert lab.questions() == []


@pytest.mark.rule("1.36", "1.45")
def test_restart_ends_it_first_and_only_a_proven_end_is_followed_by_a_new_attempt() -> None:
    lab = running()
    looks(lab, 4.5)
    made = lab.wish(Ask.DECIDE, question=question(lab), option="restart")
    assert acts(made)["signal"] == ("e1",)
    assert (lab.entry().status, lab.entry().attempt, lab.questions()) == (Status.ON_HOLD, 1, [])
    looks(lab, 4.6)
    assert lab.entry().attempt == 1, "it still lives"
    lab.finish(0)  # it caught the signal and left with 0: nothing may be built upon that
    lab.tick()
    assert (lab.entry().attempt, lab.entry().retry_count, lab.entry().decision) == (2, 0, None)


@pytest.mark.rule("1.36")
def test_stop_ends_it_and_it_is_cancelled_when_its_end_is_seen() -> None:
    lab = running()
    looks(lab, 4.5)
    assert "signal" in acts(lab.wish(Ask.DECIDE, question=question(lab), option="stop"))
    lab.finish(143)
    assert lab.entry().status is Status.CANCELLED


def test_levels_are_those_of_the_settings_and_then_double() -> None:
    patience = PatiencePlan(overdue=1.5, remind=4)
    passed = [levels_passed(multiple, patience) for multiple in (0, 1.4, 1.5, 3.9, 4, 7.9, 8, 16)]
    assert passed == [0, 0, 1, 1, 2, 2, 3, 4]


# --- no answer -------------------------------------------------------------------------------------------------------


@pytest.mark.rule("1.63", "B50")
def test_three_silent_looks_in_a_row_park_it_and_ask_and_never_fail_it() -> None:
    lab = running()
    for number in range(1, 4):
        lab.now += seconds(1800)
        silent(lab, number, 100)
        assert lab.questions() == (["unreachable"] if number == 3 else [])
    assert (lab.entry().status, lab.entry().attempt) == (Status.ON_HOLD, 1)
    for number in range(4, 8):
        lab.now += seconds(1800)
        silent(lab, number, 100)
    assert [q.again for q in lab.state.questions.values()] == [4]
    assert lab.entry().open_run is not None


@pytest.mark.rule("1.63", "B18", "B21")
def test_what_was_parked_for_silence_runs_on_when_its_host_answers() -> None:
    lab = running()
    for number in range(1, 4):
        lab.now += seconds(1800)
        silent(lab, number, 100)
    looks(lab, 1.0)
    assert (lab.entry().status, lab.entry().substatus, lab.questions()) == (Status.RUNNING, "", [])


@pytest.mark.rule("1.63", "B18")
def test_an_answer_of_the_host_does_not_unpark_what_is_parked_for_its_time() -> None:
    lab = running()
    looks(lab, 4.5)
    for number in range(1, 4):
        lab.now += seconds(1800)
        silent(lab, number, 100)
    assert lab.questions() == ["timeout", "unreachable"]
    looks(lab, 4.9)
    assert (lab.entry().status, lab.questions()) == (Status.ON_HOLD, ["timeout"])


@pytest.mark.rule("1.63")
@pytest.mark.parametrize(
    ("missed", "looked", "asked"),
    [(5, 100, False), (6, 100, True), (1, 4, False), (1, 5, False), (2, 5, True), (20, 100, True)],
)
def test_silence_now_and_then_is_asked_about_by_number_and_by_share(missed: int, looked: int, asked: bool) -> None:
    lab = running()
    lab.now += seconds(1800)
    silent(lab, missed, looked)
    assert lab.questions() == (["intermittent"] if asked else [])
    assert lab.entry().status is (Status.ON_HOLD if asked else Status.UNREACHABLE)


@pytest.mark.rule("1.63")
def test_a_host_that_answers_no_more_at_all_is_one_question_and_its_answer_ends_it() -> None:
    lab = running()
    lab.now += seconds(1800)
    silent(lab, 2, 8)
    assert lab.questions() == ["intermittent"]
    for missed in (3, 4, 5):
        lab.now += seconds(1800)
        silent(lab, missed, 100)
    assert lab.questions() == ["unreachable"]
    looks(lab, 1.0)
    assert (lab.entry().status, lab.questions()) == (Status.RUNNING, [])


@pytest.mark.rule("1.63")
def test_who_waits_is_asked_again_after_as_many_more_silent_looks() -> None:
    lab = running()
    silent(lab, 6, 20)
    lab.wish(Ask.DECIDE, question=question(lab), option="wait")
    assert lab.entry().status is Status.RUNNING
    for missed, asked in ((9, []), (11, []), (12, ["intermittent"])):
        lab.now += seconds(1800)
        looks(lab, 1.0)
        lab.now += seconds(1800)
        silent(lab, missed, missed + 9)
        assert lab.questions() == asked


# --- a log that does not grow ----------------------------------------------------------------------------------------


def test_a_silent_log_is_asked_about_and_no_more_when_it_grows_and_the_run_is_not_parked() -> None:
    lab = running()
    began = lab.now
    lab.now += seconds(1.9 * HOUR)
    looks(lab, 1.9, grew_at=began, log_size=7)
    assert lab.questions() == []
    lab.now += seconds(0.2 * HOUR)
    looks(lab, 2.1, grew_at=began, log_size=7)
    assert (lab.entry().status, lab.questions()) == (Status.RUNNING, ["stalled"])
    looks(lab, 2.2, grew_at=lab.now, log_size=9)
    assert lab.questions() == []
    grown = lab.now
    lab.now += seconds(2 * HOUR)
    looks(lab, 2.3, grew_at=grown, log_size=9)
    assert lab.questions() == ["stalled"]


def test_who_lets_a_silent_run_go_on_is_asked_again_after_twice_the_silence() -> None:
    lab = running()
    began, asked = lab.now, []
    for hours in range(1, 12):
        lab.now = began + seconds(hours * HOUR)
        looks(lab, 1.0, grew_at=began)
        if lab.state.questions:
            asked.append(hours)
            lab.wish(Ask.DECIDE, question=question(lab), option="wait")
    assert asked == [2, 4, 8]


# --- what a look must tell -------------------------------------------------------------------------------------------


def at(minutes: float, ran: float = 0.0, grew: float = 0.0) -> Sighting:
    return alive(at=T0 + seconds(minutes * 60), ran_s=ran * HOUR, grew_at=T0 + seconds(grew * 60))


@pytest.mark.parametrize(
    ("before", "now", "news"),
    [
        (at(0, 1.0), at(5, 1.1), False),
        (at(0, 1.0), at(30, 1.5, 30), True),
        (at(0, 3.99), at(5, 4.0), True),
        (at(0, 4.1), at(5, 4.2), False),
        (at(0, 5.9), at(5, 6.0), True),
        (at(115), at(119), False),
        (at(115), at(121), True),
        (at(119), at(121, 0, 120), False),
    ],
)
def test_a_dull_look_is_news_when_a_clock_says_so(before: Sighting, now: Sighting, news: bool) -> None:
    assert is_news(before, now, 2 * HOUR, PatiencePlan()) is news


# --- a phase that is over --------------------------------------------------------------------------------------------


@pytest.mark.rule("1.45")
def test_what_outlasts_its_phase_by_a_day_is_asked_about_once_and_only_its_proven_end_closes_it() -> None:
    lab = Table(an_entry("e1", spec=a_spec("e1", expected_duration_hours=500.0)))
    lab.start()
    lab.state.entries["e2"] = an_entry("e2", spec=a_spec("e2", phase="Phase 5"))
    lab.after(60)
    lab.now += seconds(23 * HOUR)
    looks(lab, 23.0)
    assert lab.questions() == []
    lab.now += seconds(2 * HOUR)
    looks(lab, 25.0)
    assert lab.questions() == ["old_phase"]
    assert lab.outcome(Ask.RETRY, "e1").startswith("refused: needs-person"), "nothing proves it over"
    lab.wish(Ask.DECIDE, question=question(lab), option="stop")
    assert lab.entry().status is Status.RUNNING
    lab.finish(143)
    assert lab.entry().status is Status.CANCELLED
