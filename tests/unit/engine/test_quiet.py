"""Whether a poll has nothing to do, told by what folders look like."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autolab.engine.quiet_word import looks_of, remember_quiet
from autolab.store import quiet
from autolab.store.layout import Layout
from autolab.store.quiet import TRUSTED_S

LAB = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A lab in which everything happened an hour ago."""
    layout = Layout(tmp_path, None, LAB)
    for folder in (layout.dispatch, layout.inbox, layout.drop_box, layout.progress):
        folder.mkdir(parents=True, exist_ok=True)
    for path in (layout.settings, layout.sidecar("a"), layout.state, layout.lab_log, layout.escalation("a")):
        path.write_text("old")
    age(tmp_path)
    return layout


def is_quiet(layout: Layout, now: datetime) -> bool:
    return quiet.is_quiet(str(layout.root), now.timestamp())


def age(root: Path) -> None:
    then = datetime.now(UTC).timestamp() - 3600
    for path in [*root.rglob("*"), root]:
        os.utime(path, (then, then))


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


def test_a_poll_that_nobody_left_word_for_is_not_quiet(layout: Layout, now: datetime) -> None:
    assert not is_quiet(layout, now)


def test_nothing_changed_is_quiet(layout: Layout, now: datetime) -> None:
    remember_quiet(layout, looks_of(layout), None, now)
    assert is_quiet(layout, now)
    assert is_quiet(layout, now + timedelta(minutes=29))


def write(path: Path) -> None:
    """Whole and by rename, as everything that writes for us does."""
    beside = path.with_name(".beside")
    beside.write_text("old")
    beside.replace(path)


CHANGES: dict[str, Callable[[Layout], None]] = {
    "a sidecar with the same text": lambda layout: write(layout.sidecar("a")),
    "a new sidecar": lambda layout: write(layout.sidecar("b")),
    "a sidecar that is gone": lambda layout: layout.sidecar("a").unlink(),
    "a wish": lambda layout: write(layout.inbox / "w1.json"),
    "a file in the drop box": lambda layout: write(layout.drop_box / "w1.json"),
    "settings": lambda layout: write(layout.settings),
    "settings written in place": lambda layout: write_in_place(layout.settings),
    "settings that are gone": lambda layout: layout.settings.unlink(),
    "a ticked box": lambda layout: write(layout.escalation("a")),
}


def write_in_place(path: Path) -> None:
    with path.open("a") as file:
        file.write("er")


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_a_tick_reads_ends_the_quiet_when_it_changes(layout: Layout, now: datetime, change: str) -> None:
    remember_quiet(layout, looks_of(layout), None, now)
    CHANGES[change](layout)
    assert not is_quiet(layout, now)


@pytest.mark.parametrize("view", ["state", "journal_view", "lab_log"])
def test_what_autolab_itself_writes_there_is_no_news(layout: Layout, now: datetime, view: str) -> None:
    remember_quiet(layout, looks_of(layout), None, now)
    write_in_place(getattr(layout, view))
    assert is_quiet(layout, now) or view == "journal_view"  # a view that was not there makes its folder look new


def test_what_is_due_by_the_clock_ends_the_quiet_at_its_instant(layout: Layout, now: datetime) -> None:
    remember_quiet(layout, looks_of(layout), now + timedelta(minutes=5), now)
    assert is_quiet(layout, now + timedelta(minutes=4, seconds=59))
    assert not is_quiet(layout, now + timedelta(minutes=5))


def test_after_half_an_hour_everything_is_read_again(layout: Layout, now: datetime) -> None:
    remember_quiet(layout, looks_of(layout), None, now)
    assert not is_quiet(layout, now + timedelta(seconds=TRUSTED_S))
    assert TRUSTED_S == 30 * 60


def test_a_clock_that_went_back_is_not_trusted(layout: Layout, now: datetime) -> None:
    remember_quiet(layout, looks_of(layout), None, now)
    assert not is_quiet(layout, now - timedelta(seconds=1))


def test_a_change_during_the_last_tick_is_never_called_quiet(layout: Layout, now: datetime) -> None:
    before = looks_of(layout)
    write(layout.sidecar("b"))
    age(layout.root)
    remember_quiet(layout, before, None, now)
    assert not is_quiet(layout, now)


def test_a_folder_that_changed_a_moment_ago_may_change_unseen_and_is_not_quiet(layout: Layout, now: datetime) -> None:
    write(layout.sidecar("b"))
    remember_quiet(layout, looks_of(layout), None, datetime.now(UTC))
    assert not is_quiet(layout, now)


@pytest.mark.parametrize(
    "damage",
    [
        lambda word: b"",
        lambda word: b"\n" * 9,
        lambda word: word[: len(word) // 2],
        lambda word: word.replace(b"quiet 2", b"quiet 1"),
        lambda word: word.replace(b"\n", b"\nx", 1),
        lambda word: word.replace(b"\n\n", b"\nx\n", 1),
        lambda word: word.replace(b"/", b"//", 1),
        lambda word: word + b"\n",
    ],
)
def test_a_word_that_cannot_be_read_is_no_word(layout: Layout, now: datetime, damage: Callable[[bytes], bytes]) -> None:
    remember_quiet(layout, looks_of(layout), None, now)
    layout.quiet.write_bytes(damage(layout.quiet.read_bytes()))
    assert not is_quiet(layout, now)
