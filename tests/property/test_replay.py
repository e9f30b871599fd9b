"""What stands on disk gives back what was in memory: events, states, and the one folded out of the other."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model import event as e
from autolab.model.documents import entry_document, parse_event, parse_state
from autolab.model.event import event_document
from autolab.model.observation import Authority
from autolab.model.state import DispatchState, Resources, Spec
from autolab.model.transitions import fold_all
from autolab.rules.merge import merge_sidecars
from tests.builders import T0, a_sidecar, seconds

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
INSTANTS = st.integers(0, 10**9).map(lambda us: T0 + seconds(us / 10**6))
SPECS = st.builds(
    Spec,
    id=st.just("e1"), command=TEXT, expected_duration_hours=st.floats(0.001, 1e6), phase=TEXT,
    group=st.sampled_from(["main", "baseline"]), method=TEXT, dataset=TEXT, seed=st.integers(-(2**63), 2**63 - 1),
    host=st.none() | TEXT, gpu=st.none() | st.integers(0, 9) | TEXT, depends_on=st.lists(TEXT, max_size=2).map(tuple),
    env=st.dictionaries(TEXT, TEXT, max_size=2), extra=st.dictionaries(TEXT, JSON, max_size=3), notes=TEXT,
    resources=st.builds(Resources, gpus=st.integers(0, 8), walltime_s=st.none() | st.floats(1, 1e6)),
)  # fmt: skip


def through_disk(document: Any) -> Any:
    return orjson.loads(orjson.dumps(document))


@pytest.mark.rule("B9", "1.46")
@given(SPECS, INSTANTS, TEXT)
def test_a_design_comes_back_from_the_journal_as_it_was(spec: Spec, at: Any, why: str) -> None:
    added = e.Added(at=at, id="e1", actor="ana", why=why, spec=spec)
    assert parse_event(through_disk(event_document(added, 1))) == added


@pytest.mark.rule("1.46")
@given(SPECS, st.lists(st.dictionaries(TEXT, JSON, max_size=3), max_size=4))
def test_what_sidecars_said_comes_back_from_the_snapshot_and_from_the_journal(
    spec: Spec, told: list[dict[str, Any]]
) -> None:
    state = DispatchState(project="demo", lab="l")
    events: list[e.Event] = [e.Added(at=T0, id="e1", spec=spec)]
    fold_all(state, events)
    for number, cells in enumerate(told):
        safe = {f"x{key}": value for key, value in cells.items()}
        word = a_sidecar("e1", Authority.AGENT, seq=number, attempt=0, **safe)
        new = list(merge_sidecars(state, [word], T0 + seconds(number)))
        fold_all(state, new)
        events += new
    assert parse_state(orjson.dumps(state)) == state
    lines = [through_disk(event_document(happened, n + 1)) for n, happened in enumerate(events)]
    assert fold_all(DispatchState(project="demo", lab="l"), map(parse_event, lines)) == state
    assert through_disk(entry_document(state.entries["e1"]))["id"] == "e1"
