"""The journal of record: what went in comes out, a torn end is cut, damage is never skipped."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autolab.errors import Bug, StoreDamaged
from autolab.store import journal as module
from autolab.store.faults import count_writes
from autolab.store.files import Files
from autolab.store.journal import Journal
from autolab.store.layout import Layout

LAB = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
WORDS = st.text(max_size=12)
VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | WORDS | st.lists(WORDS, max_size=3)
FACTS = st.dictionaries(WORDS.filter(lambda key: key not in {"seq", "crc"}), VALUES, max_size=4)


def event(seq: int, **facts: Any) -> dict[str, Any]:
    return {"seq": seq, **facts}


@pytest.fixture
def journal(layout: Layout, files: Files) -> Journal:
    found = Journal(layout, files)
    found.begin(b"{}")
    return found


@contextmanager
def new_journal() -> Iterator[tuple[Layout, Journal]]:
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder), None, LAB)
        journal = Journal(layout, Files())
        journal.begin(b"{}")
        yield layout, journal
        journal.close()


@given(batches=st.lists(st.lists(FACTS, max_size=4), max_size=5))
@settings(max_examples=60, deadline=None)
def test_whatever_was_appended_is_loaded_in_order(batches: list[list[dict[str, Any]]]) -> None:
    with new_journal() as (layout, journal):
        appended: list[dict[str, Any]] = []
        for batch in batches:
            numbered = [event(journal.seq + n, **facts) for n, facts in enumerate(batch, 1)]
            journal.append(numbered)
            appended += numbered
        assert list(Journal(layout, Files()).load().events) == appended
        assert [orjson.loads(line) for line in journal.recent()] == appended


@given(facts=st.lists(FACTS, min_size=1, max_size=3), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_journal_cut_at_any_byte_keeps_every_whole_event_and_says_what_it_cut(
    facts: list[dict[str, Any]], data: st.DataObject
) -> None:
    with new_journal() as (layout, journal):
        path = journal.path(1)
        head = path.stat().st_size
        journal.append([event(n, **fact) for n, fact in enumerate(facts, 1)])
        whole = path.read_bytes()
        end = data.draw(st.integers(head, len(whole)))
        path.write_bytes(whole[:end])
        loaded = Journal(layout, Files()).load()
        assert len(loaded.events) == whole[head:end].count(b"\n")
        assert bool(loaded.problems) == (end != head and whole[end - 1 : end] != b"\n")
        assert path.read_bytes() == whole[:end], "reading changes nothing"


@given(facts=st.lists(FACTS, min_size=2, max_size=4), data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_changed_byte_before_the_last_line_is_never_skipped(facts: list[dict[str, Any]], data: st.DataObject) -> None:
    with new_journal() as (layout, journal):
        path = journal.path(1)
        journal.append([event(n, **fact) for n, fact in enumerate(facts, 1)])
        damaged = bytearray(path.read_bytes())
        last = damaged[:-1].rfind(b"\n")
        at = data.draw(st.integers(0, last - 1))
        damaged[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(damaged)
        with pytest.raises(StoreDamaged):
            Journal(layout, Files()).load()


def test_a_torn_line_is_cut_off_by_the_next_append_and_not_before(journal: Journal, layout: Layout) -> None:
    journal.append([event(1)])
    path = journal.path(1)
    with path.open("ab") as file:
        file.write(b'{"seq":2,"crc')
    again = Journal(layout, Files())
    assert "torn" in again.load().problems[0]
    again.append([event(2, why="new")])
    assert [e["seq"] for e in Journal(layout, Files()).load().events] == [1, 2]
    assert not Journal(layout, Files()).load().problems


def test_blocks_that_never_reached_the_disk_are_a_torn_end(journal: Journal, layout: Layout) -> None:
    journal.append([event(1)])
    with journal.path(1).open("ab") as file:
        file.write(b"\0" * 700)
    loaded = Journal(layout, Files()).load()
    assert len(loaded.events) == 1
    assert "700 bytes" in loaded.problems[0]


def test_a_last_line_that_is_whole_and_wrong_was_acknowledged_and_is_damage(journal: Journal, layout: Layout) -> None:
    journal.append([event(1), event(2, why="abc")])
    path = journal.path(1)
    path.write_bytes(path.read_bytes().replace(b"abc", b"abd"))
    with pytest.raises(StoreDamaged, match=r"00000001\.jsonl:3: its checksum does not match"):
        Journal(layout, Files()).load()


@pytest.mark.parametrize("lost", [1, 2])
def test_a_line_that_is_missing_is_damage(journal: Journal, layout: Layout, lost: int) -> None:
    journal.append([event(1), event(2), event(3)])
    lines = journal.path(1).read_bytes().splitlines(keepends=True)
    journal.path(1).write_bytes(b"".join(lines[:lost] + lines[lost + 1 :]))
    with pytest.raises(StoreDamaged, match="stands where"):
        Journal(layout, Files()).load()


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"\0" * 4096, b'{"format":1', b"garbage\n"])
@pytest.mark.rule("B10")
def test_an_empty_or_garbled_segment_is_damage_and_not_a_clean_start(
    journal: Journal, layout: Layout, content: bytes
) -> None:
    journal.path(1).write_bytes(content)
    again = Journal(layout, Files())
    with pytest.raises(StoreDamaged):
        again.load()
    with pytest.raises(StoreDamaged):
        again.begin(b"{}")
    assert journal.path(1).read_bytes() == content


def test_a_missing_journal_is_damage(layout: Layout, files: Files) -> None:
    with pytest.raises(StoreDamaged, match="no journal"):
        Journal(layout, files).load()


@pytest.mark.parametrize(
    ("read", "words", "hint"), [(1, "newer autolab", "upgrade autolab"), (3, "before autolab 0.1.0", "a new lab")]
)
def test_another_format_is_refused_without_a_change(
    journal: Journal, layout: Layout, monkeypatch: pytest.MonkeyPatch, read: int, words: str, hint: str
) -> None:
    before = journal.path(1).read_bytes()
    monkeypatch.setattr(module, "FORMAT", read)
    with pytest.raises(StoreDamaged, match=words) as raised:
        Journal(layout, Files()).load()
    assert hint in raised.value.hint
    assert journal.path(1).read_bytes() == before


def test_the_journal_of_another_lab_is_refused(journal: Journal, layout: Layout) -> None:
    other = Layout(layout.root, None, LAB[:8] + "another")
    with pytest.raises(StoreDamaged, match="another lab"):
        Journal(other, Files()).load()


def test_a_batch_is_one_write_and_one_sync(journal: Journal, files: Files) -> None:
    journal.append([event(1)])
    with count_writes(files) as calls:
        journal.append([event(2), event(3), event(4)])
    assert [name for name, _ in calls] == ["write", "fdatasync"]


def test_an_event_out_of_turn_is_our_own_mistake_and_writes_nothing(journal: Journal) -> None:
    before = journal.path(1).read_bytes()
    for wrong in (event(2), {"id": "e1", "seq": 1}, event(0)):
        with pytest.raises(Bug):
            journal.append([wrong])
    with pytest.raises(Bug):
        journal.append([b'{"seq":1,\n"id":"e1"}'])
    assert journal.path(1).read_bytes() == before


def test_a_journal_that_was_not_loaded_is_not_written(layout: Layout, journal: Journal) -> None:
    with pytest.raises(Bug):
        Journal(layout, Files()).append([event(1)])


def test_a_second_writer_is_noticed_before_anything_is_written(layout: Layout, journal: Journal) -> None:
    other = Journal(layout, Files())
    other.load()
    other.append([event(1)])
    with pytest.raises(StoreDamaged, match="changed by another process"):
        journal.append([event(1)])


def test_a_sealed_segment_stands_as_it_was_and_the_next_opens_with_the_snapshot(
    journal: Journal, layout: Layout
) -> None:
    journal.append([event(1), event(2)])
    first = journal.path(1).read_bytes()
    journal.seal(b'{"entries":{"e1":1}}')
    journal.append([event(3)])
    loaded = Journal(layout, Files()).load()
    assert (loaded.segment, loaded.seq, loaded.snapshot) == (2, 2, b'{"entries":{"e1":1}}')
    assert [e["seq"] for e in loaded.events] == [3]
    assert journal.path(1).read_bytes() == first
    assert [e["seq"] for e in journal.history()] == [1, 2, 3]


def test_the_history_says_when_a_segment_is_missing(journal: Journal) -> None:
    for number in (1, 2, 3):
        journal.append([event(number)])
        journal.seal(b"{}")
    journal.path(2).unlink()
    with pytest.raises(StoreDamaged, match="begins after event 2, not 1"):
        list(journal.history())


def test_a_segment_is_full_by_its_events_and_not_by_its_snapshot(
    layout: Layout, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEGMENT_BYTES", 100)
    journal = Journal(layout, files)
    journal.begin(orjson.dumps({"long": "x" * 1000}))
    assert not journal.is_full
    journal.append([event(1, why="y" * 100)])
    assert journal.is_full
    journal.seal(b"{}")
    assert not journal.is_full


def test_the_recent_events_reach_back_into_sealed_segments(journal: Journal, layout: Layout) -> None:
    journal.append([event(n) for n in range(1, 700)])
    journal.seal(b"{}")
    journal.append([event(n) for n in range(700, 1300)])
    for one in (journal, Journal(layout, Files())):
        if one is not journal:
            one.load()
        seqs = [orjson.loads(line)["seq"] for line in one.recent()]
        assert seqs == list(range(300, 1300))


def test_the_origin_is_the_first_snapshot_and_a_lost_first_segment_is_damage(layout: Layout, files: Files) -> None:
    made_anew = Journal(layout, files)
    made_anew.begin(b'{"seq": 7}', 7)
    made_anew.append([event(8)])
    made_anew.seal(b'{"seq": 8}')
    assert Journal(layout, files).origin() == b'{"seq": 7}'
    made_anew.path(1).unlink()
    with pytest.raises(StoreDamaged, match="first segment is gone"):
        Journal(layout, files).origin()
