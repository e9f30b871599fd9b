"""What may go: only what is over, brought here and old; from the journal's lines alone."""

from __future__ import annotations

from typing import Any

import pytest

from autolab.model.readiness import Readiness, Stage
from autolab.rules.leftovers import attempts_of, leftovers
from tests.builders import T0, a_claimed_run, a_state, an_ended_run, an_entry, seconds

LATER = T0 + seconds(1000)


def line(event: str, ident: str, attempt: int = 1, **more: Any) -> dict[str, Any]:
    return {"event": event, "id": ident, "attempt": attempt, "at": T0.isoformat(), **more}


def intended(ident: str, attempt: int = 1, code: str = "code1") -> dict[str, Any]:
    run = {"host": "h1", "dir": f"/state/lab/{ident}/a{attempt}", "code": code}
    return line("launch_intended", ident, attempt, run=run)


def ended(ident: str, how: str = "exit", attempt: int = 1) -> dict[str, Any]:
    return line("ended", ident, attempt, end={"how": how})


@pytest.mark.parametrize(
    ("lines", "goes"),
    [
        ([intended("e1")], False),
        ([intended("e1"), ended("e1")], False),
        ([intended("e1"), ended("e1"), line("collected", "e1")], True),
        ([intended("e1"), ended("e1", "lost")], False),
        ([intended("e1"), ended("e1", "fenced")], True),
        ([intended("e1"), ended("e1", "refused")], True),
        ([intended("e1"), ended("e1", "abandoned")], False),
        ([intended("e1"), ended("e1", "abandoned"), line("collected", "e1")], False),
    ],
)
def test_an_attempt_goes_when_it_is_over_and_nothing_of_it_is_left_to_bring(
    lines: list[dict[str, Any]], goes: bool
) -> None:
    found = leftovers(attempts_of(lines), a_state(), LATER)["h1"]
    assert (found.root, found.runs) == ("/state/lab", ("e1/a1",) if goes else ())
    assert found.code == (frozenset() if goes else {"code1"})


def test_what_ended_lately_or_is_not_judged_yet_stays() -> None:
    lines = [intended("e1"), ended("e1"), line("collected", "e1")]
    assert leftovers(attempts_of(lines), a_state(), T0)["h1"].runs == ()
    state = a_state(an_entry("e1", run=an_ended_run()))
    assert leftovers(attempts_of(lines), state, LATER)["h1"].runs == ()


def test_code_that_an_open_attempt_or_a_check_needs_stays() -> None:
    lines = [intended("e1", code="old"), ended("e1", "fenced"), intended("e1", 2, "new"), intended("e2", code="old")]
    state = a_state(an_entry("e1", run=a_claimed_run(2)))
    state.readiness["h1"] = Readiness(host="h1", stage=Stage.READY, since=T0, code="checked")
    found = leftovers(attempts_of(lines), state, LATER)["h1"]
    assert (found.runs, found.code) == (("e1/a1",), {"new", "old", "checked"})
