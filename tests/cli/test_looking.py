"""Commands that only look: what they print for people and for programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from autolab.cli.main import COMMANDS, app
from autolab.resources import data
from tests.cli.conftest import Autolab

LOOKS: dict[str, tuple[str, ...]] = {
    "status": ("status",),
    "ask-list": ("ask", "list"),
    "ask-show": ("ask", "show", "bad-1"),
    "ps": ("ps", "--all"),
    "show": ("show", "bad"),
    "logs": ("logs", "good"),
    "diagnose": ("diagnose", "bad"),
    "diagnose-table": ("diagnose", "--table"),
    "diagnose-test": ("diagnose", "--test"),
    "history": ("history", "bad"),
    "events": ("events",),
    "wait": ("wait", "good"),
    "poll": ("poll",),
    "replay": ("replay",),
    "doctor": ("doctor",),
    "host-list": ("host", "list"),
    "host-gpus": ("host", "gpus", "local"),
    "host-test": ("host", "test"),
    "host-exec": ("host", "exec", "local", "--", "echo", "hi"),
    "config-list": ("config", "list"),
    "config-get": ("config", "get", "project"),
    "lease-show": ("lease", "show"),
    "lease-take": ("lease", "take", "--reason", "a test"),
    "completion": ("completion", "bash"),
    "schema": ("schema", "settings"),
    "init": ("init",),
    "cancel": ("cancel", "bad", "--dry-run"),
    "hold": ("hold", "all"),
    "release": ("release", "all"),
    "retry": ("retry", "bad", "--dry-run"),
    "decide": ("decide", "bad-1", "accept", "--dry-run"),
    "run": ("run", "--dry-run", "--", "true"),
    "host-drain": ("host", "drain", "local", "--reason", "r", "--dry-run"),
    "host-resume": ("host", "resume", "local"),
    "daemon-install": ("daemon", "install", "--systemd", "--dry-run"),
}


def test_every_command_prints_one_value_that_its_schema_describes(parked: Path, autolab: Autolab) -> None:
    wrong = []
    for name, words in LOOKS.items():
        said = autolab("--json", *words)
        value = json.loads(said.out)
        schema = json.loads((data("schemas") / f"cli-{name}.json").read_text())
        wrong += [f"{name}: {error.message}" for error in jsonschema.Draft202012Validator(schema).iter_errors(value)]
        if value["schema"] != f"autolab.{name}/1" or said.code not in (0, 1):
            wrong.append(f"{name}: {value['schema']}, exit code {said.code}")
    assert wrong == []


def test_every_command_says_something_for_people(parked: Path, autolab: Autolab) -> None:
    silent = {"poll"}
    assert [name for name, words in LOOKS.items() if not autolab(*words).out and name not in silent] == []


def test_every_command_has_help_with_an_example() -> None:
    names = [name for section in COMMANDS.values() for name in section]
    context = app.make_context("autolab", [], resilient_parsing=True)
    lacking = []
    for name in names:
        command = app.get_command(context, name)
        assert command is not None
        below = [command, *getattr(command, "commands", {}).values()]
        lacking += [
            each.name for each in below if not each.help or f"autolab {name}" not in getattr(each, "example", "")
        ]
    assert lacking == []


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    context = app.make_context("autolab", [], resilient_parsing=True)
    assert [n for n in app.list_commands(context) if app.get_command(context, n) is None] == []


def test_status_leads_with_the_question_and_the_command_that_answers_it(parked: Path, autolab: Autolab) -> None:
    lines = autolab("status").out.splitlines()
    question = lines.index("open questions (1)")
    assert question < lines.index("ended (2)")
    assert any(line.strip().startswith("autolab decide bad-1 retry") for line in lines[question:])


def test_status_of_an_empty_lab_names_the_next_command(study: Path, autolab: Autolab) -> None:
    assert "autolab add experiments.yaml" in autolab("status").out


def test_status_says_why_a_queued_experiment_waits(study: Path, autolab: Autolab) -> None:
    autolab("run", "--id", "first", "--", "true")
    autolab("hold", "first")
    Path("e.yaml").write_text(
        "experiments:\n- {id: second, command: 'true', phase: 1, group: main, method: m, dataset: d, seed: 0, "
        "expected_duration_hours: 1, depends_on: [first]}\n"
    )
    autolab("add", "e.yaml")
    assert autolab("status", "--json").data["queued"][0]["why"] == "waits for first (on_hold)"


def test_a_name_from_a_file_cannot_move_the_cursor(study: Path, autolab: Autolab) -> None:
    autolab("run", "--id", "x", "--", "true")
    path = study / "dispatch/state.json"
    path.write_text(path.read_text().replace('"why": "added"', '"why": "\\u001b[2Jgone\\u202e"'))
    for words in (("status",), ("ps",), ("show", "x")):
        out = autolab(*words).out
        assert "\x1b[2J" not in out
        assert "\u202e" not in out


def test_a_limited_list_says_so_in_words_and_in_json(parked: Path, autolab: Autolab) -> None:
    assert json.loads(autolab("ps", "-a", "-n", "1", "--json").out)["truncated"] is True
    assert "showing 1 of 2" in autolab("ps", "-a", "-n", "1").err
    assert "showing" not in autolab("ps", "-a", "-n", "1", "-q").err


def test_wait_tells_done_failed_not_yet_and_needs_a_person(parked: Path, autolab: Autolab) -> None:
    autolab("run", "--id", "later", "--", "true")
    assert autolab("wait", "good").code == 0
    assert autolab("wait", "good", "bad").code == 1
    assert autolab("wait", "later", "--timeout", "0s").code == 8
    assert autolab("wait", "nope").code == 3


def test_an_event_of_a_followed_stream_is_one_envelope_a_line(parked: Path) -> None:
    command = [sys.executable, "-m", "autolab", "events", "-f", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        other = [sys.executable, "-m", "autolab", "hold", "bad", "--reason", "look"]
        assert process.stdout is not None
        lines: list[str] = []
        while not lines:
            subprocess.run([*other[:3], "run", "--", "true"], check=True, capture_output=True)
            lines = [process.stdout.readline()]
        process.terminate()
    assert json.loads(lines[0])["schema"] == "autolab.event/1"


def test_the_environment_can_ask_for_json(parked: Path, autolab: Autolab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOLAB_OUTPUT", "json")
    assert json.loads(autolab("ps").out)["schema"] == "autolab.ps/1"


def test_colour_comes_when_asked_for_and_not_into_a_pipe(parked: Path, autolab: Autolab) -> None:
    assert "\x1b[" not in autolab("status").out
    assert "\x1b[" in autolab("--color", "always", "status").out


def test_watching_needs_a_terminal(study: Path, autolab: Autolab) -> None:
    assert autolab("status", "--watch").code == 2


def test_outside_a_lab_every_look_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autolab: Autolab
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (("status",), ("ps",), ("add", "x"), ("poll",), ("daemon",)):
        said = autolab(*words)
        assert (said.code, "autolab init" in said.err) == (2, True)


@pytest.mark.rule("B10")
def test_a_damaged_state_is_named_and_left_alone(study: Path, autolab: Autolab) -> None:
    path = study / "dispatch/state.json"
    path.write_text("{ half")
    said = autolab("status", "--json")
    assert (said.code, said.error["code"]) == (9, "store-damaged")
    assert path.read_text() == "{ half"


def test_replay_says_what_was_changed_by_hand(parked: Path, autolab: Autolab) -> None:
    path = parked / "dispatch/state.json"
    path.write_text(path.read_text().replace('"method": "ad-hoc"', '"method": "other"', 1))
    said = autolab("replay", "--json")
    assert (said.code, said.data["equal"]) == (1, False)
    assert "good.method: state.json says 'other', the journal 'ad-hoc'" in said.data["differences"]


def test_ids_options_and_hosts_are_completed_from_the_state(parked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def completed(line: str) -> list[str]:
        words = line.split(" ")
        variables = {"_AUTOLAB_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
        return [text.partition(",")[2] for text in done.stdout.splitlines()]

    assert completed("autolab sho") == ["show"]
    assert completed("autolab show go") == ["good"]
    assert completed("autolab decide bad-1 r") == ["retry"]
    assert completed("autolab host test l") == ["local"]


PROGRAM = "import sys; sys.argv = ['autolab']; from autolab.cli.main import app; app.main(prog_name='autolab')"


def test_an_interrupted_command_ends_with_130(study: Path) -> None:
    command = [sys.executable, "-m", "autolab", "run", "--id", "x", "--", "true"]
    subprocess.run(command, check=True, capture_output=True)
    waiting = subprocess.Popen([sys.executable, "-X", "importtime", "-m", "autolab", "wait"], stderr=subprocess.PIPE)
    assert waiting.stderr is not None
    for line in waiting.stderr:
        if b"autolab.api.waiting" in line:
            break
    waiting.send_signal(2)
    waiting.stderr.read()
    assert waiting.wait(20) == 130


def test_a_daemon_drives_the_lab_and_ends_in_order_when_told(parked: Path, autolab: Autolab) -> None:
    daemon = subprocess.Popen([sys.executable, "-m", "autolab", "daemon"], stderr=subprocess.PIPE, text=True)
    assert daemon.stderr is not None
    assert "driving" in daemon.stderr.readline()
    autolab("run", "--id", "x", "--", "true")
    assert autolab("wait", "x", "--timeout", "60s").code == 0
    assert autolab("status", "--json").data["engine"]["what"] == "daemon"
    second = autolab("daemon")
    daemon.terminate()
    daemon.stderr.read()
    assert (daemon.wait(30), second.code) == (0, 5)
    assert autolab("status", "--json").data["engine"] is None
