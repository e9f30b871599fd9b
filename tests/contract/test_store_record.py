"""The journal of record carries the model: what is folded as it comes equals what is loaded and folded again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from autolab.model.documents import entry_document, parse_event, parse_state
from autolab.model.event import Added, Event, Observed, event_document
from autolab.model.observation import Authority
from autolab.model.state import DispatchState, Spec
from autolab.model.transitions import fold_all
from autolab.store.files import Files
from autolab.store.journal import Journal
from autolab.store.layout import Layout
from autolab.store.state_file import StateRenderer

LAB = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
T0 = datetime(2026, 11, 20, 10, 44, 12, tzinfo=UTC)


def a_spec(number: int) -> Spec:
    return Spec(
        id=f"lr_cifar_base_s{number}",
        command="python train.py",
        expected_duration_hours=1.5,
        phase="2",
        group="lr",
        method="base",
        dataset="cifar",
        seed=number,
        extra={"paper_reported": 93.1, "notes in ünïcode": "\x7f\u2028"},
    )


def the_events() -> list[Event]:
    added = [Added(at=T0, id=a_spec(n).id, why="designed", spec=a_spec(n)) for n in range(4)]
    said = Observed(
        at=T0 + timedelta(seconds=1),
        id=a_spec(0).id,
        authority=Authority.AGENT,
        sidecar_seq=1,
        digest="d",
        cells={"pid": 12, "wandb_run_id": None, "metrics": {"loss": [1, 2.5, None]}},
    )
    return [*added, said]


def folded(events: list[Event]) -> DispatchState:
    return fold_all(DispatchState(project="p", lab=LAB), events)


def rebuilt(journal: Journal) -> DispatchState:
    loaded = journal.load()
    return fold_all(parse_state(loaded.snapshot), [parse_event(document) for document in loaded.events])


@pytest.mark.parametrize("sealed_after", range(6))
@pytest.mark.rule("B10")
def test_a_state_rebuilt_from_the_journal_equals_the_state_folded_as_it_came(tmp_path: Path, sealed_after: int) -> None:
    journal = Journal(Layout(tmp_path, None, LAB), Files())
    journal.begin(orjson.dumps(folded([])))
    events = the_events()
    for number, event in enumerate(events, 1):
        if number - 1 == sealed_after:
            journal.seal(orjson.dumps(folded(events[:sealed_after])))
        journal.append([event_document(event, number)])
    assert rebuilt(Journal(journal.layout, Files())) == folded(events)
    assert [document["seq"] for document in journal.history()] == [1, 2, 3, 4, 5]


@pytest.mark.rule("1.30")
def test_the_view_shows_every_experiment_with_the_keys_of_the_seeds() -> None:
    state = folded(the_events())
    view = json.loads(StateRenderer(entry_document).render({"project": "p", "updated": None}, state.entries))
    assert [entry["id"] for entry in view["experiments"]] == list(state.entries)
    required = {"id", "status", "command", "expected_duration_hours", "phase", "group", "method", "dataset", "seed"}
    assert all(required <= entry.keys() for entry in view["experiments"])


def test_an_event_of_the_model_begins_with_its_number() -> None:
    for event in the_events():
        assert orjson.dumps(event_document(event, 7)).startswith(b'{"seq":7,')
