"""Wishes of other processes."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta

import pytest

from autolab.errors import Bug
from autolab.store import inbox as module
from autolab.store.faults import count_writes
from autolab.store.files import Files
from autolab.store.inbox import DropBox, Inbox
from autolab.store.layout import Layout


@pytest.fixture
def inbox(layout: Layout, files: Files) -> Inbox:
    return Inbox(layout, files)


@pytest.fixture
def box(layout: Layout, files: Files) -> DropBox:
    files.make_dirs(layout.drop_box)
    return DropBox(layout, files)


def test_a_wish_is_durable_before_it_has_an_id(inbox: Inbox, files: Files, now: datetime) -> None:
    inbox.put({"ask": "hold"}, now)
    with count_writes(files) as calls:
        inbox.put({"ask": "cancel", "ids": ["e1"]}, now)
    assert [name for name, _ in calls] == ["open", "write", "fsync", "rename", "fsync"]


def test_wishes_wait_in_the_order_in_which_they_came(inbox: Inbox, now: datetime) -> None:
    put = [inbox.put({"n": n}, now + timedelta(milliseconds=n)) for n in range(5)]
    assert [wish.id for wish in inbox.pending().wishes] == put
    assert [wish.document["n"] for wish in inbox.pending().wishes] == [0, 1, 2, 3, 4]


def test_a_settled_wish_is_gone_and_its_outcome_is_there_for_who_asked(inbox: Inbox, now: datetime) -> None:
    wish = inbox.put({"ask": "cancel"}, now)
    assert inbox.outcome(wish) is None
    inbox.settle(wish, {"done": True})
    inbox.settle(wish, {"done": True})
    assert inbox.pending().wishes == []
    assert inbox.outcome(wish) == {"done": True}


def test_old_outcomes_are_forgotten(inbox: Inbox, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OUTCOMES_KEPT", 2)
    wishes = [inbox.put({}, now + timedelta(seconds=n)) for n in range(5)]
    for wish in wishes:
        inbox.settle(wish, {})
    assert [inbox.outcome(wish) is not None for wish in wishes] == [False, False, False, True, True]


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".x", "a\n"])
def test_a_name_that_is_no_wishs_never_meets_a_path(inbox: Inbox, box: DropBox, name: str) -> None:
    for use in (inbox.outcome, box.accept):
        with pytest.raises(Bug):
            use(name)


def test_a_damaged_wish_is_said_and_holds_up_no_other(inbox: Inbox, layout: Layout, now: datetime) -> None:
    inbox.put({"n": 1}, now)
    (layout.inbox / "bad.json").write_bytes(b"{")
    waiting = inbox.pending()
    assert [wish.document for wish in waiting.wishes] == [{"n": 1}]
    assert [bad.path for bad in waiting.unreadable] == [str(layout.inbox / "bad.json")]


def test_a_dropped_file_is_a_wish_until_it_is_accepted(box: DropBox, layout: Layout, now: datetime) -> None:
    (layout.drop_box / "mine.json").write_text('{"ask":"add"}')
    [wish] = box.pending(now).wishes
    assert (wish.id, wish.document) == ("mine", {"ask": "add"})
    box.accept("mine")
    assert box.pending(now).wishes == []


def test_a_half_written_drop_gets_time_to_become_whole(box: DropBox, layout: Layout, now: datetime) -> None:
    path = layout.drop_box / "mine.json"
    path.write_text('{"ask":')
    os.utime(path, (now.timestamp(), now.timestamp()))
    assert box.pending(now + timedelta(seconds=9)).unreadable == []
    [bad] = box.pending(now + timedelta(seconds=11)).unreadable
    assert "not JSON" in bad.reason


def test_a_rejected_drop_is_kept_with_the_reason(box: DropBox, layout: Layout, now: datetime) -> None:
    (layout.drop_box / "mine.json").write_text("[]")
    kept = box.reject("mine", "not an object but a list")
    assert kept.read_text() == "[]"
    assert kept.with_name("mine.json.rejected.reason").read_text() == "not an object but a list\n"
    assert box.pending(now).unreadable == []


def test_links_and_strange_names_in_the_drop_box_are_refused(box: DropBox, layout: Layout, now: datetime) -> None:
    (layout.drop_box / "link.json").symlink_to("/etc/passwd")
    (layout.drop_box / "a b.json").write_text("{}")
    (layout.drop_box / "notes.txt").write_text("{}")
    os.utime(layout.drop_box / "a b.json", (1, 1))
    os.utime(layout.drop_box / "link.json", (1, 1), follow_symlinks=False)
    assert sorted(bad.reason for bad in box.pending(now).unreadable) == [
        "it is a symbolic link",
        "its name is not made of letters, digits, dot, dash and underscore",
    ]


def test_a_wish_of_ours_may_be_large_and_a_dropped_one_may_not(layout: Layout, files: Files, now: datetime) -> None:
    large = {"ask": "add", "specs": ["x" * 1000] * 2000}
    put = Inbox(layout, files).put(large, now)
    assert [wish.id for wish in Inbox(layout, files).pending().wishes] == [put]
    layout.drop_box.mkdir(parents=True)
    (layout.drop_box / "large.json").write_text(json.dumps(large))
    dropped = DropBox(layout, files).pending(datetime.now().astimezone() + timedelta(minutes=1))
    assert dropped.wishes == []
    assert "1048576" in dropped.unreadable[0].reason or "MiB" in dropped.unreadable[0].reason
