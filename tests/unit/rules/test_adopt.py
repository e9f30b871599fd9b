"""What hosts hold and the journal lacks, as events: from any status, whatever number, and never a second launch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import orjson
import pytest

from autolab.model import ids
from autolab.model.event import CancelAsked, Event, Held, HostLost, LaunchIntended
from autolab.model.holding import Holding
from autolab.model.state import DispatchState, EndHow, Entry, Status
from autolab.model.transitions import fold
from autolab.rules import adopt
from autolab.rules.decide import decide
from autolab.rules.tick import Seen
from tests.builders import (
    LAB,
    T0,
    a_claimed_run,
    a_host_plan,
    a_plan,
    a_run,
    a_spec,
    a_state,
    an_ended_run,
    an_entry,
    seconds,
)

HOST, OTHER = a_host_plan("h1"), a_host_plan("h2")
LATER = T0 + seconds(60)


def a_document(ident: str = "e1", attempt: int = 1, **more: Any) -> dict[str, Any]:
    """``spec.json`` as staging writes it."""
    document = {
        "lab": LAB,
        "id": ident,
        "attempt": attempt,
        "token": ids.token(LAB, ident, attempt),
        "spec_hash": f"hash-{ident}-{attempt}",
        "code": "c0de",
        "command": "python train.py --seed 0",
        "host": "h1",
        "gpus": ["1"],
        "project_dir": "/there",
        "env": {"BATCH": "8"},
        "intended_at": T0.isoformat(),
        "result_file": None,
        "spec": asdict(a_spec(ident)),
    }
    return document | more


def holding(*documents: dict[str, Any]) -> Holding:
    return Holding(1, "a", {f"{d['id']}/a{d['attempt']}": orjson.dumps(d) for d in documents})


def taken_in(state: DispatchState, *documents: dict[str, Any], host: Any = HOST) -> list[Event]:
    """The events, each folded."""
    found, strange = adopt.read(host, holding(*documents), LAB)
    assert strange == []
    return folded(state, adopt.adopt(state, found, LATER))


def folded(state: DispatchState, events: Iterable[Event]) -> list[Event]:
    made = []
    for happened in events:
        fold(state, happened)
        made.append(happened)
    return made


def names(events: Iterable[Event]) -> list[str]:
    return [happened.name for happened in events]


def test_an_experiment_that_nobody_knows_is_added_with_its_attempt_as_it_was_launched() -> None:
    state = a_state()
    assert names(taken_in(state, a_document())) == ["added", "launch_intended"]
    entry = state.entries["e1"]
    run = entry.open_run
    assert entry.spec == a_spec("e1")
    assert run is not None
    assert (run.number, run.host, run.dir) == (1, "h1", f"{HOST.run_root}/e1/a1")
    assert (run.gpus, run.env, run.project_dir, run.intended_at) == (("1",), {"BATCH": "8"}, "/there", T0)
    assert (run.token, run.spec_hash) == (ids.token(LAB, "e1", 1), "hash-e1-1")


def test_a_document_of_before_says_less_and_the_settings_say_the_rest() -> None:
    state, document = a_state(), a_document()
    for key in ("project_dir", "env", "intended_at"):
        del document[key]
    taken_in(state, document)
    run = state.entries["e1"].run
    assert run is not None
    assert (run.project_dir, run.env, run.intended_at) == (HOST.project_dir, {}, LATER)


def test_attempts_come_in_the_order_of_their_numbers_also_past_nine() -> None:
    state = a_state(an_entry())
    made = taken_in(state, *(a_document(attempt=number) for number in (10, 2, 1, 9)))
    assert [e.run.number for e in made if isinstance(e, LaunchIntended)] == [1, 2, 9, 10]
    assert state.entries["e1"].attempt == 10


@pytest.mark.parametrize("number", [1, 2])
def test_what_the_journal_knows_already_is_no_news(number: int) -> None:
    state = a_state(an_entry(run=a_run(2), attempt=2))
    assert taken_in(state, a_document(attempt=number)) == []


def test_hearing_it_twice_adds_nothing() -> None:
    state = a_state()
    taken_in(state, a_document(), a_document("e2", 3))
    assert taken_in(state, a_document(), a_document("e2", 3)) == []


def test_two_hosts_of_one_state_folder_tell_of_one_attempt() -> None:
    state = a_state()
    document = a_document()
    found = [*adopt.read(OTHER, holding(document), LAB)[0], *adopt.read(HOST, holding(document), LAB)[0]]
    made = folded(state, adopt.adopt(state, found, LATER))
    assert names(made) == ["added", "launch_intended"]
    assert state.entries["e1"].run is not None
    assert state.entries["e1"].run.host == "h1"


def test_a_waiting_experiment_whose_attempt_was_found_is_not_launched_anew() -> None:
    state = a_state(an_entry())
    taken_in(state, a_document())
    made = decide(state, Seen(code="c0de"), a_plan(HOST, OTHER), LATER)
    assert "launch_intended" not in names(made.events)
    assert state.entries["e1"].attempt == 1


def lost(entry: Entry) -> Entry:
    state = a_state(entry)
    fold(state, HostLost(at=T0, id=entry.id))
    return state.entries[entry.id]


STANDS = {
    "intended": an_entry(run=a_run()),
    "running": an_entry(status=Status.RUNNING, run=a_claimed_run()),
    "unreachable": lost(an_entry(status=Status.RUNNING, run=a_claimed_run())),
    "ended, not judged": an_entry(status=Status.RUNNING, run=an_ended_run()),
    "parked": an_entry(status=Status.ON_HOLD, run=an_ended_run(judged=True)),
    "done": an_entry(status=Status.DONE, run=an_ended_run(judged=True)),
    "failed": an_entry(status=Status.FAILED, run=an_ended_run(status=1, judged=True)),
    "cancelled": an_entry(status=Status.CANCELLED, run=an_ended_run(judged=True)),
}


@pytest.mark.parametrize("entry", STANDS.values(), ids=STANDS)
def test_a_later_attempt_is_taken_in_wherever_the_journal_stood(entry: Entry) -> None:
    state = a_state(entry)
    taken_in(state, a_document(attempt=2))
    after = state.entries["e1"]
    assert (after.status, after.attempt) == (Status.PENDING, 2)
    assert after.open_run is not None
    assert after.open_run.number == 2


def test_an_attempt_that_was_left_behind_ends_on_the_word_of_the_next_and_is_charged_to_nobody() -> None:
    state = a_state(STANDS["running"])
    made = taken_in(state, a_document(attempt=2))
    assert names(made) == ["ended", "requeued", "launch_intended"]
    assert made[0].end.how is EndHow.SAID  # type: ignore[attr-defined]
    assert state.entries["e1"].retry_count == 0


@pytest.mark.parametrize(("word", "what"), [(Held, "hold"), (CancelAsked, "cancel")])
def test_what_a_person_decided_stands_over_what_was_found(word: type[Event], what: str) -> None:
    state = a_state(an_entry())
    fold(state, word(at=T0, id="e1", actor="ann", why="not now"))
    taken_in(state, a_document())
    entry = state.entries["e1"]
    assert entry.decision is not None
    assert (entry.decision.what, entry.decision.by) == (what, "ann")
    assert entry.open_run is not None


def test_another_attempt_under_the_same_number_is_asked_about_once() -> None:
    state = a_state(an_entry(status=Status.RUNNING, run=a_claimed_run(spec_hash="ours")))
    made = taken_in(state, a_document(spec_hash="theirs"))
    assert names(made) == ["question_asked"]
    assert next(iter(state.questions.values())).reason == "unknown_end"
    assert state.entries["e1"].status is Status.RUNNING
    assert taken_in(state, a_document(spec_hash="theirs")) == []


def test_two_hosts_with_different_attempts_of_one_number_are_asked_about() -> None:
    state = a_state()
    theirs = a_document(spec_hash="theirs", host="h2")
    found = [*adopt.read(OTHER, holding(theirs), LAB)[0], *adopt.read(HOST, holding(a_document()), LAB)[0]]
    assert names(folded(state, adopt.adopt(state, found, LATER))) == ["added", "launch_intended", "question_asked"]


def test_a_closed_attempt_that_differs_is_noted_and_moves_nothing() -> None:
    state = a_state(an_entry(status=Status.DONE, run=an_ended_run(judged=True, spec_hash="ours")))
    assert names(taken_in(state, a_document(spec_hash="theirs"))) == ["noted"]
    assert state.entries["e1"].status is Status.DONE


BAD = {
    "no JSON": b"{",
    "no object": b"[]",
    "no text": b"\xff\xfe\xfd",
    "too deep": b"[" * 100_000,
    "a key is missing": orjson.dumps({k: v for k, v in a_document().items() if k != "spec_hash"}),
    "of another lab": orjson.dumps(a_document(lab="f" * 32)),
    "of another attempt": orjson.dumps(a_document(attempt=2)),
    "of another experiment": orjson.dumps(a_document("e2")),
    "another spec": orjson.dumps(a_document(spec=asdict(a_spec("e2")))),
    "another token": orjson.dumps(a_document(token="alaaaaaaaaaaaa")),
    "no such number": orjson.dumps(a_document(attempt="one")),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_folder_that_does_not_say_what_it_is_holds_what_waits_and_spoils_no_other(text: bytes) -> None:
    good = a_document("e3")
    held = Holding(1, "a", {"e1/a1": text, "nobody/a1": text, "e3/a1": orjson.dumps(good)})
    found, strange = adopt.read(HOST, held, LAB)
    assert [one.document.id for one in found] == ["e3"]
    state = a_state(an_entry())
    assert names(folded(state, adopt.beware(state, strange, LATER))) == ["held"]
    assert state.entries["e1"].status is Status.ON_HOLD
    assert folded(state, adopt.beware(state, strange, LATER)) == []


def test_a_strange_folder_of_an_attempt_that_the_journal_knows_holds_nothing() -> None:
    state = a_state(an_entry(run=a_run(), attempt=1))
    assert folded(state, adopt.beware(state, [adopt.Strange("h1", "e1/a1", "no JSON")], LATER)) == []
