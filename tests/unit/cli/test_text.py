from __future__ import annotations

import pytest

from autolab.cli.text import ago, clean, clean_lines, columns, duration, state_word


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain é 漢", "plain é 漢"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("two\nlines\tand", "two lines and"),
        ("\x9b2J", "\\x9b2J"),
        ("a\u202eb", "a\\u202eb"),
        ("\ud800", "\\ud800"),
        (None, ""),
        (3, "3"),
    ],
)
def test_nothing_that_a_terminal_obeys_is_left(given: object, shown: str) -> None:
    assert clean(given) == shown


def test_lines_keep_their_newlines_and_tabs_alone() -> None:
    assert clean_lines("a\tb\nc\rd\x1b[0m") == "a\tb\nc\\x0dd\\x1b[0m"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (172800, "2 d")]
)
def test_a_duration_is_said_in_one_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_time_is_said_relative_to_when_it_was_asked() -> None:
    assert ago("2026-01-01T00:00:00Z", "2026-01-01T00:03:00Z") == "3 min"
    assert ago("2026-01-01T00:03:00Z", "2026-01-01T00:00:00Z") == "0 s"
    assert ago(None, "2026-01-01T00:00:00Z") == "-"
    assert ago("soon\x1b", "2026-01-01T00:00:00Z") == "soon\\x1b"


def test_columns_are_aligned_and_cut_to_the_width() -> None:
    assert columns([("a", "bb"), ("ccc", "d")], ("X", "Y")) == ["X    Y", "a    bb", "ccc  d"]
    assert columns([("abcdefgh", "x")], (), 6) == ["abcde…"]
    assert columns([]) == []


def test_a_status_is_a_glyph_and_a_word() -> None:
    assert state_word("running", "collecting") == "▶ running (collecting)"
    assert state_word("odd\x1b") == "  odd\\x1b"
