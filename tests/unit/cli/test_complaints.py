from __future__ import annotations

import json
from typing import Any

import pytest

from autolab.cli import main
from autolab.errors import HostUnreachable


def failing(error: Exception) -> Any:
    def run(*_: object, **__: object) -> None:
        try:
            raise OSError("connection refused")
        except OSError as below:
            raise error from below

    return run


def test_an_error_is_said_with_its_cause_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main.app, "main", failing(HostUnreachable("gpu1 is away", hint="ping it")))
    assert main.run(["ps"]) == 4
    assert capsys.readouterr().err == "error: gpu1 is away\ncause: connection refused\nhint: ping it\n"


def test_an_error_for_programs_is_one_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main.app, "main", failing(HostUnreachable("gpu1 is away", hint="ping it")))
    assert main.run(["ps", "--json"]) == 4
    assert json.loads(capsys.readouterr().err)["error"] == {
        "code": "host-unreachable",
        "message": "gpu1 is away",
        "hint": "ping it",
        "details": {"cause": "connection refused", "transient": True},
    }


def test_a_mistake_in_autolab_shows_its_traceback_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main.app, "main", failing(KeyError("x")))
    assert main.run(["ps"]) == 70
    plain = capsys.readouterr().err
    assert main.run(["ps", "--debug"]) == 70
    assert ("Traceback" in plain, "Traceback" in capsys.readouterr().err) == (False, True)


def test_words_behind_two_dashes_are_not_autolabs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main.app, "main", failing(HostUnreachable("away")))
    main.run(["run", "--", "x", "--json", "--debug"])
    assert capsys.readouterr().err.startswith("error: away")
