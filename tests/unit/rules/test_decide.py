"""One tick's decision: whole lives of experiments, driven by hand-made words of their executors."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict
from typing import Any

import pytest

from autolab.model import event as e
from autolab.model.action import Collect, Fence, Signal, Stage, Start, Watch
from autolab.model.observation import Look
from autolab.model.state import EndHow, HostStatus, Status
from autolab.model.wish import Ask
from autolab.rules.decide import decide
from autolab.rules.tick import Seen
from tests.builders import (
    T0,
    Table,
    a_claim,
    a_host,
    a_host_plan,
    a_plan,
    a_sidecar,
    a_sighting,
    a_spec,
    acts,
    alive,
    an_entry,
    ended,
    gone,
    of_kind,
    plain,
    seconds,
)


def names(made: Any) -> list[str]:
    return [event.name for event in made.events]


def requeued(lab: Table) -> list[tuple[str, bool, tuple[str, ...]]]:
    """Kind, charged and avoided hosts of each new try."""
    return [(event.kind, event.charged, event.avoid) for event in of_kind(lab.made, e.Requeued)]


# --- a whole life ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("B37", "B38", "1.62")
def test_a_life_goes_from_intent_to_done_with_a_commit_before_each_step() -> None:
    lab = Table(an_entry())
    made = lab.tick()
    assert names(made) == ["launch_intended", "patience_set"]
    assert acts(made) == {"stage": ("e1",)}
    assert lab.entry().status is Status.PENDING

    made = lab.stage()
    assert names(made) == ["observed", "host_changed", "staged", "start_asked"]
    assert acts(made)["start"] == ("e1",)
    assert lab.entry().status is Status.PENDING

    made = lab.look(alive(claim=lab.claim_of()))
    assert names(made) == ["observed", "started"]
    assert acts(made) == {"watch": ("e1",)}
    assert lab.entry().status is Status.RUNNING

    lab.now += seconds(60)
    made = lab.end(0)
    assert names(made) == ["observed", "ended"]
    assert acts(made) == {"collect": ("e1",)}

    made = lab.collect()
    assert names(made) == ["observed", "collected", "succeeded"]
    assert lab.entry().status is Status.DONE
    assert lab.entry().finished_at == lab.now
    assert "no result declared" in lab.entry().why


@pytest.mark.rule("1.62", "1.66")
def test_a_declared_result_is_kept_with_what_was_checked() -> None:
    lab = Table(an_entry(spec=a_spec(result_file="r.csv")))
    lab.start()
    lab.end(0)
    lab.tick(lab.says(collected={"result": "fresh", "path": "r.csv", "sha256": "ab", "bytes": 3}))
    assert lab.entry().status is Status.DONE
    assert lab.entry().result == {"path": "r.csv", "sha256": "ab", "bytes": 3}


def test_a_job_that_ended_before_anybody_looked_is_started_and_ended_at_once() -> None:
    lab = Table(an_entry())
    lab.tick()
    lab.stage()
    assert names(lab.end(0)) == ["observed", "started", "ended"]


@pytest.mark.rule("B37", "1.60")
def test_nothing_is_done_twice_while_nothing_is_heard() -> None:
    lab = Table(an_entry())
    lab.tick()
    assert names(lab.tick()) == []
    lab.stage()
    made = lab.after(1)
    assert names(made) == []
    assert "start" not in acts(made)


@pytest.mark.rule("B37", "1.60")
def test_a_lost_reply_to_the_start_is_no_reason_for_a_second_attempt() -> None:
    lab = Table(an_entry())
    lab.tick()
    lab.stage()
    lab.look(a_sighting(Look.NO_ANSWER, reason="cut"))
    lab.after(600)
    lab.look(alive(claim=lab.claim_of()))
    assert lab.entry().status is Status.RUNNING
    assert lab.entry().attempt == 1
    assert len(of_kind(lab.made, e.LaunchIntended)) == 1


@pytest.mark.rule("1.60", "1.46")
def test_after_a_restart_the_claim_that_is_found_is_adopted() -> None:
    lab = Table(an_entry())
    lab.tick()
    lab.stage()
    again = Table(state=deepcopy(lab.state))
    again.seqs, again.now = dict(lab.seqs), T0 + seconds(3600)
    again.look(alive(claim=again.claim_of()))
    assert again.entry().status is Status.RUNNING
    assert not of_kind(again.made, e.LaunchIntended)


# --- pure and idempotent ---------------------------------------------------------------------------------------------


def test_the_same_inputs_give_the_same_decision() -> None:
    lab = Table(an_entry("e1"), an_entry("e2"), an_entry("e3", spec=a_spec("e3", depends_on=("e1",))))
    lab.start("e1")
    word = lab.says("e1", sighting=plain(asdict(ended(1, claim=lab.claim_of("e1")))))
    one, two = deepcopy(lab.state), deepcopy(lab.state)
    seen = Seen(sidecars=(word,), code="c")
    assert decide(one, seen, lab.plan, lab.now) == decide(two, seen, lab.plan, lab.now)
    assert one == two


def test_the_same_again_makes_no_events() -> None:
    lab = Table(an_entry("e1"), an_entry("e2"))
    lab.start("e1")
    word = lab.says("e1", sighting=plain(asdict(ended(0, claim=lab.claim_of("e1")))))
    lab.tick(word)
    assert names(lab.tick(word)) == []


# --- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.rule("1.65", "B23")
def test_a_charged_failure_is_tried_again_up_to_its_limit_and_then_a_person_is_asked() -> None:
    lab = Table(an_entry(spec=a_spec(max_retries=2)))
    for attempt in (1, 2, 3):
        lab.now += seconds(3600)
        lab.start()
        assert lab.entry().attempt == attempt
        lab.now += seconds(600)
        lab.finish(137)
    assert lab.entry().status is Status.FAILED
    assert (lab.entry().retry_count, lab.questions()) == (2, ["retries_exhausted"])
    assert lab.shown().count("python train.py") == 3, "the commands of all attempts"


@pytest.mark.rule("1.65")
def test_a_failure_of_the_host_is_not_charged_and_goes_elsewhere() -> None:
    lab = Table(an_entry(), plan=a_plan(a_host_plan("h1"), a_host_plan("h2", slots=1)))
    lab.start()
    lab.now += seconds(3600)
    lab.look(gone(claim=lab.claim_of(), child="unknown", host=a_host("boot-2", uptime_s=30.0)))  # type: ignore[arg-type]
    lab.collect()
    assert lab.entry().retry_count == 0
    assert requeued(lab) == [("host_restart", False, ("h1",))]
    assert (lab.entry().attempt, lab.run_of().host) == (2, "h2")


def test_out_of_memory_halves_the_batch_and_says_both_commands() -> None:
    lab = Table(an_entry(spec=a_spec(command="python t.py --batch-size 64")))
    lab.start()
    lab.now += seconds(600)
    lab.finish(1, tail="torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB")
    assert "--batch-size 64 after: python t.py --batch-size 32" in of_kind(lab.made, e.Requeued)[0].why
    assert lab.run_of().command == "python t.py --batch-size 32"
    assert lab.entry().spec.command == "python t.py --batch-size 64", "the design stays"


@pytest.mark.rule("B36")
def test_an_undiagnosed_failure_is_never_retried_blindly() -> None:
    lab = Table(an_entry())
    lab.start()
    lab.finish(1, tail="config: on_nan=raise, loss=cross_entropy, oom='CUDA out of memory'\nboom")
    assert lab.entry().status is Status.FAILED
    assert lab.questions() == ["undiagnosed_crash"]
    assert "its log ends: boom" in lab.shown()


@pytest.mark.rule("1.62")
def test_a_clean_end_waits_for_its_late_result_and_then_is_a_failure() -> None:
    lab = Table(an_entry(spec=a_spec(result_file="r.csv")))
    lab.start()
    lab.end(0)
    made = lab.collect(result="absent")
    assert lab.entry().status is Status.RUNNING
    assert made.wake_at is not None
    assert lab.now < made.wake_at <= lab.now + seconds(90)
    assert acts(made) == {}, "not asked again at once"
    made = lab.after(20)
    assert acts(made) == {"collect": ("e1",)}
    lab.collect(result="absent")
    lab.after(75)
    assert lab.entry().status is Status.FAILED
    assert lab.questions() == ["result_missing"]


@pytest.mark.rule("1.62")
def test_a_result_that_comes_late_but_in_time_is_a_success() -> None:
    lab = Table(an_entry(spec=a_spec(result_file="r.csv")))
    lab.start()
    lab.end(0)
    lab.collect(result="stale")
    lab.now += seconds(60)
    lab.collect(result="fresh")
    assert lab.entry().status is Status.DONE


def test_three_starts_without_a_claim_are_fenced_and_the_host_is_blamed() -> None:
    lab = Table(an_entry(), plan=a_plan(a_host_plan("h1"), a_host_plan("h2", slots=1)))
    lab.tick()
    lab.stage()
    for _ in range(2):
        assert acts(lab.after(15))["start"] == ("e1",)
    made = lab.after(15)
    assert acts(made) == {"fence": ("e1",), "watch": ("e1",)}
    assert lab.run_of().starts == 3
    lab.look(a_sighting(fenced=True))
    assert requeued(lab) == [("never_started", False, ("h1",))]
    assert lab.entry().retry_count == 0
    assert (lab.entry().attempt, lab.run_of().host) == (2, "h2")
    assert lab.state.hosts["h1"].failures == ("e1",)


def test_a_claim_that_was_quicker_than_the_fence_is_adopted() -> None:
    lab = Table(an_entry())
    lab.tick()
    lab.stage()
    for _ in range(3):
        lab.after(15)
    assert lab.run_of().fence_asked
    lab.look(alive(claim=lab.claim_of()))
    assert lab.entry().status is Status.RUNNING
    assert "fence" not in acts(lab.after(15))


def test_what_was_staged_before_a_restart_is_fenced_and_never_started() -> None:
    lab = Table(an_entry())
    lab.tick()
    lab.stage()
    made = lab.look(a_sighting(host=a_host("boot-2", uptime_s=3.0)))
    assert acts(made)["fence"] == ("e1",)
    assert "start" not in acts(lab.after(60))


def test_a_host_that_fails_three_experiments_fast_gets_no_more() -> None:
    plan = a_plan(a_host_plan("h1", slots=3))
    lab = Table(*(an_entry(f"e{n}") for n in range(1, 5)), plan=plan)
    for ident in ("e1", "e2", "e3"):
        lab.start(ident)
        lab.finish(1, ident)
    assert lab.state.hosts["h1"].status is HostStatus.QUARANTINED
    assert "host_quarantined" in lab.questions()
    lab.after(3600)
    assert lab.entry("e4").run is None or lab.entry("e4").run.host == "h1"
    assert all(event.run.host != "h1" or event.id != "e4" for event in of_kind(lab.tick().events, e.LaunchIntended))


def test_one_experiment_that_fails_often_does_not_condemn_its_host() -> None:
    lab = Table(an_entry())
    for _ in range(3):
        lab.now += seconds(3600)
        lab.start()
        lab.finish(137)
    assert lab.state.hosts["h1"].status is HostStatus.READY


def test_an_attempt_that_a_person_gave_up_does_not_count_against_its_host() -> None:
    lab = Table(an_entry())
    lab.start()
    lab.wish(Ask.RETRY, "e1", abandon=True)
    assert lab.state.hosts["h1"].failures == ()
    assert lab.entry().retry_count == 0


# --- unknown ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule("B21", "1.61")
def test_silence_makes_unreachable_with_a_next_look_and_an_answer_undoes_it() -> None:
    lab = Table(an_entry("e1"), an_entry("e2"))
    lab.start("e1")
    made = lab.look(a_sighting(Look.UNREACHABLE, reason="no route"))
    assert lab.entry().status is Status.UNREACHABLE
    host = lab.state.hosts["h1"]
    assert (host.status, host.misses, host.not_before) == (HostStatus.UNREACHABLE, 1, lab.now + seconds(30))
    assert made.wake_at == host.not_before
    assert acts(lab.after(29)) == {}
    assert "watch" in acts(lab.after(1))
    lab.look(alive(claim=lab.claim_of()))
    assert lab.entry().status is Status.RUNNING
    assert lab.state.hosts["h1"].misses == 0


def test_a_host_that_stays_silent_is_asked_about_once_and_nothing_is_launched_anew() -> None:
    lab = Table(an_entry())
    lab.start()
    for _ in range(8):
        lab.now += seconds(1800)
        lab.look(a_sighting(Look.NO_ANSWER, reason="cut"))
    assert lab.entry().status is Status.ON_HOLD
    assert lab.questions() == ["unreachable"]
    assert lab.entry().attempt == 1
    lab.now += seconds(1800)
    lab.look(alive(claim=lab.claim_of(), ran_s=3600.0))
    assert lab.questions() == [], "it is no longer open"


def test_what_makes_no_sense_is_unknown_and_a_person_is_asked() -> None:
    lab = Table(an_entry())
    lab.start()
    lab.look(a_sighting())
    assert lab.entry().status is Status.UNREACHABLE
    assert lab.questions() == ["unknown_end"]
    assert lab.run_of().end is None
    lab.after(7200)
    assert lab.entry().attempt == 1
    lab.look(alive(claim=lab.claim_of()))
    assert (lab.entry().status, lab.questions()) == (Status.RUNNING, [])


def test_a_staged_folder_that_vanished_is_neither_started_nor_fenced_before_a_person_decides() -> None:
    lab = Table(an_entry())
    lab.tick()
    lab.stage()
    lab.look(a_sighting(run=False, staged_boot=None))
    assert lab.questions() == ["unknown_end"]
    for _ in range(5):
        assert not {"start", "fence", "stage"} & set(acts(lab.after(60)))
    number = next(iter(lab.state.questions))
    lab.wish(Ask.DECIDE, question=number, option="abandon")
    assert requeued(lab) == [("abandoned", False, ("h1",))]
    assert lab.entry().attempt == 2


@pytest.mark.rule("B32")
def test_a_death_takes_two_looks() -> None:
    lab = Table(an_entry())
    lab.start()
    made = lab.look(gone(claim=lab.claim_of()))
    assert made.wake_at == lab.now + seconds(10)
    lab.now += seconds(11)
    lab.look(gone(claim=lab.claim_of()))
    assert lab.run_of().end is not None
    assert lab.run_of().end.how is EndHow.LOST


@pytest.mark.rule("B37")
def test_an_attempt_that_its_host_never_heard_of_goes_elsewhere_at_once() -> None:
    lab = Table(an_entry(), plan=a_plan(a_host_plan("h1"), a_host_plan("h2", slots=1)))
    lab.tick()
    assert lab.run_of().host == "h1"
    lab.look(a_sighting(Look.UNREACHABLE, reason="refused", untouched=True))
    assert (lab.entry().attempt, lab.run_of().host, lab.entry().retry_count) == (2, "h2", 0)


# --- people ----------------------------------------------------------------------------------------------------------


def test_a_cancellation_before_the_claim_fences_and_then_is_cancelled() -> None:
    lab = Table(an_entry())
    lab.tick()
    lab.stage()
    made = lab.wish(Ask.CANCEL, "e1")
    assert acts(made)["fence"] == ("e1",)
    assert lab.entry().status is Status.PENDING
    assert "start" not in acts(lab.after(60))
    lab.look(a_sighting(fenced=True))
    assert lab.entry().status is Status.CANCELLED
    assert acts(lab.after(60)) == {}


@pytest.mark.rule("B33")
@pytest.mark.parametrize("status", [143, 0], ids=["killed", "ends well by itself"])
def test_a_cancellation_after_the_claim_signals_and_is_cancelled_when_the_end_is_seen(status: int) -> None:
    lab = Table(an_entry("e1"), an_entry("e2", spec=a_spec("e2", depends_on=("e1",))))
    lab.start("e1")
    made = lab.wish(Ask.CANCEL, "e1")
    assert acts(made)["signal"] == ("e1",)
    assert lab.entry().status is Status.RUNNING
    lab.finish(status)
    assert lab.entry().status is Status.CANCELLED
    assert str(status) in lab.entry().why, "it records how it ended"
    assert lab.after(60).events == []
    assert lab.entry("e2").run is None, "what depends on it does not run"


def test_signals_are_repeated_with_growing_pauses_and_not_at_every_tick() -> None:
    lab = Table(an_entry())
    lab.start()
    assert "signal" in acts(lab.wish(Ask.CANCEL, "e1"))
    assert "signal" not in acts(lab.after(1))
    made = lab.after(13)
    assert made.wake_at == T0 + seconds(15)
    assert "signal" in acts(lab.after(1))
    asked = sum("signal" in acts(lab.after(10)) for _ in range(360))
    assert 3 <= asked <= 10


@pytest.mark.rule("B1")
def test_a_cancelled_experiment_is_not_revived_by_a_word_that_it_runs() -> None:
    lab = Table(an_entry())
    lab.start()
    lab.wish(Ask.CANCEL, "e1")
    lab.finish(143)
    lab.look(alive(claim=lab.claim_of()))
    lab.tick(a_sidecar(status="running"))
    lab.after(3600)
    assert lab.entry().status is Status.CANCELLED
    assert lab.entry().attempt == 1


@pytest.mark.rule("B1")
def test_a_held_experiment_is_not_launched_and_its_release_lets_it_go() -> None:
    lab = Table(an_entry())
    lab.wish(Ask.HOLD, "e1")
    assert lab.after(60).actions == []
    assert lab.entry().status is Status.ON_HOLD
    made = lab.wish(Ask.RELEASE, "e1")
    assert "launch_intended" in names(made)


@pytest.mark.rule("B1")
@pytest.mark.parametrize(("status", "after"), [(0, Status.DONE), (137, Status.ON_HOLD)])
def test_what_ends_while_it_is_held_is_done_or_stays_held(status: int, after: Status) -> None:
    lab = Table(an_entry())
    lab.start()
    lab.wish(Ask.HOLD, "e1")
    assert lab.entry().status is Status.ON_HOLD
    assert "watch" in acts(lab.after(10)), "it is still looked at"
    lab.finish(status)
    assert lab.entry().status is after
    lab.after(3600)
    assert lab.entry().attempt == 1
    if after is Status.ON_HOLD:
        lab.wish(Ask.RELEASE, "e1")
        assert lab.entry().attempt == 2


def test_a_retry_of_what_is_done_goes_on_under_a_new_attempt() -> None:
    lab = Table(an_entry())
    lab.start()
    lab.finish(0)
    lab.wish(Ask.RETRY, "e1")
    assert (lab.entry().attempt, lab.entry().status) == (2, Status.PENDING)
    assert lab.run_of().dir.endswith("/a2")
    lab.start()
    lab.finish(0)
    assert lab.entry().status is Status.DONE


# --- external executors ----------------------------------------------------------------------------------------------


def external(**more: Any) -> Table:
    return Table(an_entry(spec=a_spec(executor="external", **more)))


def test_an_external_experiment_is_never_launched_by_us() -> None:
    lab = external()
    lab.after(3600)
    lab.tick(a_sidecar(status="pending"))
    assert lab.entry().run is None
    assert not of_kind(lab.made, e.LaunchIntended)


def test_an_external_word_moves_its_experiment() -> None:
    lab = external()
    for word, status in [
        ("running", Status.RUNNING), ("unreachable", Status.UNREACHABLE), ("running", Status.RUNNING),
        ("on_hold", Status.ON_HOLD), ("running", Status.RUNNING), ("failed", Status.FAILED),
    ]:  # fmt: skip
        lab.now += seconds(10)
        lab.tick(a_sidecar(status=word, notes=str(lab.now)))
        assert lab.entry().status is status, word


@pytest.mark.parametrize("before", ["running", "unreachable", "on_hold"])
@pytest.mark.parametrize(("word", "after"), [("failed", Status.FAILED), ("cancelled", Status.CANCELLED)])
def test_an_external_end_is_news_in_every_status(before: str, word: str, after: Status) -> None:
    lab = external()
    lab.tick(a_sidecar(status="running"))
    lab.tick(a_sidecar(status=before, notes="x"))
    lab.tick(a_sidecar(status=word))
    assert lab.entry().status is after


def test_an_external_done_is_believed_with_its_result() -> None:
    lab = external(result_file="r.csv")
    lab.tick(a_sidecar(status="done"), results={"e1": {"path": "r.csv", "bytes": 3}})
    assert lab.entry().status is Status.DONE
    assert lab.entry().result == {"path": "r.csv", "bytes": 3}


@pytest.mark.parametrize("before", ["running", "on_hold", "unreachable"])
def test_an_external_done_that_nothing_confirms_is_a_question(before: str) -> None:
    lab = external()
    lab.tick(a_sidecar(status="running"))
    lab.tick(a_sidecar(status=before, notes="x"))
    lab.tick(a_sidecar(status="done"))
    assert (lab.entry().status, lab.questions()) == (Status.ON_HOLD, ["unconfirmed"])
    lab.tick(a_sidecar(status="done", notes="again"))
    assert lab.questions() == ["unconfirmed"]


def test_a_result_that_is_found_later_confirms_it() -> None:
    lab = external(result_file="r.csv")
    lab.tick(a_sidecar(status="done"), results={"e1": None})
    assert lab.questions() == ["unconfirmed"]
    lab.after(60, results={"e1": {"path": "r.csv"}})
    assert (lab.entry().status, lab.questions()) == (Status.DONE, [])


def test_an_external_failure_after_an_unconfirmed_end_closes_the_question() -> None:
    lab = external()
    lab.tick(a_sidecar(status="done"))
    lab.tick(a_sidecar(status="failed"))
    assert (lab.entry().status, lab.questions()) == (Status.FAILED, [])


@pytest.mark.rule("B1")
def test_an_external_experiment_that_a_person_cancelled_is_cancelled_when_it_ends() -> None:
    lab = external()
    lab.tick(a_sidecar(status="running"))
    lab.wish(Ask.CANCEL, "e1")
    lab.tick(a_sidecar(status="running", notes="x"))
    lab.tick(a_sidecar(status="failed"))
    assert lab.entry().status is Status.CANCELLED


def test_a_retried_external_experiment_is_heard_anew() -> None:
    lab = external()
    lab.tick(a_sidecar(status="failed"))
    lab.wish(Ask.RETRY, "e1")
    assert lab.entry().status is Status.PENDING
    lab.tick(a_sidecar(status="running"))
    assert lab.entry().status is Status.RUNNING


# --- when to wake ----------------------------------------------------------------------------------------------------


def test_it_wakes_for_what_is_due_and_never_in_the_past() -> None:
    lab = Table(an_entry())
    assert lab.tick().wake_at == T0 + seconds(72 * 3600), "the time of its phase is over"
    made = lab.stage()
    assert made.wake_at == T0 + seconds(15)
    for _ in range(10):
        made = lab.after(7, busy=frozenset({"h1"}))
        assert made.wake_at is None or made.wake_at > lab.now


def test_it_wakes_when_a_wait_is_over() -> None:
    lab = Table(an_entry())
    lab.start()
    lab.now += seconds(600)
    made = lab.finish(137)
    assert made.wake_at == lab.entry().not_before == lab.now + seconds(30)
    assert lab.after(29).events == []
    assert "launch_intended" in names(lab.after(1))


# --- what is said to hosts -------------------------------------------------------------------------------------------


def test_a_host_gets_one_request_of_a_kind_for_all_that_is_due_there() -> None:
    lab = Table(*(an_entry(f"e{n}") for n in range(4)), plan=a_plan(a_host_plan(slots=4)))
    made = lab.tick()
    assert [type(action) for action in made.actions] == [Stage]
    assert acts(made) == {"stage": ("e0", "e1", "e2", "e3")}


def test_a_busy_host_gets_nothing_to_do_and_a_watched_experiment_no_second_look() -> None:
    lab = Table(an_entry("e1"), an_entry("e2"))
    made = lab.tick(busy=frozenset({"h1"}))
    assert made.actions == []
    lab.start("e1")
    made = lab.after(1, watched=frozenset({"e1"}))
    assert not of_kind(made.actions, Watch)
    assert not of_kind(lab.after(1, full=frozenset({"h1"})).actions, Watch)
    assert not of_kind(lab.after(1, watch_due=frozenset()).actions, Watch)
    assert of_kind(lab.after(1, watch_due=frozenset({"h1"})).actions, Watch)


def test_a_look_stays_open_while_something_waits_for_a_slot_or_is_young() -> None:
    lab = Table(an_entry("e1"), an_entry("e2"), plan=a_plan(a_host_plan(slots=1)))
    lab.start("e1")
    (watch,) = of_kind(lab.after(3600, may_hold=True).actions, Watch)
    assert watch.hold_s == 30
    lab.wish(Ask.HOLD, "e2")
    assert of_kind(lab.after(1, may_hold=True).actions, Watch)[0].hold_s == 0


@pytest.mark.rule("B21")
def test_a_host_with_a_full_disk_gets_nothing_new_and_what_runs_there_is_still_looked_at() -> None:
    lab = Table(an_entry("e1"), an_entry("e2"))
    lab.start("e1")
    assert lab.entry("e2").open_run is not None
    lab.look(a_sighting(Look.NO_SPACE, reason="No space left on device"), "e2")
    made = lab.after(10)
    assert acts(made) == {"watch": ("e1",)}
    lab.look(alive(claim=lab.claim_of("e1"), log_size=5), "e1")
    assert lab.state.hosts["h1"].status is HostStatus.TROUBLED, "an answer does not make room"
    assert "signal" in acts(lab.wish(Ask.CANCEL, "e1"))
    assert acts(lab.after(30))["stage"] == ("e2",), "tried again after its back-off"


def test_an_order_to_a_host_names_experiments_of_that_host_alone() -> None:
    plan = a_plan(a_host_plan("h1", slots=1), a_host_plan("h2", slots=1))
    lab = Table(an_entry("e1"), an_entry("e2"), plan=plan)
    made = lab.tick()
    assert {(action.host, action.ids) for action in of_kind(made.actions, Stage)} == {("h1", ("e1",)), ("h2", ("e2",))}


def test_nothing_is_intended_without_code_or_against_the_plan() -> None:
    lab = Table(an_entry())
    assert lab.tick(code=None).events == []
    lab.plan = a_plan(launching="another clone drives this lab")
    assert lab.tick().events == []


def test_what_is_over_is_collected_once_and_then_left_alone() -> None:
    lab = Table(an_entry())
    lab.start()
    made = lab.end(137)
    assert {type(action) for action in made.actions} & {Collect, Signal, Fence, Start} == {Collect}
    lab.collect()
    assert not of_kind(lab.after(5).actions, Collect)


def test_a_claim_of_another_experiment_starts_nothing() -> None:
    lab = Table(an_entry())
    lab.tick()
    lab.stage()
    lab.look(alive(claim=a_claim("e9", 1, spec_hash=lab.run_of().spec_hash)))
    assert lab.entry().status is Status.PENDING
    assert lab.questions() == ["unknown_end"]
