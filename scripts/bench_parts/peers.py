"""What the folds are compared with: the original merge loop they replace, a plain good one, and the bare write."""

from __future__ import annotations

import glob
import json
import os
from pathlib import Path
from typing import Any

import orjson


def original_merge(project: Path) -> dict[str, Any]:
    """The merge that labs ran before: every sidecar, searched for in the list, all rewritten at the end.

    Kept as it was in what costs time: ``json``, one pass over the list for each sidecar until it is found, values that
    are null left out, ``indent=2`` straight into the file, one rename, no sync.
    """
    target = f"{project}/dispatch/state.json"
    with open(target) as file:
        state: dict[str, Any] = json.load(file)
    touched = False
    for name in glob.glob(f"{project}/dispatch/*.status.json"):
        with open(name) as file:
            told = json.load(file)
        wanted = told.get("id")
        for experiment in state["experiments"]:
            if experiment["id"] == wanted:
                for key, value in told.items():
                    if key != "id" and value is not None:
                        experiment[key] = value
                touched = True
                break
    if touched:
        with open(f"{target}.tmp", "w") as file:
            json.dump(state, file, indent=2)
        os.replace(f"{target}.tmp", target)
    return state


def plain_merge(project: Path) -> None:
    """The same result done well: an index by id, orjson, file descriptors, one durable write."""
    folder = f"{project}/dispatch"
    with open(f"{folder}/state.json", "rb") as file:
        state = orjson.loads(file.read())
    index = {experiment["id"]: experiment for experiment in state["experiments"]}
    for name in os.listdir(folder):
        if not name.endswith(".status.json"):
            continue
        fd = os.open(f"{folder}/{name}", os.O_RDONLY)
        try:
            told = orjson.loads(os.read(fd, 1 << 20))
        finally:
            os.close(fd)
        if (experiment := index.get(told["id"])) is not None:
            experiment.update({key: value for key, value in told.items() if key != "id" and value is not None})
    durable_write(Path(folder) / "state.json", orjson.dumps(state, option=orjson.OPT_INDENT_2))


def durable_write(path: Path, data: bytes) -> None:
    """Write, sync, rename, sync the folder: the least that a durable file costs."""
    temp = f"{path}.tmp"
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(temp, path)
    fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
