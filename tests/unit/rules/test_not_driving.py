"""A clone that does not drive looks on and starts nothing."""

from __future__ import annotations

from dataclasses import replace

from autolab.model.action import Action, Stage, Start, Watch
from autolab.model.state import Status
from tests.builders import Table, a_claimed_run, a_run, a_staged_run, an_entry


def test_what_it_intended_is_neither_staged_nor_started_and_what_runs_is_looked_at() -> None:
    running = an_entry("e3", Status.RUNNING, a_claimed_run(ident="e3"))
    table = Table(an_entry("e1", run=a_staged_run()), an_entry("e2", run=a_run(ident="e2")), running)
    kinds: set[type[Action]] = {Watch}
    table.plan = replace(table.plan, launching="driven by ana", not_driving="driven by ana")
    assert {type(action) for action in table.tick().actions} == kinds
    table.plan = replace(table.plan, launching="", not_driving="")
    assert {type(action) for action in table.tick().actions} == kinds | {Stage, Start}
