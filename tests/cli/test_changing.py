"""Commands that change the lab: what they do, say and end with, also when they are said twice."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from autolab.api.project import open_engine, open_project
from autolab.engine.running import serve
from tests.cli.conftest import Autolab, drive

PILOT = """\
experiments:
  - {id: pilot-1, command: echo one, phase: 1, group: main, method: m, dataset: d, seed: 0,
     expected_duration_hours: 1}
  - {id: pilot-2, command: echo two, phase: 1, group: main, method: m, dataset: d, seed: 1,
     expected_duration_hours: 1, depends_on: [pilot-1]}
"""


def written(folder: Path, text: str = PILOT) -> str:
    (folder / "experiments.yaml").write_text(text)
    return "experiments.yaml"


@pytest.mark.rule("1.8")
def test_init_makes_a_lab_and_keeps_everything_when_repeated(folder: Path, autolab: Autolab) -> None:
    first = autolab("init", "--json").data
    text = (folder / "autolab.yaml").read_text()
    again = autolab("init", "--json").data
    assert first["lab"] == again["lab"]
    assert again["made"] == []
    assert (folder / "autolab.yaml").read_text() == text
    assert "dispatch/state.json -text -merge" in (folder / ".gitattributes").read_text()
    assert ".autolab/" in (folder / ".gitignore").read_text()
    assert json.loads((folder / "dispatch/state.json").read_text())["project"] == "my-study"


def test_init_writes_the_schemas_that_editors_check_by_and_renews_old_ones(folder: Path, autolab: Autolab) -> None:
    assert autolab("init").code == 0
    pointed = (folder / "autolab.yaml").read_text().splitlines()[0].partition("$schema=")[2]
    schema = folder / pointed
    for name in ("settings", "experiments"):
        text = autolab("schema", name, "--json").data["text"]
        assert json.loads((schema.parent / f"{name}.json").read_text()) == text
    schema.write_text("{}")
    assert autolab("init", "--json").data["made"] == [pointed]
    assert json.loads(schema.read_text()) == autolab("schema", "settings", "--json").data["text"]


def test_init_changes_nothing_when_it_is_only_tried(folder: Path, autolab: Autolab) -> None:
    before = sorted(folder.iterdir())
    said = autolab("init", "--dry-run", "--json")
    assert (said.code, said.data["dry_run"]) == (0, True)
    assert "autolab.yaml" in said.data["made"]
    assert sorted(folder.iterdir()) == before


def test_init_outside_git_works_and_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autolab: Autolab) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    said = autolab("init", str(tmp_path / "plain"))
    assert said.code == 0
    assert "git init" in said.err
    assert (tmp_path / "plain" / ".autolab").is_dir()


def test_init_refuses_another_name_for_a_project_that_has_one(study: Path, autolab: Autolab) -> None:
    assert autolab("init", "--name", "other").code == 2


def test_added_experiments_are_there_and_adding_them_again_is_nothing(study: Path, autolab: Autolab) -> None:
    first = autolab("add", written(study), "--json").data
    again = autolab("add", "experiments.yaml", "--json").data
    assert (first["added"], again["added"]) == (["pilot-1", "pilot-2"], [])
    assert again["unchanged"] == ["pilot-1", "pilot-2"]
    assert again["outcome"] == "nothing to change"


def test_another_design_is_refused_and_taken_with_update(study: Path, autolab: Autolab) -> None:
    autolab("add", written(study))
    changed = written(study, PILOT.replace("echo one", "echo uno"))
    refused = autolab("add", changed, "--json")
    tried = autolab("add", "--update", "--dry-run", changed, "--json").data
    taken = autolab("add", "--update", changed, "--json").data
    assert (refused.code, refused.error["code"]) == (2, "invalid-spec")
    assert tried["differences"] == [{"id": "pilot-1", "key": "command", "was": "echo one", "now": "echo uno"}]
    assert taken["updated"] == ["pilot-1"]
    assert autolab("show", "pilot-1", "--json").data["experiment"]["command"] == "echo uno"


def test_a_file_with_a_mistake_adds_nothing_and_says_where(study: Path, autolab: Autolab) -> None:
    said = autolab("add", written(study, PILOT.replace("seed: 1", "sead: 1")))
    assert said.code == 2
    assert "experiments.yaml:4" in said.err
    assert "seed" in said.err
    assert autolab("ps", "--json").data["total"] == 0


def test_a_file_that_is_not_there_is_an_unknown_name(study: Path, autolab: Autolab) -> None:
    assert autolab("add", "nothing.yaml").code == 3


def test_words_after_run_are_quoted_and_a_single_one_is_shell_text(study: Path, autolab: Autolab) -> None:
    autolab("run", "--id", "words", "--", "echo", "a  b", "$HOME", "it's")
    autolab("run", "--id", "shell", "--", "echo $((1 + 1)) && true")
    drive(autolab, "words", "shell")
    assert autolab("logs", "words").out == "a  b $HOME it's\n"
    assert autolab("logs", "shell").out == "2\n"


def test_run_numbers_its_experiments_and_a_key_makes_two_calls_one(study: Path, autolab: Autolab) -> None:
    first = autolab("run", "--json", "--", "true").data["added"]
    second = autolab("run", "--json", "--", "true").data["added"]
    keyed = [autolab("run", "--key", "k1", "--json", "--", "true").data for _ in range(2)]
    assert (keyed[0]["added"], keyed[1]["unchanged"]) == (["run-3"], ["run-3"])
    assert (first, second) == (["run-1"], ["run-2"])
    assert autolab("ps", "--json").data["total"] == 3


def test_run_takes_what_an_experiment_needs(study: Path, autolab: Autolab) -> None:
    said = autolab("run", "--cpus", "2", "--walltime", "2h", "--env", "A=1", "--notes", "n", "--id", "x", "--", "true")
    entry = autolab("show", "x", "--json").data["experiment"]
    assert said.code == 0
    assert (entry["resources"]["cpus"], entry["resources"]["walltime_s"], entry["notes"]) == (2, 7200.0, "n")


@pytest.mark.parametrize(
    "words",
    [("run", "--host", "nohost", "--", "true"), ("run", "--gpus", "8", "--", "true"), ("run", "--env", "A", "x")],
)
def test_run_refuses_what_no_host_can_do(study: Path, autolab: Autolab, words: tuple[str, ...]) -> None:
    assert autolab(*words).code in (2, 3)
    assert autolab("ps", "--json").data["total"] == 0


def test_a_cancelled_experiment_stays_so_and_cancelling_it_again_is_no_error(study: Path, autolab: Autolab) -> None:
    autolab("add", written(study))
    first = autolab("cancel", "pilot-1", "--reason", "not now", "--json")
    again = autolab("cancel", "pilot-1", "--json")
    assert (first.code, again.code) == (0, 0)
    assert autolab("show", "pilot-1", "--json").data["experiment"]["status"] == "cancelled"


def test_hold_and_release_move_an_experiment_and_change_nothing_when_repeated(study: Path, autolab: Autolab) -> None:
    autolab("add", written(study))
    for word, status in (("hold", "on_hold"), ("hold", "on_hold"), ("release", "pending"), ("release", "pending")):
        assert autolab(word, "pilot-*").code == 0
        assert autolab("show", "pilot-1", "--json").data["experiment"]["status"] == status


def test_a_dry_run_names_what_would_be_changed_and_changes_nothing(study: Path, autolab: Autolab) -> None:
    autolab("add", written(study))
    said = autolab("cancel", "all", "--dry-run", "--json")
    assert said.data["ids"] == ["pilot-1", "pilot-2"]
    assert autolab("ps", "-s", "cancelled", "--json").data["total"] == 0


def test_an_answer_closes_its_question_and_the_experiment_runs_again(parked: Path, autolab: Autolab) -> None:
    assert autolab("decide", "bad-1", "retry", "--note", "once more").code == 0
    assert autolab("status", "--json").data["questions"] == []
    assert autolab("show", "bad", "--json").data["experiment"]["status"] == "pending"
    late = autolab("decide", "bad-1", "accept")
    assert (late.code, "is not open any more: decided retry by" in late.err) == (2, True)
    shown = autolab("ask", "show", "bad-1").out
    assert "bad crashed in a way that autolab does not know.\nanswered " in shown
    assert "  broken\n" in shown, "its log's end"


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("decide", "bad-1", "retrry"), 3, "unknown-name"),
        (("decide", "bad-7", "retry"), 3, "unknown-name"),
        (("ask", "show", "bad-7"), 3, "unknown-name"),
        (("ask", "code", "bad-1"), 6, "refused"),
        (("cancel", "bed"), 3, "unknown-name"),
        (("cancel", "x*"), 3, "unknown-name"),
        (("cancel",), 2, "asked-wrong"),
        (("cancel", "good"), 2, "illegal-transition"),
        (("retry", "good", "--abandon"), 2, "asked-wrong"),
        (("retry", "nope", "-s", "failed"), 3, "unknown-name"),
        (("add",), 2, "usage"),
        (("wait", "--timeout", "soon"), 2, "usage"),
        (("logs", "bad", "--attempt", "9"), 3, "unknown-name"),
        (("host", "test", "nohost"), 3, "unknown-name"),
        (("host", "drain", "local"), 2, "usage"),
        (("config", "get", "policies.lok_fastest"), 3, "unknown-name"),
        (("schema", "nothing"), 3, "unknown-name"),
        (("nonsense",), 2, "usage"),
    ],
)
def test_what_is_asked_wrongly_ends_with_its_code_and_one_object_on_stderr(
    parked: Path, autolab: Autolab, words: tuple[str, ...], code: int, name: str
) -> None:
    said = autolab(*words, "--json")
    assert (said.code, said.error["code"], said.out) == (code, name, "")
    assert set(said.error) == {"code", "message", "hint", "details"}


def test_an_error_is_said_in_lines_that_begin_with_error_and_hint(parked: Path, autolab: Autolab) -> None:
    said = autolab("show", "goood")
    assert said.err.splitlines() == ["error: no experiment named 'goood'", "hint: did you mean good?"]


def test_a_done_experiment_is_run_again_by_its_id_alone(parked: Path, autolab: Autolab) -> None:
    assert autolab("retry", "all", "-s", "done", "--json").data["ids"] == []
    assert autolab("retry", "good", "--json").data["ids"] == ["good"]


def test_options_behind_a_command_are_the_commands(study: Path, autolab: Autolab) -> None:
    said = autolab("run", "--id", "x", "echo", "--json")
    assert said.out == "1 added: x\n"
    assert autolab("show", "x", "--json").data["experiment"]["command"] == "echo --json"


def test_a_drained_host_gets_nothing_until_it_is_resumed(study: Path, autolab: Autolab) -> None:
    assert autolab("host", "drain", "local", "--reason", "repair").code == 0
    autolab("run", "--id", "x", "--", "true")
    autolab("poll")
    entry = autolab("ps", "--json").data["experiments"][0]
    assert (entry["status"], entry["why"][:18]) == ("pending", "host local drained")
    assert autolab("host", "resume", "local").code == 0
    drive(autolab, "x")
    assert autolab("show", "x", "--json").data["experiment"]["status"] == "done"


def test_a_wish_is_queued_while_another_engine_is_busy_and_taken_when_it_ends(study: Path, autolab: Autolab) -> None:
    autolab("add", written(study))
    with closing(open_engine(open_project(study), "a test")):
        said = autolab("--set", "policies.wish_wait=0.2s", "cancel", "pilot-1", "--json")
        polled = autolab("poll", "--json")
    assert (said.code, said.data["queued"]) == (0, True)
    assert (polled.code, "a test" in polled.data["driven_by"]) == (0, True)
    autolab("poll")
    assert autolab("show", "pilot-1", "--json").data["experiment"]["status"] == "cancelled"


def test_a_wish_is_answered_by_the_engine_that_is_running(study: Path, autolab: Autolab) -> None:
    autolab("add", written(study))
    stop = threading.Event()
    engine = open_engine(open_project(study), "a test")
    thread = threading.Thread(target=serve, args=(engine, stop))
    with closing(engine):
        thread.start()
        said: Any = autolab("hold", "pilot-2", "--json")
        refused: Any = autolab("decide", "pilot-1-1", "retry", "--json")
        stop.set()
        engine.wake()
        thread.join()
    assert (said.code, said.data["queued"], said.data["outcome"]) == (0, False, "hold pilot-2")
    assert (refused.code, refused.error["code"]) == (3, "unknown-name")
