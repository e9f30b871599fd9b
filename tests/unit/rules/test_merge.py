"""Sidecars to events: any order, any repetition, one outcome."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.documents import best
from autolab.model.event import Event, LaunchIntended, Noted, Observed
from autolab.model.observation import Authority, Sidecar, Unreadable
from autolab.model.state import DispatchState, Layer, Status
from autolab.model.transitions import fold
from autolab.rules.merge import merge_sidecars, report_unreadable
from tests.builders import T0, a_run, a_sidecar, a_spec, a_state, an_entry, of_kind

STATUSES = [str(status) for status in Status]
VALUES = st.one_of(st.none(), st.integers(0, 3), st.sampled_from(["a", "b"]))
CELLS = st.dictionaries(st.sampled_from(["pid", "notes", "x"]), VALUES).flatmap(
    lambda cells: st.one_of(st.just(cells), st.sampled_from(STATUSES).map(lambda status: {**cells, "status": status}))
)
NUMBERED = st.builds(
    lambda cells, seq, authority: a_sidecar(authority=authority, attempt=1, seq=seq, **cells),
    CELLS, st.integers(0, 5), st.sampled_from([Authority.EXECUTOR, Authority.AGENT, Authority.SCRIPT]),
)  # fmt: skip


def merged(state: DispatchState, *sidecars: Sidecar) -> list[Event]:
    """Take these in; the events they made."""
    events = []
    for happened in merge_sidecars(state, sidecars, T0):
        fold(state, happened)
        events.append(happened)
    return events


def fresh() -> DispatchState:
    return a_state(an_entry(run=a_run()))


def layers_after(*sidecars: Sidecar) -> dict[str, Layer]:
    state = fresh()
    merged(state, *sidecars)
    return dict(state.entries["e1"].layers)


@pytest.mark.rule("B2", "1.33", "B14")
@given(st.lists(NUMBERED, max_size=6).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_sidecars_with_a_number_give_the_same_facts_in_any_order(orders: tuple[list[Sidecar], list[Sidecar]]) -> None:
    assert layers_after(*orders[0]) == layers_after(*orders[1])


@given(st.lists(NUMBERED, max_size=4), st.lists(NUMBERED, max_size=4))
def test_the_same_sidecars_again_add_no_event(one: list[Sidecar], two: list[Sidecar]) -> None:
    state = fresh()
    merged(state, *one, *two)
    shown = merged(state, *two, *one)
    assert of_kind(shown, Observed) == []
    assert merged(state, *two, *one, *one) == []


@given(st.lists(NUMBERED, max_size=5), st.integers(0, 5))
def test_it_is_the_same_in_one_batch_or_in_two(sidecars: list[Sidecar], cut: int) -> None:
    state = fresh()
    merged(state, *sidecars[:cut])
    merged(state, *sidecars[cut:])
    assert state.entries["e1"].layers == layers_after(*sidecars)


def test_a_word_from_in_between_comes_too_late_although_the_last_one_repeated_the_first() -> None:
    one, two, three = (a_sidecar(attempt=1, seq=seq, notes=text) for seq, text in [(1, "A"), (2, "B"), (3, "A")])
    assert layers_after(one, three, two) == layers_after(one, two, three)


@pytest.mark.rule("B3")
def test_null_says_that_there_is_no_value_and_an_absent_key_says_nothing() -> None:
    state = fresh()
    merged(state, a_sidecar(attempt=1, seq=1, pid=7, notes="n"))
    merged(state, a_sidecar(attempt=1, seq=2, pid=None))
    entry = state.entries["e1"]
    assert entry.layers["agent"].values["pid"] is None
    assert entry.layers["agent"].values["notes"] == "n"
    assert best(entry, "pid") is None


@pytest.mark.rule("B2")
@pytest.mark.parametrize("end", ["done", "failed", "cancelled"])
@pytest.mark.parametrize("later", ["pending", "running", "on_hold", "unreachable"])
def test_a_word_that_undoes_an_end_is_shown_once_and_not_applied(end: str, later: str) -> None:
    state = fresh()
    merged(state, a_sidecar(status=end))
    events = merged(state, a_sidecar(status=later))
    assert best(state.entries["e1"], "status") == end
    assert [note.kind for note in of_kind(events, Noted)] == ["conflict"]
    assert later in of_kind(events, Noted)[0].why
    assert merged(state, a_sidecar(status=later)) == []


@pytest.mark.rule("B2")
def test_of_two_ends_the_later_word_holds() -> None:
    state = fresh()
    merged(state, a_sidecar(status="done"), a_sidecar(status="failed"))
    assert best(state.entries["e1"], "status") == "failed"


def test_a_sidecar_without_a_number_gets_the_next_one_when_it_changed() -> None:
    state = fresh()
    merged(state, a_sidecar(notes="one"))
    assert merged(state, a_sidecar(notes="one")) == []
    merged(state, a_sidecar(notes="two"))
    merged(state, a_sidecar(notes="one", digest="rewritten"))
    assert state.entries["e1"].layers == {"agent": Layer(3, "rewritten", {"notes": "one"})}


@pytest.mark.rule("B35")
@pytest.mark.parametrize("rewritten", [False, True], ids=["as it was", "rewritten with the same values"])
def test_what_stood_in_a_file_when_an_attempt_opened_is_no_word_about_it(rewritten: bool) -> None:
    state = fresh()
    last = a_sidecar(status="failed", pid=7, digest="d1")
    merged(state, last)
    if rewritten:
        last = a_sidecar(status="failed", pid=7, digest="d2")
        merged(state, last)
    fold(state, LaunchIntended(at=T0, id="e1", attempt=2, run=a_run(2)))
    assert merged(state, last) == []
    assert state.entries["e1"].layers == {}
    merged(state, a_sidecar(status="running", pid=8, digest="d3"))
    assert best(state.entries["e1"], "pid") == 8


@pytest.mark.rule("B2")
@pytest.mark.parametrize(("attempt", "kind"), [(1, "late"), (3, "quarantined"), (2**31, "quarantined")])
def test_a_word_about_another_attempt_is_noted_once_and_applied_to_nothing(attempt: int, kind: str) -> None:
    state = a_state(an_entry(run=a_run(2)))
    word = a_sidecar(status="done", attempt=attempt, seq=9)
    before = state.entries["e1"].layers
    assert [event.kind for event in of_kind(merged(state, word, word), Noted)] == [kind]
    assert state.entries["e1"].layers == before
    assert merged(state, word) == []
    changed = a_sidecar(status="failed", attempt=attempt, seq=10)
    assert len(merged(state, changed)) == 1


@pytest.mark.rule("B5")
def test_a_sidecar_of_nobody_is_noted_once() -> None:
    state = fresh()
    word = a_sidecar("ghost", status="done")
    events = merged(state, word, word)
    assert [event.kind for event in of_kind(events, Noted)] == ["unknown_id"]
    assert "ghost" not in state.entries
    assert merged(state, word) == []


@pytest.mark.rule("B4")
def test_an_unreadable_file_is_asked_about_at_the_third_poll_and_hurts_nobody() -> None:
    state = a_state(an_entry(run=a_run()), an_entry("e2"))
    merged(state, a_sidecar(notes="good"))

    def poll(digest: str) -> list[str]:
        names = []
        for happened in report_unreadable(state, [Unreadable("dispatch/e1.status.json", "cut", digest, "e1")], 3, T0):
            fold(state, happened)
            names.append(happened.name)
        return names

    assert [poll("d1") for _ in range(5)] == [["noted"], ["noted"], ["noted", "question_asked"], [], []]
    assert [question.about for question in state.questions.values()] == ["e1"]
    assert poll("d2") == ["noted"], "it changed: tried again"
    assert best(state.entries["e1"], "notes") == "good"


@pytest.mark.rule("B16")
def test_a_write_by_somebody_else_speaks_beside_our_executor_and_not_for_it() -> None:
    state = fresh()
    merged(state, a_sidecar(authority=Authority.EXECUTOR, attempt=1, seq=1, pid=7, status="running"))
    merged(state, a_sidecar(authority=Authority.AGENT, pid=1, status="done", seq=2**53, attempt=1))
    entry = state.entries["e1"]
    assert (best(entry, "pid"), best(entry, "status")) == (7, "running")
    assert entry.layers["agent"].values["status"] == "done"


def test_an_event_names_who_spoke_of_which_attempt() -> None:
    state = fresh()
    told = of_kind(merged(state, a_sidecar(authority=Authority.SCRIPT, notes="n")), Observed)[0]
    assert (told.actor, told.attempt, told.id) == ("script", 1, "e1")


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=3))
def test_keys_that_nobody_knows_are_kept(cells: dict[str, Any]) -> None:
    state = fresh()
    merged(state, Sidecar("e1", Authority.AGENT, cells, "d"))
    assert {key: value for layer in state.entries["e1"].layers.values() for key, value in layer.values.items()} == cells


def test_an_external_executor_counts_its_attempts_itself() -> None:
    state = a_state(an_entry(spec=a_spec(executor="external")))
    told = merged(state, a_sidecar(attempt=1, seq=3, status="running"))
    assert [type(happened) for happened in told] == [Observed]
    assert best(state.entries["e1"], "status") == "running"
