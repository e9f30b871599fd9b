"""Secrets by reference: where each is read, and what is said when it cannot be."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from autolab.engine.lab import read_secrets
from autolab.errors import AutolabError, CommandFailed, InvalidSettings
from autolab.model.settings import Settings

VALUE = "hf_Zq7canaryT0ken"


def read(root: Path, reference: dict[str, Any], env: dict[str, str] | None = None) -> dict[str, str]:
    settings = Settings.model_validate({"project": "p", "secrets": {"TOKEN": reference}})
    return read_secrets(settings, root, env or {})


def a_file(root: Path, content: bytes = VALUE.encode() + b"\n", mode: int = 0o600) -> Path:
    path = root / "token"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def prints(text: str, status: int = 0) -> dict[str, Any]:
    return {"command": [sys.executable, "-c", f"import sys; print({text!r}); sys.exit({status})"]}


def the_error(root: Path, reference: dict[str, Any], env: dict[str, str] | None = None) -> AutolabError:
    with pytest.raises(AutolabError) as caught:
        read(root, reference, env)
    error = caught.value
    said = f"{error.message} {error.hint}"
    assert "TOKEN" in said
    assert VALUE not in said
    return error


def test_a_secret_is_the_value_of_a_variable(tmp_path: Path) -> None:
    assert read(tmp_path, {"variable": "MY_TOKEN"}, {"MY_TOKEN": VALUE}) == {"TOKEN": VALUE}


def test_a_variable_that_is_not_set_is_named_with_its_secret(tmp_path: Path) -> None:
    error = the_error(tmp_path, {"variable": "MY_TOKEN"}, {"OTHER": VALUE})
    assert isinstance(error, InvalidSettings)
    assert "MY_TOKEN" in error.message
    assert error.hint


def test_a_secret_is_what_a_file_of_the_owner_holds_without_its_newline(tmp_path: Path) -> None:
    a_file(tmp_path)
    assert read(tmp_path, {"file": "token"}) == {"TOKEN": VALUE}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o666])
def test_a_file_that_others_may_touch_is_no_place_for_a_secret(tmp_path: Path, mode: int) -> None:
    path = a_file(tmp_path, mode=mode)
    error = the_error(tmp_path, {"file": "token"})
    assert isinstance(error, InvalidSettings)
    assert error.hint == f"chmod 600 {path}"


def test_a_file_that_its_owner_alone_may_only_read_is_good(tmp_path: Path) -> None:
    a_file(tmp_path, mode=0o400)
    assert read(tmp_path, {"file": "token"}) == {"TOKEN": VALUE}


@pytest.mark.root
def test_a_file_of_another_user_is_no_place_for_a_secret(tmp_path: Path) -> None:
    os.chown(a_file(tmp_path), 65534, 65534)
    assert isinstance(the_error(tmp_path, {"file": "token"}), InvalidSettings)


def test_a_file_that_is_missing_or_a_folder_or_no_text_is_said(tmp_path: Path) -> None:
    assert "nowhere" in the_error(tmp_path, {"file": "nowhere"}).message
    (tmp_path / "folder").mkdir(mode=0o700)
    assert "folder" in the_error(tmp_path, {"file": "folder"}).message
    a_file(tmp_path, VALUE.encode() + b"\xff")
    assert "token" in the_error(tmp_path, {"file": "token"}).message


def test_bytes_that_are_no_text_hang_on_no_error(tmp_path: Path) -> None:
    a_file(tmp_path, VALUE.encode() + b"\xff")
    error: BaseException | None = the_error(tmp_path, {"file": "token"})
    while error is not None:
        assert VALUE.encode() not in getattr(error, "object", b"")  # what a traceback with values would show
        error = error.__cause__


def test_a_secret_is_the_first_line_that_a_command_prints(tmp_path: Path) -> None:
    assert read(tmp_path, prints(VALUE)) == {"TOKEN": VALUE}
    assert read(tmp_path, prints(f"{VALUE}\nlogin: ada\n")) == {"TOKEN": VALUE}


def test_a_command_is_run_in_the_project_by_words_and_not_by_a_shell(tmp_path: Path) -> None:
    program = tmp_path / "my keys"
    program.write_text(f'#!/bin/sh\nprintf "%s:{VALUE}" "$1"\n')
    program.chmod(0o700)
    assert read(tmp_path, {"command": ["./my keys", "$(id) *"]}) == {"TOKEN": f"$(id) *:{VALUE}"}


def test_a_command_that_fails_is_named_and_what_it_printed_is_not_repeated(tmp_path: Path) -> None:
    error = the_error(tmp_path, prints(VALUE, status=3))
    assert isinstance(error, CommandFailed)
    assert "status 3" in error.message


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "no-such-program" in the_error(tmp_path, {"command": ["no-such-program"]}).message


def test_a_command_that_prints_nothing_is_no_secret(tmp_path: Path) -> None:
    assert isinstance(the_error(tmp_path, prints("")), CommandFailed)
