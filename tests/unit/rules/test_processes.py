"""What runs already, taken in: one attempt that watches it, and never the command itself."""

from __future__ import annotations

from typing import Any

import pytest

from autolab.model import event as e
from autolab.model.state import Status
from autolab.model.wish import Ask
from autolab.rules.processes import WATCH
from tests.builders import Table, a_host_plan, a_plan, a_spec, an_entry, of_kind

PROCESS = {"host": "h1", "pid": 4711, "start_ticks": 99, "log": "/tmp/log; rm -rf /", "gpus": ["1"]}


def a_table(**more: Any) -> Table:
    spec = a_spec(result_file="r.csv", command="train", **more)
    return Table(an_entry(spec=spec), plan=a_plan(a_host_plan("h1", slots=0)))


def adopted() -> Table:
    table = a_table()
    assert table.outcome(Ask.ADOPT, "e1", context=PROCESS).startswith("ok")
    return table


def test_it_goes_where_the_process_is_whatever_room_there_is_and_its_values_are_no_shell_text() -> None:
    run = adopted().run_of()
    assert (run.host, run.gpus, run.command, run.adopted) == ("h1", ("1",), WATCH, True)
    assert run.env == {
        "AUTOLAB_PROCESS": "4711",
        "AUTOLAB_PROCESS_START": "99",
        "AUTOLAB_PROCESS_LOG": "/tmp/log; rm -rf /",
    }
    assert run.project_dir == a_host_plan("h1").by_hand_dir


@pytest.mark.parametrize("status", [1, 78, 137, 143])
def test_whatever_is_no_good_end_is_asked_about_and_the_command_is_not_started(status: int) -> None:
    table = adopted()
    table.start()
    made = table.finish(status)
    assert not of_kind(made.events, e.Requeued)
    assert table.entry().status is Status.FAILED
    assert table.questions() == ["adopted_end"]


def test_a_retry_that_a_person_asks_for_runs_the_command_as_it_is_designed() -> None:
    table = adopted()
    table.start()
    table.finish(1)
    table.wish(Ask.RETRY, "e1")
    run = table.run_of() if table.run_of().number == 2 else None
    assert run is None or (run.command, run.adopted) == ("train", False)
    assert table.entry().adopting is None


@pytest.mark.parametrize(
    ("context", "word"),
    [
        ({}, "no process to adopt"),
        ({**PROCESS, "pid": 0}, "no process can have pid 0"),
        ({**PROCESS, "log": "a\nb"}, "no process can"),
        ({**PROCESS, "host": "h9"}, "h9"),
        ({**PROCESS, "pid": "many"}, "no process to adopt"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(context: dict[str, Any], word: str) -> None:
    table = a_table()
    said = table.outcome(Ask.ADOPT, "e1", context=context)
    assert said.startswith("refused")
    assert word in said
    assert table.entry().adopting is None


def test_what_may_run_already_is_not_adopted_into() -> None:
    table = adopted()
    assert "may run already" in table.outcome(Ask.ADOPT, "e1", context={**PROCESS, "pid": 4712}, id="w2")


def test_asking_twice_is_asking_once() -> None:
    table = Table(an_entry(spec=a_spec(result_file="r.csv")), plan=a_plan(a_host_plan("h1"), launching="not now"))
    assert table.outcome(Ask.ADOPT, "e1", context=PROCESS).startswith("ok")
    assert table.outcome(Ask.ADOPT, "e1", context=PROCESS, id="w2") == "ok: nothing to change"
