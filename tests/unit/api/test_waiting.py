"""When waiting is over: ended, or parked with nothing alive that could move by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autolab.api.place import find_place
from autolab.api.waiting import wait_for
from autolab.errors import NeedsPerson, NotYet


def lab(root: Path, *entries: dict[str, Any], asked: tuple[str, ...] = ()) -> Path:
    questions = [{"id": f"{about}-1", "about": about} for about in asked]
    document = {"project": "p", "format": 1, "experiments": list(entries), "questions": questions}
    (root / "dispatch").mkdir()
    (root / "autolab.yaml").write_text("project: p\n")
    (root / "dispatch/lab.json").write_text('{"format": 1, "lab": "0123456789abcdef"}')
    (root / "dispatch/state.json").write_text(json.dumps(document))
    return root


def an(ident: str, status: str, alive: bool | None = False) -> dict[str, Any]:
    return {"id": ident, "status": status, "process_alive": alive}


@pytest.mark.rule("B17")
def test_waiting_ends_where_only_a_person_can_move_what_is_left(tmp_path: Path) -> None:
    place = find_place(lab(tmp_path, an("a", "done"), an("b", "on_hold"), an("c", "on_hold", None), asked=("b",)))
    with pytest.raises(NeedsPerson, match="b-1"):
        wait_for(place, timeout_s=0)
    assert wait_for(place, until="parked", timeout_s=0)["parked"] == ["b", "c"]


@pytest.mark.rule("B17")
def test_waiting_ends_where_all_that_is_left_is_held(tmp_path: Path) -> None:
    place = find_place(lab(tmp_path, an("a", "done"), an("b", "on_hold")))
    with pytest.raises(NeedsPerson, match="held: b"):
        wait_for(place, timeout_s=0)


@pytest.mark.rule("B17", "B18")
@pytest.mark.parametrize("other", [an("b", "on_hold", True), an("b", "unreachable", None), an("b", "pending")])
def test_waiting_goes_on_for_what_may_still_move_by_itself(tmp_path: Path, other: dict[str, Any]) -> None:
    place = find_place(lab(tmp_path, an("a", "on_hold"), other, asked=("a", "b")))
    with pytest.raises(NotYet):
        wait_for(place, timeout_s=0)
