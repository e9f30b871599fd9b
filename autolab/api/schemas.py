"""The schemas that travel with the code: of files that people write and programs read, and of commands' output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from autolab.errors import UnknownName
from autolab.resources import data

if TYPE_CHECKING:
    from autolab.api.results import SchemaReport


def schema_names() -> list[str]:
    """What there is a schema of."""
    return sorted(path.stem for path in data("schemas").glob("*.json"))


def schema(name: str) -> SchemaReport:
    """The JSON schema of a file (``settings``, ``experiments``, ``state`` ...) or of a command's ``--json``."""
    names = schema_names()
    for each in (name, f"cli-{name}"):
        if each in names:
            return {"name": each, "text": json.loads((data("schemas") / f"{each}.json").read_text("utf-8"))}
    raise UnknownName("schema", name, names, hint=f"there are {', '.join(names)}")
