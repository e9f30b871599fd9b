"""Layers of settings, who said what, and autolab.yaml as it is made and edited."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from autolab.errors import InvalidSettings, NotAProject
from autolab.resources import data
from autolab.store.settings import find_root, initial_settings_text, load_settings
from autolab.store.settings_edit import add_host

PROJECT = "project: p\nhosts:\n  local:\n    kind: local\n    slots: 2\npolicies:\n  kill_grace: 20s\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "a project"
    folder.mkdir()
    (folder / "autolab.yaml").write_text(PROJECT)
    return folder


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A user whose own file sets two policies."""
    own = tmp_path / "config" / "autolab"
    own.mkdir(parents=True)
    (own / "config.yaml").write_text("policies: {kill_grace: 30s, start_tries: 5}\n")
    return {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}


def test_a_stronger_layer_wins_and_the_others_still_speak(root: Path, env: dict[str, str], tmp_path: Path) -> None:
    env |= {"AUTOLAB_SET_policies__look_fastest": "3s", "AUTOLAB_SET_policies__matrix_limit": "7", "AUTOLAB_ID": "x"}
    settings, origins = load_settings(root, env, ["policies.matrix_limit=9", "hosts.local.gpus=[0, 1]"])
    assert settings.policies.start_tries == 5
    assert settings.policies.kill_grace == timedelta(seconds=20)
    assert settings.policies.look_fastest == timedelta(seconds=3)
    assert settings.policies.matrix_limit == 9
    assert (settings.hosts["local"].slots, settings.hosts["local"].gpus) == (2, (0, 1))
    assert origins == {
        "hosts.local.gpus": "--set hosts.local.gpus",
        "hosts.local.kind": "autolab.yaml:4:5",
        "hosts.local.slots": "autolab.yaml:5:5",
        "policies.kill_grace": "autolab.yaml:7:3",
        "policies.look_fastest": "$AUTOLAB_SET_policies__look_fastest",
        "policies.matrix_limit": "--set policies.matrix_limit",
        "policies.start_tries": f"{tmp_path}/config/autolab/config.yaml:1:29",
        "project": "autolab.yaml:1:1",
    }


@pytest.mark.parametrize(
    ("variables", "overrides", "message", "hint"),
    [
        (
            {},
            ["policies.kil_grace=1s"],
            "--set policies.kil_grace: unknown key 'kil_grace' in policies",
            "did you mean kill_grace?",
        ),
        (
            {"AUTOLAB_SET_hosts__local__slots": "0"},
            [],
            "$AUTOLAB_SET_hosts__local__slots: hosts.local.slots: must be at least 1, not 0",
            "",
        ),
        ({}, ["slots"], "--set 'slots': not of the form key=value", "--set policies.look_fastest=5s"),
        ({}, ["project=[1"], "--set project: not one YAML value", "put it in quotes"),
    ],
)
def test_what_a_variable_or_option_says_wrongly_is_named_by_it(
    root: Path, variables: dict[str, str], overrides: list[str], message: str, hint: str
) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load_settings(root, variables, overrides)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_host_whose_name_has_dots_can_be_set(root: Path) -> None:
    (root / "autolab.yaml").write_text("project: p\nhosts: {a.b: {kind: ssh}, a: {kind: ssh}}\n")
    settings, _ = load_settings(root, {}, ["hosts.a.b.slots=3"])
    assert (settings.hosts["a.b"].slots, settings.hosts["a"].slots) == (3, 1)


@pytest.mark.rule("B49")
def test_a_secret_is_never_repeated_in_an_error(root: Path) -> None:
    for override in ("secrets.K=hunter2", "secrets.K={variable: hunter2 x}", "secrets.K={command: hunter2}"):
        with pytest.raises(InvalidSettings) as caught:
            load_settings(root, {}, [override])
        assert "hunter2" not in caught.value.message + caught.value.hint


def test_without_a_settings_file_there_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(NotAProject):
        load_settings(tmp_path, {})
    with pytest.raises(NotAProject):
        find_root(tmp_path)


def test_the_nearest_project_above_is_found(root: Path) -> None:
    (root / "deep" / "er").mkdir(parents=True)
    assert find_root(root / "deep" / "er") == root


def template() -> str:
    return (data("templates") / "autolab.yaml").read_text()


@pytest.mark.parametrize("project", ["lab", "123", "1e-3", "true", "my.lab-2"])
def test_a_new_settings_file_is_valid_and_names_its_schema(tmp_path: Path, project: str) -> None:
    text = initial_settings_text(template(), project, slots=2)
    assert text.startswith("# yaml-language-server: $schema=")
    (tmp_path / "autolab.yaml").write_text(text)
    settings, _ = load_settings(tmp_path, {})
    assert settings.project == project
    assert settings.hosts["local"].slots == 2


@pytest.mark.parametrize("project", ["a b", "../x", "-x", "", "a\nb: c", "x" * 65])
def test_a_project_name_that_is_not_well_formed_makes_no_file(project: str) -> None:
    with pytest.raises(InvalidSettings):
        initial_settings_text(template(), project)


def test_adding_a_host_keeps_comments_and_everything_else() -> None:
    before = initial_settings_text(template(), "lab")
    after = add_host(before, "gpu1", {"kind": "ssh", "ssh": "gpu1", "slots": 4})
    lines = after.splitlines()
    added = ["  gpu1:", "    kind: ssh", "    ssh: gpu1", "    slots: 4"]
    at = lines.index("  gpu1:")
    assert lines[at : at + 4] == added
    assert lines[:at] + lines[at + 4 :] == before.splitlines()


def test_a_host_is_not_added_twice_nor_wrongly() -> None:
    text = initial_settings_text(template(), "lab")
    with pytest.raises(InvalidSettings, match="the host 'local' is there already"):
        add_host(text, "local", {"kind": "local"})
    with pytest.raises(InvalidSettings, match=r"hosts\.x\.slots: must be at least 1, not 0"):
        add_host(text, "x", {"kind": "ssh", "slots": 0})
