"""What is known of hosts' readiness comes back from disk as it was, after any sequence of events."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autolab.model.documents import parse_event, parse_state
from autolab.model.event import CheckAsked, CheckBegun, HostAccepted, HostChecked, event_document
from autolab.model.readiness import Finding, HostReport, Step
from autolab.model.state import DispatchState
from autolab.model.transitions import fold_all
from tests.builders import T0, of_kind, seconds

REPORTS = st.builds(
    HostReport,
    failed=st.none() | st.sampled_from(Step), why=st.text(max_size=5), output=st.text(max_size=5),
    findings=st.lists(st.builds(Finding, name=st.just("x"), verdict=st.just("ok"), found=st.just("y"))).map(tuple),
    cuda=st.none() | st.booleans(), dry_run=st.none() | st.booleans(), cards=st.none() | st.just(("0", "1")),
)  # fmt: skip
INSTANTS = st.integers(0, 10**6).map(lambda s: T0 + seconds(s))
HAPPENINGS = st.lists(
    st.builds(CheckAsked, at=INSTANTS, host=st.sampled_from(["h1", "h2"]), dry_run=st.booleans())
    | st.builds(CheckBegun, at=INSTANTS, host=st.just("h1"), environment=st.just("e"), code=st.just("c"),
                tries=st.integers(1, 9))
    | st.builds(HostChecked, at=INSTANTS, host=st.just("h1"), report=REPORTS, valid_until=INSTANTS,
                again_at=st.none() | INSTANTS)
    | st.builds(HostAccepted, at=INSTANTS, host=st.just("h1"))
)  # fmt: skip


@pytest.mark.rule("B9")
@settings(deadline=None)
@given(HAPPENINGS)
def test_what_is_known_of_readiness_comes_back_from_the_journal_and_from_the_snapshot(events: list[Any]) -> None:
    state = fold_all(DispatchState(project="demo", lab="l"), events)
    lines = [orjson.loads(orjson.dumps(event_document(event, n + 1))) for n, event in enumerate(events)]
    assert fold_all(DispatchState(project="demo", lab="l"), map(parse_event, lines)) == state
    assert parse_state(orjson.dumps(state)) == state
    numbers = [known.number for known in state.readiness.values()]
    assert sum(numbers) == len(of_kind(events, CheckBegun))
