"""What a running attempt prints that matters already."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autolab.model import event as e
from autolab.model.plan import LabPlan
from autolab.model.state import FirstStep, Status
from autolab.model.wish import Ask
from autolab.rules.noticing import Reading, read, reading_of
from tests.builders import TABLE, Table, a_claimed_run, a_plan, a_spec, acts, an_entry, of_kind, seconds

STEP = FirstStep(patterns=(r"^step 1\b", r"loss=\d"), within_s=60.0)


def told(
    piece: bytes, before: Reading | None = None, start: int | None = None, **more: Any
) -> tuple[Reading, dict[str, Any]]:
    entry = an_entry(status=Status.RUNNING, run=a_claimed_run(), **more)
    known = before or Reading()
    assert entry.run is not None
    assert entry.run.started_at is not None
    now = entry.run.started_at + seconds(30)
    return read(entry, entry.run, known, known.offset if start is None else start, piece, TABLE, now)


def running(plan: LabPlan | None = None, **spec: Any) -> Table:
    table = Table(an_entry(spec=a_spec("e1", **spec)), plan=plan)
    table.start()
    return table


@pytest.mark.rule("1.62", "B36")
def test_a_kind_that_is_watched_for_is_told_once_its_line_is_whole() -> None:
    after, said = told(b"step 1\nloss=na")
    assert (after.offset, said) == (7, {})
    after, said = told(b"loss=nan\nstep 2\n", after)
    assert said["noticed"]["kind"] == "nan_loss"
    assert (said["noticed"]["line"], said["noticed"]["to"]) == ("loss=nan", 23)


@pytest.mark.rule("B36")
@pytest.mark.parametrize(
    "piece", [b"", b"config: {on_nan: raise}\n", b"ImportError: x\n", b"loss=nan", b"\xff\xfe\n", b"x" * 5000]
)
def test_other_lines_are_not_told(piece: bytes) -> None:
    assert told(piece)[1] == {}


def test_a_long_line_without_an_end_is_not_waited_for_and_what_was_left_out_is_counted() -> None:
    assert told(b"x" * 5000)[0].offset == 5000
    assert told(b"new\n", Reading(offset=10), start=110)[0] == Reading(offset=114, unread=100)


def test_after_a_restart_reading_goes_on_behind_what_was_told() -> None:
    table = running()
    table.tick(table.says(noticed={"kind": "nan_loss", "line": "x", "to": 70}, first_step={"seen": True, "to": 90}))
    assert reading_of(table.entry()) == Reading(offset=90)
    assert reading_of(running().entry()) == Reading()


@pytest.mark.rule("1.62")
def test_what_is_noticed_is_asked_about_once_and_nothing_is_ended() -> None:
    table = running()
    made = table.tick(table.says(noticed={"kind": "nan_loss", "line": "loss=nan", "to": 9}))
    assert [event.kind for event in of_kind(made.events, e.Noticed)] == ["nan_loss"]
    assert table.questions() == ["seen_failing"]
    table.tick(table.says(noticed={"kind": "nan_loss", "line": "loss=nan again", "to": 99}))
    assert len(of_kind(table.made, e.Noticed)) == 1
    assert "signal" not in acts(table.after(100))
    table.finish(0)
    assert (table.entry().status, table.questions()) == (Status.DONE, [])


@pytest.mark.rule("1.62")
def test_only_the_users_own_setting_ends_it_and_its_failure_is_then_diagnosed() -> None:
    table = running(replace(a_plan(), failures=tuple(replace(k, stop=k.name == "cuda_oom") for k in TABLE)))
    made = table.tick(table.says(noticed={"kind": "cuda_oom", "line": "CUDA out of memory", "to": 9}))
    assert of_kind(made.events, e.StopAsked)
    assert acts(made)["signal"] == ("e1",)
    assert table.questions() == []
    table.finish(0, tail="RuntimeError: CUDA out of memory")  # it caught TERM, and did not end well for that
    assert table.entry().kind == "cuda_oom"


def test_the_answer_end_ends_it_and_its_failure_is_then_answered_as_usual() -> None:
    table = running(command="t.py --batch-size 8")
    table.tick(table.says(noticed={"kind": "cuda_oom", "line": "CUDA out of memory", "to": 9}))
    made = table.wish(Ask.DECIDE, question="e1-1", option="end")
    assert acts(made)["signal"] == ("e1",)
    table.finish(143, tail="RuntimeError: CUDA out of memory")
    assert table.entry().command == "t.py --batch-size 4"


@pytest.mark.rule("0.19")
def test_a_first_step_is_all_of_its_patterns_in_any_reading() -> None:
    after, said = told(b"step 1 begins\n", spec=a_spec(first_step=STEP))
    assert said == {}
    after, said = told(b"loss=0.5\n", after, spec=a_spec(first_step=STEP))
    assert said["first_step"] == {"seen": True, "missing": [], "unread": 0, "to": 23}


@pytest.mark.rule("0.19")
def test_a_first_step_that_is_missing_in_its_time_is_asked_about_and_withdrawn_when_it_comes() -> None:
    entry = an_entry(status=Status.RUNNING, run=a_claimed_run(), spec=a_spec(first_step=STEP))
    assert entry.run is not None
    assert entry.run.started_at is not None
    late = entry.run.started_at + seconds(61)
    _, said = read(entry, entry.run, Reading(), 0, b"loading\n", TABLE, late)
    assert said["first_step"]["seen"] is False
    table = running(first_step=STEP)
    table.tick(table.says(**said))
    assert table.questions() == ["no_first_step"]
    assert "signal" not in acts(table.after(100))
    table.tick(table.says(first_step={"seen": True, "missing": [], "unread": 0, "to": 50}))
    assert table.questions() == []


@pytest.mark.parametrize(
    "cells", [{"noticed": 3}, {"noticed": {"kind": "nothing"}}, {"first_step": []}, {"noticed": None}]
)
def test_nonsense_is_nothing(cells: dict[str, Any]) -> None:
    table = running()
    table.tick(table.says(**cells))
    assert table.questions() == []
