"""Folding: any sequence of events that is allowed at all leaves a state that makes sense."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autolab.model import event as e
from autolab.model.state import Adopting, End, EndHow, Status
from autolab.model.transitions import TRANSITIONS, apply, fold, fold_all, may
from tests.builders import T0, a_claim, a_run, a_spec, a_state, an_entry, seconds

FACTS: dict[type[e.Event], dict[str, Any]] = {
    e.Amended: {"spec": a_spec(notes="new")},
    e.AdoptAsked: {"adopting": Adopting(host="h1", pid=4711, start_ticks=99)},
    e.Staged: {"boot_id": "boot-1"},
    e.Started: {"claim": a_claim()},
    e.Ended: {"end": End(how=EndHow.EXIT, at=T0, status=0)},
    e.Failed: {"kind": "undiagnosed"},
    e.Requeued: {"kind": "lost", "remedy": "again", "charged": True},
    e.Parked: {"reason": "said"},
    e.StopAsked: {"kind": "nan_loss"},
}
KINDS = sorted({kind for _, kind in TRANSITIONS}, key=lambda kind: kind.__name__)
HAPPENINGS = st.lists(st.sampled_from(KINDS), max_size=40)


def played(kinds: list[type[e.Event]]) -> list[e.Event]:
    """Those of ``kinds`` that can happen, one after the other, each a second later."""
    entry = an_entry()
    events: list[e.Event] = []
    for kind in kinds:
        facts = {"run": a_run(entry.attempt + 1)} if kind is e.LaunchIntended else FACTS.get(kind, {})
        if may(entry.status, kind) and not (kind is e.LaunchIntended and entry.open_run):
            events.append(kind(at=T0 + seconds(len(events) + 1), id="e1", attempt=entry.attempt, **facts))
            entry = apply(entry, events[-1])
    return events


@given(HAPPENINGS)
def test_since_is_when_the_status_last_changed(kinds: list[type[e.Event]]) -> None:
    entry = an_entry()
    since = entry.since
    for happened in played(kinds):
        after = apply(entry, happened)
        since = since if after.status is entry.status else happened.at
        assert after.since == since
        entry = after


@given(HAPPENINGS)
def test_attempts_only_grow_and_a_closed_one_stays_closed(kinds: list[type[e.Event]]) -> None:
    entry = an_entry()
    for happened in played(kinds):
        after = apply(entry, happened)
        assert after.attempt - entry.attempt == isinstance(happened, e.LaunchIntended)
        assert after.retry_count <= after.attempt + 40
        if entry.run is not None and after.run is not None and entry.run.number == after.run.number:
            assert entry.run.end is None or after.run.end == entry.run.end
            assert after.run.claim is not None or entry.run.claim is None
        entry = after


@given(HAPPENINGS, st.integers(0, 40))
def test_folding_in_two_parts_is_folding_at_once(kinds: list[type[e.Event]], cut: int) -> None:
    events = played(kinds)
    whole = fold_all(a_state(an_entry()), events)
    parts = fold_all(fold_all(a_state(an_entry()), events[:cut]), events[cut:])
    assert whole == parts
    assert whole.seq == len(events)


@given(HAPPENINGS)
def test_folding_leaves_the_events_and_the_entries_before_as_they_were(kinds: list[type[e.Event]]) -> None:
    events = played(kinds)
    kept = deepcopy(events)
    state = a_state(an_entry())
    before = state.entries["e1"]
    for happened in events:
        fold(state, happened)
    assert events == kept
    assert before == an_entry()


@given(HAPPENINGS, st.sampled_from([Status.DONE, Status.FAILED, Status.CANCELLED]))
def test_nothing_but_a_person_leads_out_of_an_end(kinds: list[type[e.Event]], status: Status) -> None:
    entry = an_entry(status=status)
    assert {kind for kind in kinds if may(entry.status, kind)} <= {e.RetryAsked}
