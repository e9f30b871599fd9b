"""How a status changes: every pair of a status and an event, and what each event leaves in the entry."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from autolab.errors import Bug, IllegalTransition
from autolab.model import event as e
from autolab.model.observation import Authority
from autolab.model.state import (
    ACTIVE,
    PARKED,
    TERMINAL,
    Adopting,
    DispatchState,
    End,
    EndHow,
    Entry,
    HostState,
    HostStatus,
    Question,
    Status,
)
from autolab.model.transitions import NEUTRAL, REMEMBERED, TRANSITIONS, apply, fold, fold_all, is_active, may
from tests.builders import T0, a_claim, a_claimed_run, a_run, a_spec, a_staged_run, a_state, an_ended_run, an_entry

ROOT: Final = Path(__file__).parents[3]
AT = T0 + timedelta(minutes=5)

# Status -> what it becomes -> by which events. Written by hand, so that a slip in the table shows here.
ALLOWED: Final[Mapping[str, Mapping[str, str]]] = {
    "pending": {
        "pending": "Amended AdoptAsked LaunchIntended Staged StartAsked FenceAsked Ended Requeued Collected CancelAsked"
        " Released",
        "running": "Started",
        "on_hold": "Parked Held",
        "done": "Succeeded",
        "failed": "Failed",
        "cancelled": "Cancelled",
    },
    "running": {
        "running": "Started SeenAgain Vanished StopAsked KillAsked FenceAsked Ended Collected CancelAsked RestartAsked",
        "unreachable": "HostLost",
        "pending": "Requeued",
        "on_hold": "Parked Held",
        "done": "Succeeded",
        "failed": "Failed",
        "cancelled": "Cancelled",
    },
    "unreachable": {
        "unreachable": "HostLost StopAsked KillAsked FenceAsked CancelAsked RestartAsked",
        "running": "Started SeenAgain Vanished Ended",
        "on_hold": "Parked Held",
        "done": "Succeeded",
        "failed": "Failed",
        "cancelled": "Cancelled",
    },
    "on_hold": {
        "on_hold": "Amended Started Staged SeenAgain Vanished HostLost KillAsked FenceAsked Ended Collected Parked"
        " StopAsked CancelAsked RestartAsked Held",
        "pending": "AdoptAsked Requeued Released",
        "running": "Unparked",
        "done": "Succeeded",
        "failed": "Failed",
        "cancelled": "Cancelled",
    },
    "done": {"pending": "RetryAsked"},
    "failed": {"pending": "RetryAsked"},
    "cancelled": {"pending": "RetryAsked"},
}
LEADS: Final = {
    (status, kind): after for status, row in ALLOWED.items() for after, kinds in row.items() for kind in kinds.split()
}
OF_THE_LAB: Final = {
    e.Added, e.LabMade, e.DriverTaken, e.HostChanged, e.WishSettled, e.PatienceSet, e.EngineReturned,
    e.CodeIssued,
    e.Announced,
    *e.OF_READINESS,
}  # fmt: skip
OF_AN_ENTRY: Final = sorted(
    set(e.EVENTS.values()) - OF_THE_LAB,
    key=lambda kind: kind.__name__,
)
BY_PERSON: Final = {e.CancelAsked, e.Held, e.Released, e.Unparked, e.RetryAsked, e.Amended}

QUESTION: Final = Question(id="e1-1", about="e1", reason="unknown_end", seen="", did="", options=(), asked_at=T0)
FACTS: Final[Mapping[type[e.Event], Mapping[str, Any]]] = {
    e.Amended: {"spec": a_spec(notes="new")},
    e.LaunchIntended: {"run": a_run(2)},
    e.Staged: {"boot_id": "boot-1"},
    e.AdoptAsked: {"adopting": Adopting(host="h1", pid=4711, start_ticks=99)},
    e.Ended: {"end": End(how=EndHow.EXIT, at=AT, status=0)},
    e.Failed: {"kind": "undiagnosed"},
    e.Requeued: {"kind": "lost", "remedy": "again", "charged": True},
    e.Parked: {"reason": "said"},
    e.QuestionAsked: {"question": QUESTION},
    e.QuestionClosed: {"question": "e1-1"},
    e.QuestionRepeated: {"question": "e1-1", "seen": "again"},
    e.Marked: {"reason": "timeout", "level": 2.0},
    e.Noted: {"kind": "late"},
    e.PeakSeen: {"mib": 9000},
    e.Noticed: {"kind": "nan_loss", "line": "loss=nan"},
    e.StopAsked: {"kind": "nan_loss"},
    e.Observed: {"authority": Authority.AGENT, "sidecar_seq": 1, "digest": "d", "cells": {"pid": 1}},
}


def an_event(kind: type[e.Event], **more: Any) -> e.Event:
    return kind(**{"at": AT, "id": "e1", "attempt": 1, "why": "why not", **FACTS.get(kind, {}), **more})


@pytest.mark.rule("1.31", "B2", "B22")
@pytest.mark.parametrize("kind", OF_AN_ENTRY, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("status", list(Status))
def test_every_status_and_event_lead_where_the_table_says_or_nowhere(status: Status, kind: type[e.Event]) -> None:
    entry = an_entry(status=status, run=a_claimed_run())
    after = status if kind in NEUTRAL else LEADS.get((status.value, kind.__name__))
    assert may(status, kind) is (after is not None)
    if after is None:
        with pytest.raises(IllegalTransition, match=f"e1 is {status}"):
            apply(entry, an_event(kind))
        return
    changed = apply(entry, an_event(kind))
    assert changed.status == after
    assert changed.since == (T0 if after == status else AT)


def test_the_table_has_no_row_beside_these() -> None:
    assert {(status.value, kind.__name__): after.value for (status, kind), after in TRANSITIONS.items()} == LEADS


@pytest.mark.rule("1.31", "B17")
def test_statuses_are_terminal_parked_or_active_and_never_two_of_them() -> None:
    assert set(Status) == TERMINAL | PARKED | ACTIVE
    assert len(TERMINAL) + len(PARKED) + len(ACTIVE) == len(Status)
    assert {"done", "failed", "cancelled"} == TERMINAL


@pytest.mark.rule("B1")
@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_only_a_person_leads_out_of_an_end(status: Status) -> None:
    ways = {kind for (before, kind) in TRANSITIONS if before is status}
    assert ways <= BY_PERSON


@pytest.mark.rule("B1")
@pytest.mark.parametrize("kind", [e.Started, e.SeenAgain, e.Vanished, e.HostLost, e.Staged, e.Ended, e.Observed])
def test_what_is_seen_of_a_held_experiment_leaves_it_held(kind: type[e.Event]) -> None:
    held = apply(an_entry(status=Status.RUNNING, run=a_claimed_run()), an_event(e.Held, actor="ana"))
    seen = apply(held, an_event(kind))
    assert seen.status is Status.ON_HOLD
    assert seen.decision == held.decision
    assert seen.decision is not None
    assert (seen.decision.what, seen.decision.by) == ("hold", "ana")


@pytest.mark.rule("B3", "B23", "B35")
def test_a_new_attempt_has_nothing_of_the_last() -> None:
    one = apply(an_entry(run=an_ended_run(), kind="lost", finished_at=T0, retry_count=1), an_event(e.Observed))
    two = apply(one, an_event(e.LaunchIntended))
    assert (two.attempt, two.layers, two.kind, two.finished_at, two.result) == (2, {}, "", None, None)
    assert two.run == a_run(2)
    assert two.retry_count == 1
    assert two.seen == one.seen, "what stood in a file before is not news for the new attempt"


def test_a_closed_attempt_is_never_reopened_or_closed_anew() -> None:
    first = End(how=EndHow.EXIT, at=T0, status=3)
    entry = an_entry(status=Status.RUNNING, run=a_claimed_run(end=first))
    for kind in (e.Ended, e.Started, e.SeenAgain, e.Vanished):
        entry = apply(entry, an_event(kind))
    assert entry.run is not None
    assert entry.run.end == first


def test_starts_are_counted_within_an_attempt() -> None:
    entry = an_entry(run=a_staged_run())
    for _ in range(3):
        entry = apply(entry, an_event(e.StartAsked))
    assert entry.run is not None
    assert (entry.run.starts, entry.run.last_start_at, entry.substatus) == (3, AT, "starting")


def test_being_seen_again_forgets_that_it_was_gone() -> None:
    vanished = apply(an_entry(status=Status.RUNNING, run=a_claimed_run()), an_event(e.Vanished))
    assert vanished.run is not None
    assert vanished.run.gone_at == AT
    seen = apply(vanished, an_event(e.SeenAgain))
    assert seen.run is not None
    assert seen.run.gone_at is None


@pytest.mark.parametrize(("charged", "count"), [(True, 3), (False, 2)])
def test_only_a_charged_failure_counts_against_the_limit(charged: bool, count: int) -> None:
    entry = an_entry(status=Status.RUNNING, run=an_ended_run(status=1), retry_count=2)
    again = apply(entry, an_event(e.Requeued, charged=charged, command="x", env={"A": "1"}, avoid=("h1",)))
    assert (again.retry_count, again.command, again.env, again.avoid) == (count, "x", {"A": "1"}, ("h1",))
    assert again.closed_run is None, "a verdict was given"


def test_a_retry_by_a_person_begins_as_it_was_designed() -> None:
    tried = an_entry(
        status=Status.FAILED, run=an_ended_run(status=1, judged=True), retry_count=3, command="halved",
        env={"WANDB_MODE": "offline"}, avoid=("h1",), kind="cuda_oom", finished_at=T0, not_before=AT,
    )  # fmt: skip
    again = apply(tried, an_event(e.RetryAsked))
    assert (again.retry_count, again.command, again.env, again.avoid) == (0, "", {}, ())
    assert (again.kind, again.finished_at, again.not_before) == ("", None, None)
    assert again.attempt == 1, "attempts are counted on"


def test_what_is_only_shown_does_not_become_the_reason_of_a_status() -> None:
    entry = an_entry(why="done in 3 min")
    assert apply(entry, an_event(e.Noted)).why == "done in 3 min"
    assert apply(entry, an_event(e.Observed)).why == "done in 3 min"
    assert apply(entry, an_event(e.Held)).why == "why not"


def test_a_question_about_an_entry_stands_with_it_until_it_is_closed() -> None:
    asked = apply(an_entry(), an_event(e.QuestionAsked))
    assert asked.question == "e1-1"
    assert apply(asked, an_event(e.QuestionClosed, question="e1-0")).question == "e1-1"
    assert apply(asked, an_event(e.QuestionClosed)).question == ""


def test_an_event_of_an_attempt_changes_nothing_where_there_is_none() -> None:
    external = an_entry(spec=a_spec(executor="external"))
    assert apply(external, an_event(e.Started)).run is None
    assert apply(external, an_event(e.Ended)).run is None


# --- the whole state -------------------------------------------------------------------------------------------------


def test_the_first_event_names_the_lab_and_each_event_has_its_number() -> None:
    state = DispatchState(project="?", lab="?")
    fold_all(state, [e.LabMade(at=T0, project="demo", lab="l1"), e.Added(at=AT, id="e1", spec=a_spec(), why="added")])
    assert (state.project, state.lab, state.seq, state.updated) == ("demo", "l1", 2, AT)
    assert state.entries["e1"] == Entry(spec=a_spec(), since=AT, added_at=AT, why="added")


def test_adding_twice_is_our_own_mistake_and_said_so() -> None:
    with pytest.raises(Bug):
        fold(a_state(an_entry()), e.Added(at=AT, id="e1", spec=a_spec()))


def test_an_event_of_an_experiment_nobody_knows_is_counted_and_changes_nothing() -> None:
    state = a_state()
    fold(state, an_event(e.Noted, id="ghost", path="dispatch/ghost.status.json", digest="d1"))
    assert (state.entries, state.seq) == ({}, 1)
    assert state.unreadable == {"dispatch/ghost.status.json": "d1"}


def test_questions_are_open_until_closed_and_counted_for_ever() -> None:
    state = a_state(an_entry())
    fold(state, an_event(e.QuestionAsked))
    assert list(state.questions) == ["e1-1"]
    fold(state, an_event(e.QuestionClosed))
    fold(state, an_event(e.QuestionClosed))
    assert (state.questions, state.asked) == ({}, {"e1": 1})


def test_hosts_and_the_driver_are_as_the_last_event_says() -> None:
    state = a_state()
    fold(state, e.HostChanged(at=AT, host=HostState(name="h1", status=HostStatus.READY)))
    fold(state, e.DriverTaken(at=AT, number=7))
    assert state.hosts["h1"].status is HostStatus.READY
    assert state.driver == 7


def test_settled_wishes_are_remembered_and_their_number_is_bounded() -> None:
    state = a_state()
    for number in range(REMEMBERED + 5):
        fold(state, e.WishSettled(at=AT, wish=f"w{number}", outcome="ok"))
    assert len(state.wishes) == REMEMBERED
    assert "w4" not in state.wishes
    assert f"w{REMEMBERED + 4}" in state.wishes


@pytest.mark.rule("B17")
def test_a_parked_experiment_is_active_only_while_an_attempt_of_it_is_open() -> None:
    assert is_active(an_entry(status=Status.PENDING))
    assert is_active(an_entry(status=Status.ON_HOLD, run=a_claimed_run()))
    assert is_active(an_entry(status=Status.UNREACHABLE, run=a_claimed_run()))
    assert not is_active(an_entry(status=Status.ON_HOLD))
    assert not is_active(an_entry(status=Status.ON_HOLD, run=an_ended_run()))
    assert not any(is_active(an_entry(status=status, run=an_ended_run())) for status in TERMINAL)


def test_the_claim_of_a_start_is_kept_with_its_attempt() -> None:
    entry = apply(an_entry(run=a_staged_run()), an_event(e.Started, claim=a_claim()))
    assert entry.status is Status.RUNNING
    assert entry.run is not None
    assert (entry.run.claim, entry.run.started_at) == (a_claim(), AT)


# --- the page printed from the table ---------------------------------------------------------------------------------


def test_the_page_of_states_is_what_the_table_prints() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts/states"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
