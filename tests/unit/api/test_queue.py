from __future__ import annotations

from typing import Any

import pytest

from autolab.api.queue import Queue, slots_used
from autolab.rules.subjects import group_name

NOW = "2026-11-20T12:00:00Z"
GOOD = {"name": "gpu1", "status": "ready", "slots": 2}
GONE = {"name": "gpu2", "status": "unreachable", "since": "2026-11-20T11:00:00Z", "slots": 2}
FULL = {"name": "gpu3", "status": "troubled", "since": "2026-11-20T11:00:00Z", "slots": 2, "why": "No space left",
        "not_before": "2026-11-20T12:10:00Z"}  # fmt: skip
REMOVED = {"name": "old1", "status": "ready", "slots": None}
OTHERS: list[dict[str, Any]] = [
    {"id": "a", "status": "done"},
    {"id": "b", "status": "running"},
    {"id": "c", "status": "failed"},
    {"id": "d", "status": "pending", "depends_on": ["a", "c"]},
    {"id": "e", "status": "cancelled"},
    {"id": "f", "status": "pending", "depends_on": ["g"]},
    {"id": "g", "status": "pending", "depends_on": ["f"]},
]


def waits(entry: dict[str, Any], hosts: list[dict[str, Any]], used: dict[str, int] | None = None) -> str:
    return Queue(OTHERS, hosts, used or {}, NOW).why({"host": None, **entry})


@pytest.mark.rule("1.74")
def test_what_waits_in_a_paused_group_says_which_question_pauses_it() -> None:
    asked = {"id": "group-main-1", "about": group_name("main", "Phase 4"), "reason": "group_failing"}
    queue = Queue([], [], {}, NOW, [asked])
    assert queue.why({"group": "main", "phase": "Phase 4"}) == "its group is paused until group-main-1 is answered"
    assert "paused" not in queue.why({"group": "main", "phase": "Phase 5"})


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({}, "starts with the next tick"),
        ({"executor": "external"}, "waits for its own executor: autolab does not launch it"),
        ({"substatus": "launching", "host": "gpu1"}, "launching on gpu1"),
        ({"depends_on": ["a"]}, "starts with the next tick"),
        ({"depends_on": ["a", "b"]}, "waits for b (running)"),
        (
            {"depends_on": ["a", "b", "c"]},
            "does not run: it needs c, which failed; autolab retry c, or cancel this one",
        ),
        (
            {"depends_on": ["d"]},
            "does not run: it needs c (through d), which failed; autolab retry c, or cancel this one",
        ),
        ({"depends_on": ["e"]}, "does not run: it needs e, which was cancelled; autolab retry e, or cancel this one"),
        ({"depends_on": ["f"]}, "waits for f (pending)"),
        ({"depends_on": ["gone"]}, "waits for gone (not there)"),
        ({"not_before": "2026-11-20T12:00:01Z"}, "not before 2026-11-20T12:00:01Z"),
        ({"not_before": "2026-11-20T11:59:59Z"}, "starts with the next tick"),
        ({"host": "gpu2"}, "host gpu2 unreachable since 2026-11-20T11:00:00Z"),
        ({"host": "gpu*"}, "starts with the next tick"),
        (
            {"host": "gpu3"},
            "host gpu3 troubled since 2026-11-20T11:00:00Z: No space left; tried again at 2026-11-20T12:10:00Z",
        ),
        ({"host": "old*"}, "host old1 is not in autolab.yaml any more"),
        ({"host": "cpu9"}, "no host cpu9 was seen yet"),
    ],
)
def test_the_first_thing_in_the_way_is_named(entry: dict[str, Any], why: str) -> None:
    assert waits(entry, [GOOD, GONE, FULL, REMOVED]) == why


def test_full_hosts_are_named_and_one_free_slot_is_enough() -> None:
    assert waits({}, [GOOD], {"gpu1": 2}) == "no free slot on gpu1"
    assert waits({}, [GOOD], {"gpu1": 1}) == "starts with the next tick"


def test_an_empty_lab_has_no_host_to_blame() -> None:
    assert waits({}, []) == "starts with the next tick"


def test_a_slot_is_taken_by_what_runs_is_out_of_sight_or_is_being_launched() -> None:
    entries = [
        {"status": "running", "host": "gpu1", "substatus": ""},
        {"status": "unreachable", "host": "gpu1", "substatus": ""},
        {"status": "pending", "host": "gpu1", "substatus": "launching"},
        {"status": "pending", "host": "gpu1", "substatus": ""},
        {"status": "done", "host": "gpu1", "substatus": ""},
    ]
    assert slots_used(entries) == {"gpu1": 3}
