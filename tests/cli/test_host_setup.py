"""Hosts made known: written into autolab.yaml with its comments; keys recorded only when they were compared."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Autolab
from tests.labhosts import LabHosts


def test_a_host_is_added_after_a_look_and_once(study: Path, autolab: Autolab) -> None:
    path = study / "autolab.yaml"
    before = path.read_text() + "# a remark at the end\n"
    path.write_text(before)
    words = ("host", "add", "gpu1", "--slots", "2", "--gpus", "auto", "--env", "venv:.venv")
    shown = autolab(*words, "--dry-run", "--json").data
    assert ("+  gpu1:" in shown["diff"], path.read_text()) == (True, before)
    refused = autolab(*words, "--no-input")
    assert (refused.code, "--yes" in refused.err, path.read_text()) == (2, True, before)
    assert autolab(*words, "--yes", "--json").data["outcome"] == "added"
    assert "# a remark at the end" in path.read_text()
    assert autolab("config", "get", "hosts.gpu1.gpus", "--json").data["settings"][0]["value"] == "auto"
    assert autolab(*words, "--yes", "--json").data["outcome"].startswith("nothing to change")
    other = autolab("host", "add", "gpu1", "--slots", "3", "--yes")
    assert (other.code, "is there already" in other.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("bad name", "--yes"), "no well-formed host name"),
        (("gpu1", "--gpus", "some", "--yes"), "gpus"),
        (("gpu1", "--env", "conda", "--yes"), "--env"),
        (("gpu1", "--env", "none:x", "--yes"), "--env"),
        (("gpu1", "--dir", "relative", "--yes"), "absolute"),
    ],
)
def test_what_is_no_host_is_refused_and_nothing_is_written(
    study: Path, autolab: Autolab, words: tuple[str, ...], says: str
) -> None:
    before = (study / "autolab.yaml").read_bytes()
    said = autolab("host", "add", *words)
    assert (said.code, says in said.err) == (2, True), said.err
    assert (study / "autolab.yaml").read_bytes() == before


@pytest.mark.ssh
@pytest.mark.rule("N6")
def test_a_key_is_recorded_when_it_is_the_one_that_was_named(
    study: Path, autolab: Autolab, lab: LabHosts, tmp_path: Path
) -> None:
    known = tmp_path / "known" / "hosts"
    config = tmp_path / "config"
    config.write_text(lab.config.read_text().replace(str(lab.known_hosts), str(known)))
    settings = json.dumps({"project": "study", "hosts": {"lab1": {"kind": "ssh"}}, "ssh": {"config": str(config)}})
    (study / "autolab.yaml").write_text(settings)
    assert autolab("host", "test", "lab1").code == 4
    shown = autolab("host", "trust", "lab1", "--dry-run", "--json").data
    printed = subprocess.run(
        ["ssh-keygen", "-lf", "-"], input=lab.public_key("lab1"), capture_output=True, text=True, check=True
    )
    assert (shown["fingerprint"], shown["outcome"]) == (printed.stdout.split()[1], "not recorded")
    assert autolab("host", "trust", "lab1", "--no-input").code == 2
    wrong = autolab("host", "trust", "lab1", "--fingerprint", "SHA256:wrong")
    assert (wrong.code, known.exists()) == (6, False)
    said = autolab("host", "trust", "lab1", "--fingerprint", shown["fingerprint"], "--json").data
    assert (said["outcome"], known.stat().st_mode & 0o777) == ("recorded", 0o600)
    assert autolab("host", "trust", "lab1", "--json").data["outcome"] == "known already"
    assert len(known.read_text().splitlines()) == 1
    assert autolab("host", "test", "lab1").code == 0
    lab.change_key("lab1")
    changed = autolab("host", "trust", "lab1", "--fingerprint", shown["fingerprint"])
    assert (changed.code, "KEY CHANGED" in changed.err) == (4, True)
