"""The views: rendered from pieces, written only on change, never over what a person wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autolab.store import hashes as hashes_module
from autolab.store.faults import count_writes
from autolab.store.files import Files
from autolab.store.hashes import Hashes, digest_of, lab_key
from autolab.store.layout import Layout
from autolab.store.state_file import Found, StateRenderer, ViewWriter, journal_view


@dataclass(frozen=True)
class Line:
    document: dict[str, Any]


def renderer() -> StateRenderer[Line]:
    return StateRenderer(lambda line: line.document)


@pytest.fixture
def view(layout: Layout, files: Files) -> ViewWriter:
    return ViewWriter(layout.state, layout, files, Hashes(layout, files))


VALUES = st.none() | st.integers(0, 9) | st.text(max_size=5) | st.lists(st.integers(0, 3), max_size=2)
LINES = st.dictionaries(st.sampled_from("abcdef"), st.dictionaries(st.text(max_size=3), VALUES, max_size=3), max_size=5)


@given(st.lists(LINES, min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_pieces_joined_are_the_bytes_of_a_whole_rendering(states: list[dict[str, dict[str, Any]]]) -> None:
    warm = renderer()
    entries: dict[str, Line] = {}
    for number, state in enumerate(states):
        entries = {k: entries[k] if entries.get(k) == Line(v) else Line(v) for k, v in state.items()}
        head = {"project": "p", "journal_seq": number}
        whole = {**head, "experiments": [line.document for line in entries.values()]}
        joined = warm.render(head, entries)
        assert joined == renderer().render(head, entries)
        assert json.loads(joined) == whole


@pytest.mark.rule("1.8")
def test_an_empty_state_has_the_seeds_shape() -> None:
    text = renderer().render({"project": "p", "updated": None}, {}).decode()
    assert text == '{\n  "project": "p",\n  "updated": null,\n  "experiments": []\n}\n'


def test_a_state_is_indented_by_two_as_one_document() -> None:
    document = {"id": "e1", "notes": "a\nb", "resources": {"cpus": 1}, "depends_on": []}
    head = {"project": "p", "updated": None}
    text = renderer().render(head, {"e1": Line(document)}).decode()
    assert text == json.dumps({**head, "experiments": [document]}, indent=2) + "\n"


def test_only_a_changed_entry_is_serialised_again() -> None:
    asked: list[str] = []

    def document(line: Line) -> dict[str, Any]:
        asked.append(line.document["id"])
        return line.document

    warm = StateRenderer(document)
    entries = {name: Line({"id": name}) for name in ("e1", "e2", "e3")}
    warm.render({"seq": 1}, entries)
    warm.render({"seq": 2}, {**entries, "e2": Line({"id": "e2"})})
    assert asked == ["e1", "e2", "e3", "e2"]


@pytest.mark.rule("B6")
def test_a_view_is_not_touched_without_a_change(view: ViewWriter, files: Files, layout: Layout, now: datetime) -> None:
    assert view.publish(b"one", now).written
    before = layout.state.stat()
    with count_writes(files) as calls:
        assert not view.publish(b"one", now).written
        assert not ViewWriter(layout.state, layout, files, Hashes(layout, files)).publish(b"one", now).written
    assert calls == []
    after = layout.state.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.rule("B7")
def test_a_missing_view_is_made_again(view: ViewWriter, layout: Layout, now: datetime) -> None:
    assert view.publish(b"one", now).found is Found.MISSING
    layout.state.unlink()
    again = view.publish(b"one", now)
    assert (again.written, again.found) == (True, Found.MISSING)
    assert layout.state.read_bytes() == b"one"


def test_an_old_view_of_ours_is_rendered_anew_and_said(
    view: ViewWriter, files: Files, layout: Layout, now: datetime
) -> None:
    view.publish(b"one", now)
    view.publish(b"two", now)
    layout.state.write_bytes(b"one")
    for writer in (view, ViewWriter(layout.state, layout, files, Hashes(layout, files))):
        layout.state.write_bytes(b"one")
        again = writer.publish(b"two", now)
        assert (again.written, again.found, again.kept) == (True, Found.OURS, None)
        assert layout.state.read_bytes() == b"two"


@pytest.mark.parametrize("theirs", [b"", b"\0" * 100, b'{"experiments": []}', b"<<<<<<< HEAD"])
@pytest.mark.rule("B10")
def test_bytes_we_never_wrote_are_kept_aside(view: ViewWriter, layout: Layout, now: datetime, theirs: bytes) -> None:
    view.publish(b"one", now)
    layout.state.write_bytes(theirs)
    again = view.publish(b"two", now)
    assert again.found is Found.BY_HAND
    assert again.kept == layout.dispatch / "state.json.by-hand-20261120T104412Z"
    assert again.kept is not None
    assert again.kept.read_bytes() == theirs
    assert layout.state.read_bytes() == b"two"


def test_two_edits_within_a_second_are_both_kept(view: ViewWriter, layout: Layout, now: datetime) -> None:
    kept = set()
    for theirs in (b"first", b"second", b"second"):
        layout.dispatch.mkdir(exist_ok=True)
        layout.state.write_bytes(theirs)
        kept.add(view.publish(b"ours", now).kept)
    assert sorted(path.read_bytes() for path in kept if path) == [b"first", b"second"]


@pytest.mark.rule("B13")
def test_the_view_is_never_missing_while_it_is_replaced(
    view: ViewWriter, files: Files, layout: Layout, now: datetime
) -> None:
    view.publish(b"one", now)
    layout.state.write_bytes(b"by hand")
    with count_writes(files) as calls:
        view.publish(b"two", now)
    assert not [call for call in calls if call[0] in {"unlink", "truncate"}]
    assert [Path(path).name for name, path in calls if name == "rename"] == [
        "state.json.by-hand-20261120T104412Z",
        "hashes.json",
        "state.json",
    ]


def test_the_last_thousand_digests_are_known(layout: Layout, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes_module, "KEPT", 3)
    files.make_dirs(layout.record)
    ours = Hashes(layout, files)
    for number in range(5):
        ours.remember(layout.state, digest_of(b"%d" % number))
    again = Hashes(layout, files)
    assert [again.knows(layout.state, digest_of(b"%d" % n)) for n in range(5)] == [False, False, True, True, True]


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff", b'{"state.json": 5}'])
def test_a_damaged_list_of_digests_only_makes_views_look_foreign(
    layout: Layout, files: Files, now: datetime, content: bytes
) -> None:
    files.make_dirs(layout.record)
    layout.hashes.write_bytes(content)
    layout.dispatch.mkdir()
    layout.state.write_bytes(b"old")
    assert ViewWriter(layout.state, layout, files, Hashes(layout, files)).publish(b"new", now).found is Found.BY_HAND


def test_the_labs_key_is_made_once_and_read_by_its_owner_alone(layout: Layout, files: Files) -> None:
    key = lab_key(layout, files)
    assert len(key) == 32
    assert lab_key(layout, files) == key
    assert layout.key.stat().st_mode & 0o777 == 0o600


def test_the_journals_view_is_its_lines() -> None:
    assert journal_view([b'{"seq":1}\n', b'{"seq":2}\n']) == b'{"seq":1}\n{"seq":2}\n'
