"""What people are asked: once, with options and what follows, and closed when it is no longer open."""

from __future__ import annotations

from typing import Any

import pytest

from autolab.model.event import Event
from autolab.model.reasons import REASONS
from autolab.model.state import DispatchState
from autolab.model.transitions import fold
from autolab.rules.decisions import EFFECTS
from autolab.rules.questions import ask, withdraw
from tests.builders import T0, a_state, an_entry


def asked(state: DispatchState, reason: str = "unknown_end", about: str = "e1", **more: Any) -> list[Event]:
    events = []
    for happened in ask(state, about, reason, T0, **{"seen": "s", "did": "d", **more}):
        fold(state, happened)
        events.append(happened)
    return events


def test_the_same_is_asked_once_while_it_is_open_and_numbered_anew_after() -> None:
    state = a_state(an_entry())
    assert len(asked(state)) == 1
    assert asked(state) == []
    assert len(asked(state, "nan_loss")) == 1
    assert list(state.questions) == ["e1-1", "e1-2"]
    for happened in withdraw(state, "e1", T0, "answered", "unknown_end"):
        fold(state, happened)
    assert list(state.questions) == ["e1-2"]
    asked(state)
    assert list(state.questions) == ["e1-2", "e1-3"]


def test_a_question_about_a_host_names_no_experiment() -> None:
    state = a_state()
    (event,) = asked(state, "host_refused", "host:h1")
    assert event.id == ""
    assert list(state.questions) == ["host-h1-1"]
    assert [happened.id for happened in withdraw(state, "host:h1", T0, "it answers")] == [""]


def test_what_is_asked_is_bound_by_its_digest() -> None:
    digests = set()
    for more in ({}, {"seen": "other"}, {"did": "other"}):
        state = a_state(an_entry())
        asked(state, **more)
        digests.add(state.questions["e1-1"].digest)
    assert len(digests) == 3
    assert all(digests)


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_has_options_that_differ_and_say_what_follows(reason: str) -> None:
    options = REASONS[reason].options
    assert len({option.name for option in options}) == len(options) >= 1
    assert all(option.effect for option in options)
    assert all(f"{reason}/{option.name}" in EFFECTS or option.name in EFFECTS for option in options)


def test_withdrawing_closes_what_is_about_it_and_nothing_else() -> None:
    state = a_state(an_entry("e1"), an_entry("e2"))
    asked(state)
    asked(state, "nan_loss")
    asked(state, about="e2")
    for happened in list(withdraw(state, "e1", T0, "cancelled")):
        fold(state, happened)
    assert [question.about for question in state.questions.values()] == ["e2"]
    assert state.entries["e1"].question == ""
