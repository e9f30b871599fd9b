"""Where a lab is on this disk. Enough for everything that only reads what stands there; no settings are read."""

from __future__ import annotations

import gc
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from autolab.errors import NotAProject, StoreDamaged
from autolab.store.files import read_regular, reason
from autolab.store.layout import SETTINGS_FILE, Layout, find_project

FORMAT: Final = 1
_KEY: Final = re.compile(r"( *)([A-Za-z0-9][A-Za-z0-9._-]*):")
_LAB_LIMIT: Final = 1 << 16
_STATE_LIMIT: Final = 1 << 30


class Placed(Protocol):
    """Anything that knows its project's paths: a ``Place``, or a ``Project`` with its settings."""

    @property
    def layout(self) -> Layout: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A project whose paths are known and nothing else."""

    layout: Layout


def find_place(start: Path | str = ".") -> Place:
    """The project at or above ``start``; raises NotAProject."""
    root = find_project(Path(start))
    return Place(Layout.of(root, lab_id(root)))


def lab_id(root: Path) -> str:
    """The lab's random id, from ``dispatch/lab.json``; raises NotAProject where ``init`` has not been."""
    path = Layout(root, None, "").lab_file
    document = read_object(path, _LAB_LIMIT)
    if document is None:
        raise NotAProject(f"{root} has an autolab.yaml and no lab yet", hint="run `autolab init` there")
    lab, written = document.get("lab"), document.get("format")
    if not isinstance(written, int) or written > FORMAT:
        raise StoreDamaged(f"{path}: format {written!r}; this autolab reads {FORMAT}", hint="upgrade autolab")
    if not isinstance(lab, str) or not lab:
        raise StoreDamaged(f"{path}: no lab id in it", hint="take it back from git: git checkout -- dispatch/lab.json")
    return lab


def read_state(place: Placed) -> dict[str, Any]:
    """``dispatch/state.json`` as it stands; an empty one where nothing was written yet. raises StoreDamaged."""
    path = place.layout.state
    document = read_object(path, _STATE_LIMIT)
    if document is None:
        return {"project": place.layout.root.name, "updated": None, "journal_seq": 0, "experiments": []}
    written = document.get("format", FORMAT)
    if not isinstance(written, int) or written > FORMAT:
        raise StoreDamaged(f"{path}: format {written!r}; this autolab reads {FORMAT}", hint="upgrade autolab")
    experiments = document.get("experiments")
    if not isinstance(experiments, list):
        raise StoreDamaged(f"{path}: `experiments` is not a list", hint="`autolab replay` compares it with the journal")
    return document


def read_object(path: Path, limit: int) -> dict[str, Any] | None:
    """The JSON object in a file; None: there is no such file. raises StoreDamaged naming path and reason."""
    try:
        data = read_regular(path, limit)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreDamaged(f"cannot read {path}: {reason(error)}") from error
    try:
        document = _parsed(data)
    except orjson.JSONDecodeError as error:
        raise StoreDamaged(f"{path}: not JSON: {error}", hint="`autolab replay` says what the journal knows") from error
    if not isinstance(document, dict):
        raise StoreDamaged(f"{path}: not a JSON object")
    return document


def _parsed(data: bytes) -> Any:
    """Without the garbage collector, which would walk 10,000 new objects again and again: a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return orjson.loads(data)
    finally:
        if was_on:
            gc.enable()


def host_names(root: Path) -> list[str]:
    """The hosts that ``autolab.yaml`` seems to name, told by its indentation: enough for completion, and fast."""
    try:
        lines = (root / SETTINGS_FILE).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    names: list[str] = []
    depth = 0
    inside = False
    for line in lines:
        found = _KEY.match(line)
        if found is None:
            continue
        indent = len(found[1])
        if not indent:
            inside, depth = found[2] == "hosts", 0
        elif inside and indent == (depth := depth or indent):
            names.append(found[2])
    return names


def entry_of(state: Mapping[str, Any], ident: str) -> dict[str, Any] | None:
    """The experiment ``ident`` in a state that was read."""
    return next((entry for entry in state["experiments"] if entry.get("id") == ident), None)
