"""The verdict on an attempt that is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from autolab.model import event as e
from autolab.model.event import Event
from autolab.model.observation import Authority
from autolab.model.plan import Policies
from autolab.model.reasons import REASONS
from autolab.model.state import End, EndHow, Entry, HostState, HostStatus, Layer, Remark, Run, Status
from autolab.rules.outcome import conclude, needs_collecting, result_is_late, words
from tests.builders import T0, a_plan, a_run, a_spec, a_state, an_ended_run, an_entry, of_kind, seconds

LATER = T0 + seconds(600)


def over(run: Run, found: str = "none", tail: str = "", **more: Any) -> Entry:
    said = {"collected": {"result": found}, "log_tail": tail}
    layers = {Authority.EXECUTOR.value: Layer(1, "d", said)}
    return an_entry(status=Status.RUNNING, run=run, layers=layers, **more)


def verdict(entry: Entry, host: HostState | None = None) -> list[Event]:
    state = a_state(entry, hosts={"h1": host} if host else {})
    return list(conclude(state, entry, a_plan(), LATER))


def at_last(how: EndHow = EndHow.EXIT, status: int | None = None, after: float = 600) -> Run:
    return an_ended_run(end=End(how=how, at=T0 + seconds(after), status=status, detail="so"))


@pytest.mark.rule("1.62")
def test_status_0_is_done_and_without_a_declared_result_says_so() -> None:
    (event,) = verdict(over(at_last(status=0)))
    assert isinstance(event, e.Succeeded)
    assert event.result is None
    assert "no result declared" in event.why
    (event,) = verdict(over(at_last(status=0), "fresh", spec=a_spec(result_file="r.csv")))
    assert isinstance(event, e.Succeeded)
    assert event.result == {}


@pytest.mark.parametrize("how", list(EndHow))
@pytest.mark.parametrize("status", [0, 143])
def test_a_cancellation_outranks_every_verdict(how: EndHow, status: int) -> None:
    decision = Remark(what="cancel", by="ana", at=T0, why="")
    events = verdict(over(at_last(how, status), decision=decision))
    assert [type(event) for event in events] == [e.Cancelled]
    assert "ana" in events[0].why


@pytest.mark.parametrize("tail", ["", "RuntimeError: CUDA out of memory", "ImportError: x", "step loss=nan"])
@pytest.mark.parametrize("how", list(EndHow))
def test_a_held_failure_stays_held_and_asks_nothing(how: EndHow, tail: str) -> None:
    decision = Remark(what="hold", by="ana", at=T0, why="")
    events = verdict(over(at_last(how, 1), tail=tail, decision=decision))
    assert [type(event) for event in events] == [e.Parked]


@pytest.mark.parametrize("how", [how for how in EndHow if how not in {EndHow.ACCOUNTING, EndHow.SAID, EndHow.EXIT}])
def test_an_end_that_says_no_status_leads_to_a_new_attempt(how: EndHow) -> None:
    (again,) = of_kind(verdict(over(at_last(how))), e.Requeued)
    assert again.charged is (how is EndHow.LOST)
    assert again.avoid == (() if how is EndHow.LOST else ("h1",))


@pytest.mark.rule("1.65")
@pytest.mark.parametrize(("used", "limit", "again"), [(0, 0, False), (0, 1, True), (2, 3, True), (3, 3, False)])
def test_a_charged_failure_is_tried_again_up_to_its_limit(used: int, limit: int, again: bool) -> None:
    events = verdict(over(at_last(status=137), retry_count=used, spec=a_spec(max_retries=limit)))
    assert bool(of_kind(events, e.Requeued)) is again
    assert bool(of_kind(events, e.QuestionAsked)) is not again
    assert bool(of_kind(events, e.Failed)) is not again


def test_a_failure_of_the_host_is_tried_again_beyond_the_limit() -> None:
    events = verdict(over(at_last(EndHow.HOST_RESTART), retry_count=3))
    assert of_kind(events, e.Requeued)


@pytest.mark.parametrize(
    "tail", ["boom", "RuntimeError: CUDA out of memory", "ImportError: x", "loss=nan", "ConnectionResetError: x"]
)
@pytest.mark.parametrize("status", [1, 75, 127, 137, None])
@pytest.mark.parametrize("used", [0, 3])
def test_whatever_went_wrong_there_is_a_new_attempt_or_a_question_that_can_be_answered(
    tail: str, status: int | None, used: int
) -> None:
    events = verdict(over(at_last(status=status), tail=tail, retry_count=used))
    (asked, again) = of_kind(events, e.QuestionAsked), of_kind(events, e.Requeued)
    assert len(asked) + len(again) == 1
    assert bool(of_kind(events, e.Failed)) is bool(asked)
    assert all(event.question.reason in REASONS for event in asked)


@pytest.mark.rule("0.18", "1.64")
def test_the_next_attempt_says_what_changed_before_and_after() -> None:
    run = at_last(status=1)
    run = replace(run, command="t.py --batch-size 64")
    (again,) = of_kind(verdict(over(run, tail="torch.cuda.OutOfMemoryError: CUDA out of memory.")), e.Requeued)
    assert (again.command, again.changed) == ("t.py --batch-size 32", ("--batch-size: 64 -> 32",))
    assert "--batch-size: 64 -> 32; before: t.py --batch-size 64 after: t.py --batch-size 32" in again.why


def test_a_kind_of_a_limit_of_its_own_is_asked_about_beyond_it() -> None:
    full = "OSError: [Errno 28] No space left on device"
    assert of_kind(verdict(over(at_last(status=1), tail=full, failures={"disk_full": 5})), e.Requeued)
    events = verdict(over(at_last(status=1), tail=full, failures={"disk_full": 6}))
    assert [event.question.reason for event in of_kind(events, e.QuestionAsked)] == ["retries_exhausted"]


def test_an_experiment_that_many_hosts_failed_is_asked_about() -> None:
    (again,) = of_kind(verdict(over(at_last(EndHow.HOST_RESTART), avoid=("h2",))), e.Requeued)
    assert again.avoid == ("h2", "h1")
    events = verdict(over(at_last(EndHow.HOST_RESTART), avoid=("h2", "h3")))
    assert [event.question.reason for event in of_kind(events, e.QuestionAsked)] == ["many_hosts"]
    assert "h2, h3, h1" in of_kind(events, e.QuestionAsked)[0].question.did


def test_a_question_names_the_line_that_says_so_and_what_its_host_recorded() -> None:
    notes = ["kernel log: not readable by this user", "disk /data: 3 MiB left"]
    entry = over(at_last(status=1), tail="step 1\nImportError: no x\n")
    said = {**entry.layers["executor"].values, "collected": {"result": "none", "evidence": {"notes": notes}}}
    (asked,) = of_kind(verdict(replace(entry, layers={"executor": Layer(1, "d", said)})), e.QuestionAsked)
    assert all(word in asked.question.seen for word in ("its log says: ImportError: no x", *notes))


def test_a_tracker_that_cannot_be_reached_is_put_offline() -> None:
    (again,) = of_kind(verdict(over(at_last(status=1), tail="wandb: ERROR network error")), e.Requeued)
    assert again.env == {"WANDB_MODE": "offline"}


@pytest.mark.parametrize(
    ("how", "after", "counts"),
    [
        (EndHow.EXIT, 59, True), (EndHow.EXIT, 60, False), (EndHow.FENCED, 600, False), (EndHow.WITHDRAWN, 1, False),
        (EndHow.ABANDONED, 1, False), (EndHow.REFUSED, 1, True),
    ],
)  # fmt: skip
def test_only_a_quick_end_counts_against_the_host(how: EndHow, after: float, counts: bool) -> None:
    changed = of_kind(verdict(over(at_last(how, 1, after))), e.HostChanged)
    assert bool(changed) is counts


def test_a_host_is_quarantined_at_the_third_experiment_and_a_success_forgets() -> None:
    two = HostState(name="h1", status=HostStatus.READY, failures=("x", "y"))
    events = verdict(over(at_last(status=1, after=5)), two)
    assert of_kind(events, e.HostChanged)[0].host.status is HostStatus.QUARANTINED
    assert {event.question.reason for event in of_kind(events, e.QuestionAsked)} >= {"host_quarantined"}
    same = HostState(name="h1", status=HostStatus.READY, failures=("x", "e1"))
    assert not of_kind(verdict(over(at_last(status=1, after=5)), same), e.HostChanged)
    well = of_kind(verdict(over(at_last(status=0)), two), e.HostChanged)
    assert well[0].host.failures == ()


def test_what_may_have_left_something_on_its_host_is_collected() -> None:
    collected = {how for how in EndHow if needs_collecting(at_last(how))}
    assert collected == {EndHow.EXIT, EndHow.LOST, EndHow.HOST_RESTART}
    assert not needs_collecting(a_run())


@pytest.mark.rule("1.38", "1.62")
@pytest.mark.parametrize(("found", "late"), [("absent", True), ("stale", True), ("fresh", False), ("invalid", False)])
def test_only_a_clean_end_waits_for_a_late_result(found: str, late: bool) -> None:
    clean = over(at_last(status=0, after=0), found)
    assert result_is_late(clean, Policies(), T0 + seconds(89)) == (T0 + seconds(90) if late else None)
    assert result_is_late(clean, Policies(), T0 + seconds(90)) is None
    assert result_is_late(over(at_last(status=1, after=0), found), Policies(), T0) is None


@pytest.mark.parametrize(
    ("span", "text"), [(-5, "0 s"), (42, "42 s"), (119.4, "119 s"), (120, "2 min"), (7199, "120 min"), (12600, "3.5 h")]
)
def test_a_length_of_time_is_said_for_people(span: float, text: str) -> None:
    assert words(timedelta(seconds=span)) == text
