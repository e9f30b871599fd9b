"""When an engine was last here."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from autolab.engine import presence
from autolab.store.layout import Layout
from autolab.store.quiet import mark_presence
from tests.builders import LAB, T0, seconds


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path, None, LAB)
    layout.record.mkdir(parents=True)
    return layout


@pytest.mark.rule("B20")
def test_time_without_an_engine_is_known_to_the_next_one(layout: Layout) -> None:
    assert presence.away(layout, T0) == timedelta(0), "nobody ever was here"
    presence.mark(layout, T0)
    assert presence.away(layout, T0 + seconds(7200)) == seconds(7200)
    presence.mark(layout, T0 + seconds(7200))
    assert presence.away(layout, T0 + seconds(7260)) == seconds(60)


def test_a_poll_with_nothing_to_do_was_here_too(layout: Layout) -> None:
    presence.mark(layout, T0)
    mark_presence(str(layout.record), (T0 + seconds(3600)).timestamp())
    assert presence.away(layout, T0 + seconds(3600)) == timedelta(0)


def test_a_clock_that_went_back_makes_nobody_wait(layout: Layout) -> None:
    presence.mark(layout, T0 + seconds(3600))
    assert presence.away(layout, T0) == timedelta(0)
    presence.mark(layout, T0)
    assert presence.away(layout, T0 + seconds(60)) == seconds(60)


def test_a_folder_that_is_not_there_is_no_harm(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "none", None, LAB)
    presence.mark(layout, T0)
    mark_presence(str(layout.record), 1.0)
    assert presence.away(layout, T0) == timedelta(0)
