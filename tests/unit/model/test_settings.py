"""What autolab.yaml may say, and each thing it may not, with the line that is said about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from autolab.errors import InvalidSettings, UnknownName
from autolab.model.host import LocalHost, SshHost, VenvEnv
from autolab.model.settings import Settings, hosts_offering
from autolab.model.units import parse_duration, parse_memory, render_duration
from autolab.model.values import scalar_text
from autolab.store.settings import check_settings
from autolab.store.yaml_files import read_yaml


def settings(text: str) -> Settings:
    return check_settings(read_yaml(f"project: p\n{text}\n".encode(), "autolab.yaml", InvalidSettings))


def local(text: str) -> str:
    return f"hosts: {{a: {{kind: local, {text}}}}}"


def test_without_a_word_there_is_this_machine_and_every_default() -> None:
    found = settings("")
    assert found.hosts == {"local": LocalHost(kind="local")}
    assert found.policies.look_fastest == timedelta(seconds=10)
    assert found.policies.look_slowest == timedelta(seconds=120)
    assert [each.total_seconds() for each in found.policies.backoff] == [30, 120, 600, 1800]
    assert found.project_dir("local", "/root of it") == "/root of it"
    assert found.ssh_alias("local") is None


def test_an_ssh_host_has_its_alias_and_folder_by_its_names() -> None:
    found = settings("hosts: {gpu1: {kind: ssh}, gpu2: {kind: ssh, ssh: user@far, dir: /data/p/}}")
    assert (found.ssh_alias("gpu1"), found.project_dir("gpu1", "/here")) == ("gpu1", "~/autolab/p")
    assert (found.ssh_alias("gpu2"), found.project_dir("gpu2", "/here")) == ("user@far", "/data/p")
    host = found.host("gpu1")
    assert isinstance(host, SshHost)
    assert host.logins_per_hour == 60
    with pytest.raises(UnknownName) as caught:
        found.host("gpu3")
    assert (caught.value.message, caught.value.hint) == ("no host named 'gpu3'", "did you mean gpu2 or gpu1?")


def test_gpus_are_none_auto_a_number_or_a_list() -> None:
    found = settings("hosts: {a: {kind: local, gpus: none}, b: {kind: local, gpus: auto}, c: {kind: local, gpus: 2}, "
                     "d: {kind: local, gpus: [1, 3]}}")  # fmt: skip
    assert [host.gpus for host in found.hosts.values()] == ["none", "auto", 2, (1, 3)]
    assert hosts_offering(found, 2) == {"a": False, "b": True, "c": True, "d": True}
    assert hosts_offering(found, 3) == {"a": False, "b": True, "c": False, "d": False}


def test_an_environment_is_told_by_its_kind() -> None:
    found = settings("hosts: {a: {kind: local, env: {kind: venv, path: ~/envs/x}}}")
    assert found.hosts["a"].env == VenvEnv(kind="venv", path="~/envs/x")


NAME_HINT = "1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("hsots: {}", "2:1: unknown key 'hsots'", "did you mean hosts?"),
        ("policies: {timeuot: 1s}", "2:12: unknown key 'timeuot' in policies", None),
        ("policies: {kil_grace: 1s}", "2:12: unknown key 'kil_grace' in policies", "did you mean kill_grace?"),
        ("hosts:\n  a:\n    kind: ssh\n    slot: 3", "5:5: unknown key 'slot' in hosts.a", "did you mean slots?"),
        (local("env: {kind: venv, pth: x}"), "2:44: unknown key 'pth' in hosts.a.env", "did you mean path?"),
        (local("slots: 0"), "2:26: hosts.a.slots: must be at least 1, not 0", ""),
        (local("slots: true"), "2:26: hosts.a.slots: must be a whole number, not True", ""),
        (local("slots: '2'"), "2:26: hosts.a.slots: must be a whole number, not '2'", ""),
        (
            "hosts: {a: {kind: slurm}}",
            "2:13: hosts.a.kind: slurm hosts are not supported by this version",
            "kind is one of local, ssh",
        ),
        ("hosts: {a: {kind: shh}}", "2:13: hosts.a.kind: 'shh' is not supported", "kind is one of local, ssh"),
        ("hosts: {a: {}}", "2:9: hosts.a must be a mapping with `kind:`", "kind is one of local, ssh"),
        ("hosts: {a: local}", "2:9: hosts.a must be a mapping with `kind:`", "kind is one of local, ssh"),
        ("hosts: {}", "2:1: hosts: names no host", "name at least one, such as `local: {kind: local}`"),
        ("hosts: []", "2:1: hosts: must be a mapping, not []", ""),
        ("hosts: {a b: {kind: local}}", "2:9: hosts.a b: no well-formed host name", NAME_HINT),
        ("hosts: {-a: {kind: local}}", "2:9: hosts.-a: no well-formed host name", NAME_HINT),
        (
            "hosts: {a: {kind: ssh, ssh: -oProxyCommand=x}}",
            "2:24: hosts.a.ssh: is no OpenSSH alias",
            "a Host of your ssh config, or a host name; options do not belong here",
        ),
        (
            local("dir: relative"),
            "2:26: hosts.a.dir: must be an absolute path, or begin with ~/",
            "without '..'",
        ),
        (local("dir: /a/../b"), "2:26: hosts.a.dir: must be an absolute path, or begin with ~/", "without '..'"),
        (local("gpus: [0, 0]"), "2:26: hosts.a.gpus: an index stands twice", ""),
        (
            local("gpus: some"),
            "2:26: hosts.a.gpus: must be none, auto, a number, or a list of indices such as [0, 1]",
            "",
        ),
        (local("env: {kind: conda}"), "2:26: hosts.a.env: exactly one of `name` and `prefix` is needed", ""),
        (
            "policies: {kill_grace: 10}",
            "2:12: policies.kill_grace: a duration needs a unit: write 10s, 10m or 10h",
            "",
        ),
        (
            "policies: {kill_grace: 0s}",
            "2:12: policies.kill_grace: a duration must be above zero and at most ten years",
            "",
        ),
        (
            "policies: {look_fastest: 3m}",
            "2:1: policies: look_fastest must not be longer than look_slowest",
            "",
        ),
        ("policies: {start_tries: 1000000000}", "2:12: policies.start_tries: must be at most 100, not 1000000000", ""),
        (
            "secrets: {K: hunter2}",
            "2:11: secrets.K: holds a value, which does not belong into a file",
            "say where it is kept: {variable: NAME}",
        ),
        ("secrets: {K: {}}", "2:11: secrets.K: needs exactly one of `variable`, `file`, `command`", ""),
        (
            "defaults: {group: Main}",
            "2:12: defaults.group: must be exactly one of main, baseline, ablation or analysis, not 'Main'",
            "",
        ),
        (
            "defaults: {expected_duration_hours: .inf}",
            "2:12: defaults.expected_duration_hours: must be a finite number, not inf",
            "",
        ),
        (
            "defaults: {resources: {mem: 32}}",
            "2:24: defaults.resources.mem: memory needs a unit: write 32MB or 32GB",
            "",
        ),
        (
            "defaults: {env: {1A: x}}",
            "2:18: defaults.env.1A: no name for an environment variable",
            "letters, digits and _, not beginning with a digit",
        ),
    ],
)
def test_what_cannot_be_followed_is_one_line_with_its_place(text: str, message: str, hint: str | None) -> None:
    with pytest.raises(InvalidSettings) as caught:
        settings(text)
    assert caught.value.message == f"autolab.yaml:{message}"
    if hint is not None:
        assert caught.value.hint == hint


def test_all_problems_are_told_at_once_and_twenty_shown() -> None:
    with pytest.raises(InvalidSettings) as caught:
        settings("policies: {" + ", ".join(f"k{n}: 1" for n in range(30)) + "}")
    lines = caught.value.message.splitlines()
    assert lines[0] == "30 problems, nothing was changed:"
    assert len(lines) == 22
    assert lines[-1] == "  ... and 10 more"


def models(kind: type[BaseModel]) -> list[type[BaseModel]]:
    return [kind, *(found for each in kind.__subclasses__() for found in models(each))]


def test_every_setting_says_what_it_does() -> None:
    from autolab.model.border import Border

    silent = [
        f"{kind.__name__}.{name}"
        for kind in models(Border)
        if kind.__module__.startswith("autolab.model")
        for name, each in kind.model_fields.items()
        if name != "kind" and not each.description
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("5m", 300),
        ("5min", 300),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2d", 172800),
        ("02:00:00", 7200),
        ("1-00:00:00", 86400),
        ("250ms", 0.25),
    ],
)
def test_durations_are_read_with_their_units(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize(
    "bad", ["", "s", "10", "-1s", "0s", "1h-5m", "99999d", "1e9d", 10, True, None, "10 parsecs", "inf", "01:30"]
)
def test_durations_without_sense_are_refused(bad: object) -> None:
    with pytest.raises(ValueError):
        parse_duration(bad)


@pytest.mark.parametrize(
    ("text", "mib"), [("32GB", 32768), ("512 MiB", 512), ("1.5T", 1572864), ("1k", 1), ("2g", 2048)]
)
def test_memory_is_read_in_mib_rounded_up(text: str, mib: int) -> None:
    assert parse_memory(text) == mib


@pytest.mark.parametrize("bad", ["", "0GB", "32", 32, True, "-1GB", "GB", "1 parsec", "9" * 40 + "T"])
def test_memory_without_sense_is_refused(bad: object) -> None:
    with pytest.raises(ValueError):
        parse_memory(bad)


@given(st.integers(1, 3660 * 86_400_000).map(lambda ms: timedelta(milliseconds=ms)))
def test_a_duration_reads_back_as_it_was_written(length: timedelta) -> None:
    assert parse_duration(render_duration(length)) == length


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_a_number_as_text_is_the_same_number(value: Any) -> None:
    assert type(value)(scalar_text(value)) == value


def test_settings_survive_being_shown_and_read_again() -> None:
    found = settings("hosts: {a: {kind: ssh, gpus: [0]}}\ndefaults: {resources: {mem: 8GB, walltime: 2h}}")
    assert Settings.model_validate(found.model_dump(mode="json")) == found
