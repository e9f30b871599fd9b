"""What is known of a host by what looks say, and when it may be asked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from autolab.model.event import Event
from autolab.model.observation import Look, Sighting
from autolab.model.plan import Policies
from autolab.model.state import DispatchState, HostState, HostStatus
from autolab.model.transitions import fold
from autolab.rules.hosts import heard, may_ask, relieve
from tests.builders import T0, a_claimed_run, a_host, a_sighting, a_state, an_entry, seconds


def hear(state: DispatchState, sighting: Sighting, at: datetime = T0) -> list[Event]:
    events = []
    for happened in heard(state, "h1", replace(sighting, at=at), Policies(), at):
        fold(state, happened)
        events.append(happened)
    return events


def a_lab(**host: Any) -> DispatchState:
    return a_state(hosts={"h1": HostState(name="h1", **host)})


def test_the_first_answer_makes_it_ready_and_the_next_is_no_news() -> None:
    state = a_state()
    assert len(hear(state, a_sighting())) == 1
    assert state.hosts["h1"].status is HostStatus.READY
    assert hear(state, a_sighting(host=a_host(uptime_s=99999.0))) == []


@pytest.mark.rule("B21")
def test_silence_waits_longer_each_time_and_an_answer_forgets_it() -> None:
    state = a_lab(status=HostStatus.READY)
    at, waits = T0, []
    for _ in range(5):
        hear(state, a_sighting(Look.NO_ANSWER, reason="cut"), at)
        until = state.hosts["h1"].not_before
        assert until is not None
        waits.append((until - at).total_seconds())
        assert not may_ask(state.hosts["h1"], until - seconds(1))
        assert may_ask(state.hosts["h1"], until)
        at = until
    assert waits == [30, 120, 600, 1800, 1800]
    hear(state, a_sighting(), at)
    assert (state.hosts["h1"].status, state.hosts["h1"].misses) == (HostStatus.READY, 0)


def test_several_jobs_of_one_look_count_once() -> None:
    state = a_lab(status=HostStatus.READY)
    silent = a_sighting(Look.UNREACHABLE, reason="no route")
    hear(state, silent)
    assert hear(state, silent) == []
    assert state.hosts["h1"].misses == 1


def test_a_refused_login_waits_longest_and_asks_a_person_once() -> None:
    state = a_lab(status=HostStatus.READY)
    refused = a_sighting(Look.REFUSED, reason="key refused")
    assert [event.name for event in hear(state, refused)] == ["host_changed", "question_asked"]
    assert state.hosts["h1"].not_before == T0 + seconds(1800)
    assert [event.name for event in hear(state, refused, T0 + seconds(1800))] == ["host_changed", "question_repeated"]
    assert [q.reason for q in state.questions.values()] == ["host_refused"]
    hear(state, a_sighting(), T0 + seconds(3600))
    assert state.questions == {}


@pytest.mark.parametrize("status", [HostStatus.DRAINED, HostStatus.QUARANTINED])
@pytest.mark.parametrize("look", [Look.SEEN, Look.NO_ANSWER, Look.NO_SPACE, Look.REFUSED])
def test_no_look_changes_what_a_person_has_to_undo(status: HostStatus, look: Look) -> None:
    state = a_lab(status=status, since=T0)
    hear(state, a_sighting(look), T0 + seconds(60))
    assert (state.hosts["h1"].status, state.hosts["h1"].since) == (status, T0)


def test_trouble_lasts_its_back_off_and_does_not_keep_us_from_looking() -> None:
    state = a_lab(status=HostStatus.READY)
    hear(state, a_sighting(Look.NO_SPACE, reason="full"))
    assert may_ask(state.hosts["h1"], T0 + seconds(1))
    hear(state, a_sighting(), T0 + seconds(29))
    assert state.hosts["h1"].status is HostStatus.TROUBLED
    hear(state, a_sighting(), T0 + seconds(30))
    assert state.hosts["h1"].status is HostStatus.READY


@pytest.mark.parametrize("status", list(HostStatus))
@pytest.mark.parametrize("works", [False, True])
def test_a_host_in_trouble_is_tried_again_with_new_work_when_nothing_there_is_looked_at(
    status: HostStatus, works: bool
) -> None:
    state = a_lab(status=status, not_before=T0, misses=2)
    if works:
        state.entries["e1"] = an_entry(run=a_claimed_run())
    changed = list(relieve(state, T0))
    again = status is HostStatus.TROUBLED and not works
    assert bool(changed) is again
    assert list(relieve(state, T0 - seconds(1))) == []
    for happened in changed:
        fold(state, happened)
        assert state.hosts["h1"].status is HostStatus.UNKNOWN
        assert state.hosts["h1"].misses == 2, "a next silence waits longer"
