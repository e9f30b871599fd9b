"""GPUs that do nothing while a run holds them: a question, never an end; and only as far as hosts say so."""

from __future__ import annotations

from typing import Any

import pytest

from autolab.model import event as e
from autolab.model.card import Card, CardReport
from autolab.model.state import Status
from autolab.model.transitions import fold
from autolab.model.wish import Ask
from tests.builders import T0, Table, a_claimed_run, a_host_plan, a_plan, alive, an_entry, seconds

HOUR = 3600.0


def running(*gpus: str) -> Table:
    run = a_claimed_run(host="h1", gpus=gpus or ("0",), started_at=T0)
    lab = Table(an_entry("e1", Status.RUNNING, run=run), plan=a_plan(a_host_plan("h1", gpus=None)))
    lab.look(alive())
    return lab


def said(lab: Table, hours: float, *percents: float | None, **more: Any) -> list[str]:
    """What is asked after the host has said, that many hours after the start, what its cards do."""
    cards = tuple(Card(str(n), f"k{n}", utilization=percent) for n, percent in enumerate(percents))
    at = T0 + seconds(hours * HOUR)
    lab.now = max(lab.now, at)
    lab.tick(cards={"h1": CardReport("nvidia-smi", cards, at=at, **more)})
    return lab.questions()


@pytest.mark.rule("1.63")
def test_a_run_whose_cards_do_nothing_for_long_is_asked_about_and_goes_on() -> None:
    lab = running()
    assert said(lab, 1, 0.0) == []
    assert said(lab, 2.9, 1.0) == []
    assert said(lab, 3.1, 0.0) == ["gpu_idle"]
    assert lab.entry().status is Status.RUNNING
    assert "GPU 0 of h1 did nothing for 2.1 h" in lab.shown()
    assert said(lab, 3.3, 60.0) == []


def test_an_end_takes_the_question_back() -> None:
    lab = running()
    said(lab, 1, 0.0)
    assert said(lab, 3.1, 0.0) == ["gpu_idle"]
    lab.finish(0)
    assert (lab.entry().status, lab.questions()) == (Status.DONE, [])


def test_one_card_that_works_is_enough() -> None:
    lab = running("0", "1")
    for hours in (1, 3, 5):
        assert said(lab, hours, 0.0, 60.0) == []


def test_who_waits_is_asked_again_after_twice_the_time() -> None:
    lab = running()
    said(lab, 1, 0.0)
    said(lab, 3.1, 0.0)
    lab.wish(Ask.DECIDE, question=next(iter(lab.state.questions)), option="wait")
    assert said(lab, 5.1, 0.0) == []
    assert said(lab, 5.3, 0.0) == ["gpu_idle"]


@pytest.mark.parametrize(
    ("percents", "more"),
    [((), {}), ((None,), {}), ((0.0,), {"problem": "no driver"})],
    ids=["not listed", "not told", "a broken tool"],
)
def test_what_is_not_known_is_not_idle(percents: tuple[float | None, ...], more: dict[str, Any]) -> None:
    lab = running()
    for hours in (1, 3.1, 9):
        assert said(lab, hours, *percents, **more) == []


def test_an_old_word_of_a_host_that_is_silent_now_proves_nothing() -> None:
    lab = running()
    said(lab, 1, 0.0)
    lab.now += seconds(9 * HOUR)
    cards = (Card("0", "k0", utilization=0.0),)
    lab.tick(cards={"h1": CardReport("nvidia-smi", cards, at=T0 + seconds(2 * HOUR))})
    assert lab.questions() == []


def test_time_in_which_no_engine_ran_counts_against_nobody() -> None:
    lab = running()
    said(lab, 1, 0.0)
    fold(lab.state, e.EngineReturned(at=T0 + seconds(9 * HOUR), away_s=8 * HOUR))
    assert said(lab, 9.1, 0.0) == []
    assert said(lab, 11.1, 0.0) == ["gpu_idle"]
