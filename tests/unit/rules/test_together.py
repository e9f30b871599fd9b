"""Questions about many: a phase whose time is over, a group that fails, what is parked before the findings."""

from __future__ import annotations

import pytest

from autolab.model.event import EngineReturned
from autolab.model.state import DispatchState, Status
from autolab.model.transitions import fold
from autolab.model.wish import Ask
from autolab.rules.subjects import group_of, phase_of
from autolab.rules.together import parked_before_synthesis
from tests.builders import T0, Table, a_host_plan, a_plan, a_spec, a_state, an_entry, ended, seconds

DAY = 86400.0


def question(lab: Table) -> str:
    return next(iter(lab.state.questions))


# --- the time of a phase ---------------------------------------------------------------------------------------------


@pytest.mark.rule("1.35", "B20")
def test_three_days_after_its_first_dispatch_a_phase_that_is_not_over_is_asked_about() -> None:
    lab = Table(an_entry("e1"), an_entry("e2"), plan=a_plan(a_host_plan(slots=1)))
    lab.after(5 * DAY, code=None)
    assert lab.questions() == [], "nothing was dispatched"
    lab.start("e1")
    dispatched = lab.now
    assert lab.after(3 * DAY - 1).wake_at == dispatched + seconds(3 * DAY)
    assert lab.questions() == []
    lab.after(1)
    assert lab.questions() == ["poll_72h"]
    assert "e1 (running), e2 (pending)" in lab.state.questions[question(lab)].seen
    assert lab.entry("e1").status is Status.RUNNING, "nothing is done about it"


@pytest.mark.rule("1.35")
def test_who_extends_is_asked_again_after_as_long() -> None:
    lab = Table(an_entry("e1"))
    lab.start("e1")
    lab.after(3 * DAY)
    lab.wish(Ask.DECIDE, question=question(lab), option="extend")
    lab.after(3 * DAY - 1)
    assert lab.questions() == []
    lab.after(1)
    assert lab.questions() == ["poll_72h"]


@pytest.mark.rule("1.35", "B18")
def test_who_goes_on_without_them_parks_what_runs_and_an_end_still_counts() -> None:
    lab = Table(an_entry("e1"), an_entry("e2"), plan=a_plan(a_host_plan(slots=1)))
    lab.start("e1")
    lab.after(3 * DAY)
    lab.wish(Ask.DECIDE, question=question(lab), option="park")
    assert [lab.entry(e).status for e in ("e1", "e2")] == [Status.ON_HOLD, Status.ON_HOLD]
    assert lab.entry("e1").open_run is not None
    lab.after(9 * DAY)
    assert lab.questions() == []
    lab.finish()
    assert lab.entry("e1").status is Status.DONE


@pytest.mark.rule("1.35")
def test_a_phase_that_has_ended_is_not_asked_about_and_one_taken_up_again_has_a_new_clock() -> None:
    lab = Table(an_entry("e1"))
    lab.start("e1")
    lab.finish()
    lab.after(4 * DAY)
    assert (lab.questions(), dict(lab.state.patience)) == ([], {})
    lab.state.entries["e2"] = an_entry("e2")
    lab.after(1)
    lab.start("e2")
    lab.after(2 * DAY)
    assert lab.questions() == []


@pytest.mark.rule("1.35", "B20")
def test_time_without_an_engine_counts_neither_against_a_phase_nor_against_who_is_asked() -> None:
    lab = Table(an_entry("e1"))
    lab.start("e1")
    fold(lab.state, EngineReturned(at=lab.now, away_s=2 * DAY))
    lab.after(4 * DAY)
    assert lab.questions() == []
    lab.after(1 * DAY)
    assert lab.questions() == ["poll_72h"]


def test_names_of_phases_make_good_file_names_and_stay_apart() -> None:
    phases = ["Phase 4", "phase-4", "Phase-4", "../x", "", "Ünïcode", "a" * 99, "a" * 98]
    names = [phase_of(an_entry(spec=a_spec(phase=phase))) for phase in phases]
    assert len(set(names)) == len(phases)
    assert all(len(name) < 60 and name.replace(":", "").replace("-", "").isalnum() and name.isascii() for name in names)


# --- a group that fails ----------------------------------------------------------------------------------------------


def failing(failed: int, waiting: int, done: int = 0) -> Table:
    """A lab whose group has so many of each, with the next failure still to come."""
    entries = [an_entry(f"f{n}", Status.FAILED, kind="nan_loss") for n in range(failed - 1)]
    entries += [an_entry("last"), *(an_entry(f"d{n}", Status.DONE) for n in range(done))]
    entries += [an_entry(f"w{n}") for n in range(waiting)]
    lab = Table(*entries, plan=a_plan(a_host_plan(slots=1)))
    lab.start("last")
    lab.look(ended(3, claim=lab.claim_of("last")), "last", code=None)  # its place is not taken yet
    lab.collect("last", tail="boom")
    return lab


@pytest.mark.rule("1.74")
@pytest.mark.parametrize(
    ("failed", "waiting", "done", "asks"), [(4, 3, 0, True), (4, 2, 2, False), (2, 1, 0, False), (3, 2, 0, True)]
)
def test_a_group_of_which_more_than_half_failed_is_paused_and_asked_about(
    failed: int, waiting: int, done: int, asks: bool
) -> None:
    lab = failing(failed, waiting, done)
    assert ("group_failing" in lab.questions()) is asks
    started = [e.id for e in lab.state.entries.values() if e.id.startswith("w") and e.attempt]
    assert bool(started) is not asks


@pytest.mark.rule("1.74")
def test_a_paused_group_goes_on_when_a_person_says_so_and_is_not_asked_about_at_each_failure() -> None:
    lab = failing(4, 3)
    asked = next(q.id for q in lab.state.questions.values() if q.reason == "group_failing")
    assert "nan_loss 3 (f0, f1, f2)" in lab.state.questions[asked].seen
    lab.wish(Ask.DECIDE, question=asked, option="go_on")
    assert lab.entry("w0").attempt == 1
    lab.start("w0")
    lab.finish(3, "w0")
    assert "group_failing" not in lab.questions()
    lab.tick()
    assert lab.entry("w1").attempt == 1


@pytest.mark.rule("1.74")
@pytest.mark.parametrize(("option", "after"), [("hold", Status.ON_HOLD), ("cancel", Status.CANCELLED)])
def test_the_rest_of_a_paused_group_can_be_held_or_cancelled(option: str, after: Status) -> None:
    lab = failing(4, 3)
    asked = next(q.id for q in lab.state.questions.values() if q.reason == "group_failing")
    assert lab.outcome(Ask.DECIDE, question=asked, option=option).startswith("ok")
    assert {lab.entry(f"w{n}").status for n in range(3)} == {after}
    assert "group_failing" not in lab.questions()


@pytest.mark.rule("1.74")
def test_another_group_is_launched_meanwhile() -> None:
    lab = failing(4, 2)
    lab.state.entries["other"] = an_entry("other", spec=a_spec("other", group="baseline"))
    lab.after(60)
    assert lab.entry("other").attempt == 1
    assert lab.entry("w0").attempt == 0


@pytest.mark.rule("1.74")
def test_the_question_goes_when_retries_end_well() -> None:
    lab = failing(3, 2)
    assert "group_failing" in lab.questions()
    asked = next(q.id for q in lab.state.questions.values() if q.about == "last")
    lab.wish(Ask.DECIDE, question=asked, option="retry")
    assert "group_failing" not in lab.questions(), "two of five failed now"


def test_a_group_is_counted_within_its_phase() -> None:
    assert group_of(an_entry(spec=a_spec(phase="a"))) != group_of(an_entry(spec=a_spec(phase="b")))


# --- before the findings ---------------------------------------------------------------------------------------------


def ask_before(state: DispatchState) -> list[str]:
    about = phase_of(next(iter(state.entries.values())))
    for happened in list(parked_before_synthesis(state, about, T0)):
        fold(state, happened)
    return [question.reason for question in state.questions.values()]


@pytest.mark.rule("1.37", "B17")
def test_what_is_parked_when_all_else_has_ended_is_asked_about_once() -> None:
    done, held = an_entry("e1", Status.DONE), an_entry("e2", Status.ON_HOLD)
    assert ask_before(a_state(done)) == []
    assert ask_before(a_state(done, held, an_entry("e3", Status.RUNNING))) == []
    state = a_state(done, held)
    assert ask_before(state) == ["on_hold_before_synthesis"]
    assert ask_before(state) == ["on_hold_before_synthesis"]


@pytest.mark.rule("1.37", "1.45")
def test_elsewhere_ends_what_may_live_first_and_releases_what_never_ran() -> None:
    lab = Table(an_entry("e1"), an_entry("e2"), plan=a_plan(a_host_plan("h1"), a_host_plan("h2")))
    lab.start("e1")
    where = lab.run_of("e1").host
    lab.wish(Ask.HOLD, "e1", "e2")
    for happened in list(parked_before_synthesis(lab.state, phase_of(lab.entry("e1")), lab.now)):
        fold(lab.state, happened)
    if lab.entry("e2").open_run is None:
        assert lab.questions() == ["on_hold_before_synthesis"]
    lab.wish(Ask.DECIDE, question=question(lab), option="elsewhere")
    assert lab.entry("e1").attempt == 1, "it may still live"
    assert lab.entry("e1").decision is not None
    lab.finish(143, "e1")
    lab.tick()
    assert (lab.entry("e1").attempt, lab.run_of("e1").host != where) == (2, True)


@pytest.mark.rule("1.37")
def test_partial_changes_nothing_and_cancel_cancels_what_is_parked() -> None:
    for option, after in (("partial", Status.ON_HOLD), ("cancel", Status.CANCELLED)):
        lab = Table(an_entry("e1", Status.DONE), an_entry("e2"))
        lab.wish(Ask.HOLD, "e2")
        for happened in list(parked_before_synthesis(lab.state, phase_of(lab.entry("e1")), lab.now)):
            fold(lab.state, happened)
        lab.wish(Ask.DECIDE, question=question(lab), option=option)
        assert (lab.entry("e2").status, lab.questions()) == (after, [])
