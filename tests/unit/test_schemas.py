"""The files of schemas/: fresh, valid, and saying what the types say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from autolab.errors import InvalidSettings
from autolab.resources import data
from autolab.store.settings import initial_settings_text
from autolab.store.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]


def schema(name: str) -> Any:
    return json.loads((data("schemas") / f"{name}.json").read_text())


def accepts(name: str, document: object) -> bool:
    return bool(jsonschema.Draft202012Validator(schema(name)).is_valid(document))


def test_the_schemas_are_what_the_types_make_now() -> None:
    done = subprocess.run([sys.executable, "scripts/schemas", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", sorted(data("schemas").glob("*.json")), ids=lambda path: path.stem)
def test_each_is_a_schema_with_its_major_version_in_its_id(path: Path) -> None:
    found = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["$id"] == f"urn:autolab:schema:{path.stem}:1"


def test_a_new_settings_file_fits_its_schema_and_a_wrong_one_does_not() -> None:
    text = initial_settings_text((data("templates") / "autolab.yaml").read_text(), "lab")
    written = dict(read_yaml(text.encode(), "autolab.yaml", InvalidSettings).value)
    assert accepts("settings", written)
    assert not accepts("settings", {**written, "hsots": {}})
    assert not accepts("settings", {**written, "hosts": {"a": {"kind": "local", "slots": 0}}})
    assert not accepts("settings", {**written, "hosts": {"a": {"kind": "slurm"}}})


@pytest.mark.rule("1.32")
def test_an_experiment_fits_its_schema_and_a_wrong_group_does_not() -> None:
    item = {"id": "e", "command": "x", "method": "m", "dataset": "d", "seed": 1, "gpu": 0, "env": {"LR": 0.1}}
    assert accepts("experiments", {"experiments": [item]})
    assert not accepts("experiments", {"experiments": [{**item, "group": "Main"}]})
    assert not accepts("experiments", {"experiments": [{**item, "status": "done"}]})


@pytest.mark.rule("1.29")
@pytest.mark.rule("1.31")
def test_the_seeds_first_sidecar_fits_the_schema_and_an_eighth_status_does_not() -> None:
    sidecar = {
        "id": "e", "status": "pending", "started": None, "host": None, "gpu": None, "pid": None, "job_id": None,
        "finished": None, "wandb_run_id": None, "retry_count": 0, "notes": "",
    }  # fmt: skip
    assert accepts("sidecar", sidecar)
    assert accepts("sidecar", {**sidecar, "mine": 1})
    assert not accepts("sidecar", {**sidecar, "status": "finished"})
