"""A layer per authority says what a cell per key would: the greatest word of each, in whatever order they come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model import event as e
from autolab.model.documents import best, parse_event, parse_state, said_by
from autolab.model.layers import stamp_of
from autolab.model.observation import Authority, Sidecar
from autolab.model.state import TERMINAL, DispatchState, Entry, Layer, Status
from autolab.model.transitions import fold, fold_all
from autolab.rules.merge import merge_sidecars
from tests.builders import T0, a_run, a_sidecar, a_state, an_entry

Facts = dict[tuple[str, str], tuple[int, str, str]]  # authority, key -> seq, digest, value as JSON

VALUES = st.sampled_from([None, 0, 1, 2, True, False, 1.0, "a", "b", [1], [True], {"x": 1}, {"x": 1.0}])
PLAIN = st.dictionaries(st.sampled_from(["pid", "notes", "x", "y"]), VALUES, max_size=4)
STATUS = st.sampled_from([str(status) for status in Status])
TOLD = st.one_of(PLAIN, st.builds(lambda told, status: {**told, "status": status}, PLAIN, STATUS))
AUTHORITIES = st.sampled_from([Authority.EXECUTOR, Authority.AGENT, Authority.SCRIPT])
NUMBERED = st.builds(
    lambda told, seq, authority: a_sidecar(authority=authority, attempt=1, seq=seq, **told),
    TOLD, st.integers(0, 4), AUTHORITIES,
)  # fmt: skip
ANY = st.builds(
    lambda told, seq, attempt, authority: a_sidecar(authority=authority, attempt=attempt, seq=seq, **told),
    TOLD, st.none() | st.integers(0, 4), st.sampled_from([None, 1, 1, 2, 3]), AUTHORITIES,
)  # fmt: skip
OPENED = "opened"  # the next attempt begins


@dataclass
class Naive:
    """The law, word for word: one cell for each authority and key, and no thought of what it costs."""

    attempt: int = 1
    cells: Facts = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)

    def open(self) -> None:
        self.attempt, self.cells = self.attempt + 1, {}

    def hear(self, word: Sidecar) -> None:
        who = word.authority.value
        if word.attempt is not None and word.attempt != self.attempt:
            return
        if self.seen.get(who) == word.digest and (word.seq is None or word.attempt is None):
            return
        seqs = [cell[0] for (authority, _), cell in self.cells.items() if authority == who]
        seq = 1 + max(seqs, default=0) if word.seq is None else word.seq
        won = False
        for key, value in word.cells.items():
            cell, name = (seq, word.digest, as_json(value)), (who, key)
            if name not in self.cells or self.rank(key, cell) > self.rank(key, self.cells[name]):
                self.cells[name], won = cell, True
        if won or word.attempt is None:
            self.seen[who] = word.digest

    @staticmethod
    def rank(key: str, cell: tuple[int, str, str]) -> tuple[bool, int, str]:
        return key == "status" and orjson.loads(cell[2]) in TERMINAL, *cell[:2]


def as_json(value: Any) -> str:
    return orjson.dumps(value).decode()


def facts(entry: Entry) -> Facts:
    """What the layers of ``entry`` say, a cell for each key."""
    return {
        (authority, key): (*stamp_of(layer, key), as_json(value))
        for authority, layer in entry.layers.items()
        for key, value in layer.values.items()
    }


def fresh() -> DispatchState:
    return a_state(an_entry(run=a_run()))


def heard(state: DispatchState, words: Iterable[Sidecar | str]) -> list[e.Event]:
    """Take these in, one by one; the events they made."""
    events: list[e.Event] = []
    for word in words:
        number = state.entries["e1"].attempt + 1
        opened = [e.LaunchIntended(at=T0, id="e1", attempt=number, run=a_run(number))]
        for happened in opened if isinstance(word, str) else merge_sidecars(state, [word], T0):
            fold(state, happened)
            events.append(happened)
    return events


def is_normal(layer: Layer) -> bool:
    """Equal facts have one form only: some key holds from the layer's own word, and those listed are older."""
    greatest = (layer.seq, layer.digest)
    listed = layer.older.keys() <= layer.values.keys() and len(layer.older) < len(layer.values)
    return listed and all(tuple(stamp) < greatest for stamp in layer.older.values())


@pytest.mark.rule("B2", "1.33", "B3")
@given(st.lists(ANY | st.just(OPENED), max_size=10))
def test_layers_say_what_a_cell_for_each_key_would_say(words: list[Sidecar | str]) -> None:
    state, naive = fresh(), Naive()
    for word in words:
        heard(state, [word])
        naive.open() if isinstance(word, str) else naive.hear(word)
        entry = state.entries["e1"]
        assert facts(entry) == naive.cells
        assert entry.seen == naive.seen
        assert all(map(is_normal, entry.layers.values()))


@pytest.mark.rule("B2", "1.33", "B14")
@given(st.lists(NUMBERED, max_size=7).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_of_words_changes_neither_the_facts_nor_their_form(
    orders: tuple[list[Sidecar], list[Sidecar]],
) -> None:
    one, two = fresh(), fresh()
    heard(one, orders[0])
    heard(two, orders[1])
    assert facts(one.entries["e1"]) == facts(two.entries["e1"])
    assert one.entries["e1"].layers == two.entries["e1"].layers


@given(st.lists(NUMBERED, max_size=6))
def test_all_of_them_again_is_no_news(words: list[Sidecar]) -> None:
    state = fresh()
    heard(state, words)
    layers = state.entries["e1"].layers
    assert [happened for happened in heard(state, words) if isinstance(happened, e.Observed)] == []
    assert state.entries["e1"].layers == layers


@pytest.mark.rule("1.46", "B9")
@given(st.lists(ANY | st.just(OPENED), max_size=8), st.integers(0, 8))
def test_a_journal_and_a_snapshot_of_it_give_the_same_layers(words: list[Sidecar | str], cut: int) -> None:
    state, begun = fresh(), fresh()
    events = heard(state, words)
    lines = [orjson.loads(orjson.dumps(e.event_document(happened, 1 + n))) for n, happened in enumerate(events)]
    assert fold_all(begun, map(parse_event, lines)) == state
    middle = fold_all(fresh(), events[:cut])
    again = parse_state(orjson.dumps(middle))
    assert fold_all(again, map(parse_event, lines[cut:])) == state


@given(st.lists(ANY, max_size=6), st.sampled_from(["pid", "notes", "status"]))
def test_the_highest_authority_that_speaks_of_a_key_is_believed(words: list[Sidecar], key: str) -> None:
    state = fresh()
    heard(state, words)
    entry = state.entries["e1"]
    said = [facts(entry).get((authority.value, key)) for authority in Authority]
    highest = next((cell for cell in said if cell is not None), None)
    assert as_json(best(entry, key)) == ("null" if highest is None else highest[2])
    agent = facts(entry).get(("agent", key))
    assert as_json(said_by(entry, Authority.AGENT, key)) == ("null" if agent is None else agent[2])
