"""What a look proves: each row of the table of ends, for process hosts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autolab.model.event import Ended, Event, HostLost, SeenAgain, Staged, Started, Vanished
from autolab.model.observation import Liveness, Look, Sighting
from autolab.model.plan import Policies
from autolab.model.state import EndHow, Entry, Run, Status
from autolab.rules.liveness import exit_words, judge, puzzle, restarted
from tests.builders import (
    T0,
    a_claim,
    a_claimed_run,
    a_host,
    a_run,
    a_sighting,
    a_staged_run,
    alive,
    an_ended_run,
    an_entry,
    ended,
    gone,
    seconds,
)


def running(**run: Any) -> Entry:
    return an_entry(status=Status.RUNNING, run=a_claimed_run(**run))


def starting(run: Run | None = None) -> Entry:
    return an_entry(run=run or a_staged_run(starts=1, last_start_at=T0))


def judged(entry: Entry, sighting: Sighting, after: float = 60) -> list[Event]:
    at = T0 + seconds(after)
    return list(judge(entry, replace(sighting, at=at), Policies(), at))


def end_of(entry: Entry, sighting: Sighting, after: float = 60) -> tuple[EndHow, int | None] | None:
    """How it was found to have ended, if it was."""
    for event in judged(entry, sighting, after):
        if isinstance(event, Ended):
            return event.end.how, event.end.status
    return None


def test_what_was_staged_is_staged() -> None:
    events = judged(an_entry(run=a_run()), a_sighting())
    assert [(type(event), event.boot_id) for event in events if isinstance(event, Staged)] == [(Staged, "boot-1")]
    assert judged(starting(), a_sighting()) == []


@pytest.mark.rule("B38")
def test_it_runs_when_its_claim_was_seen_and_not_before() -> None:
    assert judged(starting(), a_sighting()) == []
    events = judged(starting(), alive())
    assert [type(event) for event in events] == [Started]
    assert "pid=4711" in events[0].why
    assert judged(running(), alive()) == [], "told twice is no news"


def test_a_claims_own_child_that_never_became_the_command_was_refused_by_the_host() -> None:
    assert end_of(starting(), gone(refused="chdir: no such folder")) == (EndHow.REFUSED, None)
    assert end_of(running(), replace(ended(0), refused="exec failed")) == (EndHow.REFUSED, None), "the first row holds"


@pytest.mark.rule("1.62", "B34")
@pytest.mark.parametrize("status", [0, 1, 75, 137, 255])
def test_an_exit_record_of_the_claim_is_an_end_with_its_status(status: int) -> None:
    assert end_of(running(), ended(status)) == (EndHow.EXIT, status)
    assert end_of(starting(), ended(status)) == (EndHow.EXIT, status), "started and ended between two looks"


@pytest.mark.parametrize("child", [Liveness.ALIVE, Liveness.GONE, Liveness.UNKNOWN])
def test_an_exit_record_holds_whatever_the_processes_look_like(child: Liveness) -> None:
    assert end_of(running(), replace(ended(0), child=child)) == (EndHow.EXIT, 0)


@pytest.mark.rule("B34")
def test_an_exit_record_of_another_claim_is_a_question() -> None:
    seen = ended(0)
    assert seen.exit is not None
    other = replace(seen, exit=replace(seen.exit, nonce="another"))
    assert judged(running(), other) == []
    assert "another claim" in puzzle(running(), other)


def test_a_child_that_is_gone_while_its_runner_lives_is_finishing() -> None:
    assert judged(running(), gone(runner=Liveness.ALIVE)) == []
    assert judged(running(), gone(runner=Liveness.UNKNOWN)) == []


@pytest.mark.rule("B32")
def test_two_looks_ten_seconds_apart_prove_a_death() -> None:
    events = judged(running(), gone())
    assert [type(event) for event in events] == [Vanished]
    again = running(gone_at=T0)
    assert judged(again, gone(), after=9.9) == []
    assert end_of(again, gone(), after=10) == (EndHow.LOST, None)


@pytest.mark.rule("B32")
@pytest.mark.parametrize("left", [{"others": 1}, {"unreadable": 1}])
def test_a_process_of_ours_or_one_that_cannot_be_read_keeps_it_alive(left: dict[str, int]) -> None:
    assert judged(running(), gone(**left)) == []
    assert [type(event) for event in judged(running(gone_at=T0), gone(**left))] == [SeenAgain]


def test_what_is_seen_alive_again_was_never_gone() -> None:
    assert [type(event) for event in judged(running(gone_at=T0), alive())] == [SeenAgain]
    lost = an_entry(status=Status.UNREACHABLE, run=a_claimed_run())
    assert [type(event) for event in judged(lost, alive())] == [SeenAgain]
    assert [type(event) for event in judged(lost, gone(runner=Liveness.ALIVE))] == [SeenAgain]


def test_another_boot_that_is_younger_than_our_last_look_ended_it() -> None:
    booted = gone(child=Liveness.UNKNOWN, host=a_host("boot-2", uptime_s=30.0))
    assert end_of(running(), booted, after=60) == (EndHow.HOST_RESTART, None)
    assert puzzle(running(), replace(booted, at=T0 + seconds(60))) == ""


@pytest.mark.rule("B32")
def test_another_boot_that_is_older_than_our_last_look_proves_nothing() -> None:
    odd = replace(gone(child=Liveness.UNKNOWN, host=a_host("boot-2", uptime_s=90.0)), at=T0 + seconds(60))
    assert judged(running(), odd) == []
    assert "another boot id" in puzzle(running(), odd)


@pytest.mark.rule("B32")
@pytest.mark.parametrize("other", [{"machine_id": "machine-2"}, {"node": "node-2"}])
def test_another_machine_that_answers_proves_nothing_however_young(other: dict[str, str]) -> None:
    odd = replace(gone(child=Liveness.UNKNOWN, host=a_host("boot-2", uptime_s=1.0, **other)), at=T0 + seconds(60))
    assert judged(running(), odd) == []
    assert "answers for h1" in puzzle(running(), odd)
    assert not restarted(a_claimed_run(), odd)


@pytest.mark.rule("B32")
def test_another_pid_namespace_on_the_same_boot_is_a_question_and_no_end() -> None:
    odd = gone(child=Liveness.UNKNOWN, runner=Liveness.UNKNOWN, host=a_host(pid_ns="pid:[2]"))
    assert judged(running(gone_at=T0), odd) == []
    assert "pid namespace" in puzzle(running(), odd)


def test_a_host_without_a_boot_id_proves_no_restart() -> None:
    odd = replace(gone(child=Liveness.UNKNOWN, host=a_host("", uptime_s=1.0)), at=T0 + seconds(60))
    assert judged(running(), odd) == []
    assert puzzle(running(), odd)


SILENCES = [Look.UNREACHABLE, Look.NO_ANSWER, Look.REFUSED, Look.UNREADABLE]


@pytest.mark.rule("1.61", "B21")
@pytest.mark.parametrize("look", SILENCES)
@pytest.mark.parametrize("after", [1, 10**7])
def test_silence_is_a_state_and_never_an_end(look: Look, after: int) -> None:
    silent = a_sighting(look, reason="no route")
    assert [type(event) for event in judged(running(gone_at=T0), silent, after)] == [HostLost]
    assert judged(an_entry(status=Status.UNREACHABLE, run=a_claimed_run()), silent, after) == []
    assert judged(starting(), silent, after) == []


@pytest.mark.parametrize("look", [Look.NO_SPACE, Look.CANNOT, Look.NOT_DRIVER])
def test_a_host_in_trouble_says_nothing_about_what_runs(look: Look) -> None:
    assert judged(running(), a_sighting(look)) == []
    assert judged(an_entry(run=a_run()), a_sighting(look)) == []


@pytest.mark.rule("B37")
def test_only_an_attempt_of_which_nothing_was_ever_said_is_withdrawn() -> None:
    silent = a_sighting(Look.UNREACHABLE, untouched=True)
    assert end_of(an_entry(run=a_run()), silent) == (EndHow.WITHDRAWN, None)
    assert end_of(an_entry(run=a_run()), replace(silent, untouched=False)) is None
    assert end_of(an_entry(run=a_run()), replace(silent, look=Look.NO_ANSWER)) is None
    assert end_of(starting(), silent) is None, "it was staged: the host heard of it"


def test_a_fence_closes_what_never_started() -> None:
    assert end_of(starting(), a_sighting(fenced=True)) == (EndHow.FENCED, None)
    assert end_of(an_entry(run=a_run()), a_sighting(fenced=True, staged_boot=None)) == (EndHow.FENCED, None)


@pytest.mark.rule("B34")
@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (alive(claim=a_claim(ident="e2")), "belongs to e2"),
        (alive(claim=a_claim(attempt=2)), "attempt 2"),
        (alive(claim=a_claim(spec_hash="other")), "belongs to"),
        (alive(claim=a_claim(nonce="other")), "another one"),
        (a_sighting(), "is missing"),
        (a_sighting(run=False, staged_boot=None), "is missing"),
        (a_sighting(fenced=True), "fence"),
        (a_sighting(garbled="claim: not JSON"), "cannot be read"),
    ],
)
def test_a_record_that_does_not_fit_what_was_intended_or_seen_is_a_question(seen: Sighting, words: str) -> None:
    assert judged(running(), seen) == []
    assert words in puzzle(running(), seen)


def test_a_folder_that_was_staged_and_is_gone_is_a_question() -> None:
    assert "is gone" in puzzle(starting(), a_sighting(run=False, staged_boot=None))
    assert puzzle(an_entry(run=a_run()), a_sighting(run=False, staged_boot=None)) == "", "not staged yet"


@pytest.mark.parametrize("seen", [alive(), gone(), ended(1), a_sighting(fenced=True), a_sighting(Look.UNREACHABLE)])
def test_a_closed_attempt_is_judged_no_more(seen: Sighting) -> None:
    closed = an_entry(status=Status.RUNNING, run=an_ended_run())
    assert judged(closed, seen) == []
    assert puzzle(closed, seen) == ""


def test_a_status_above_128_is_a_signal_or_the_programs_own_code() -> None:
    assert exit_words(128) == "exit status 128"
    assert exit_words(137) == "exit status 137 (signal 9, or the program's own code)"
