from __future__ import annotations

import pytest

from autolab.api.select import select
from autolab.errors import AskedWrong, UnknownName

ENTRIES = [
    {"id": "lr-1", "status": "done"},
    {"id": "lr-2", "status": "failed"},
    {"id": "wd-1", "status": "pending"},
    {"id": "wd-2", "status": "running"},
]
OPEN = ("pending", "running")


@pytest.mark.parametrize(
    ("words", "statuses", "meant"),
    [
        (["lr-2", "lr-1"], [], ["lr-1", "lr-2"]),
        (["lr-*"], [], ["lr-1", "lr-2"]),
        (["*-[2]"], [], ["lr-2", "wd-2"]),
        (["all"], [], ["lr-1", "lr-2", "wd-1", "wd-2"]),
        (["last"], [], ["wd-2"]),
        (["lr-1", "lr-1", "lr-*"], [], ["lr-1", "lr-2"]),
        ([], ["failed"], ["lr-2"]),
        (["*-1"], ["pending", "done"], ["lr-1", "wd-1"]),
    ],
)
def test_words_and_statuses_name_experiments_in_the_order_of_the_state(
    words: list[str], statuses: list[str], meant: list[str]
) -> None:
    assert select(ENTRIES, words, statuses) == meant


def test_what_a_pattern_brings_in_is_cut_to_what_fits_and_a_written_id_is_not() -> None:
    assert select(ENTRIES, ["all"], fits=OPEN) == ["wd-1", "wd-2"]
    assert select(ENTRIES, ["lr-1", "wd-*"], fits=OPEN) == ["lr-1", "wd-1", "wd-2"]


def test_an_id_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="lr-3") as caught:
        select(ENTRIES, ["lr-3"])
    assert "lr-1" in caught.value.hint


def test_an_id_that_may_have_been_asked_for_a_moment_ago_is_taken_on_trust() -> None:
    assert select(ENTRIES, ["new", "lr-1"], trust=True) == ["lr-1", "new"]


def test_saying_nothing_is_asked_wrong() -> None:
    with pytest.raises(AskedWrong):
        select(ENTRIES, [])


def test_an_unknown_status_is_an_unknown_name() -> None:
    with pytest.raises(UnknownName, match="runing"):
        select(ENTRIES, [], ["runing"])


def test_all_of_an_empty_lab_is_nothing() -> None:
    assert select([], ["all"]) == []
    assert select([], ["last"]) == []
