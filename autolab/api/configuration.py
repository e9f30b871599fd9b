"""Settings as they hold, each with who said it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from autolab.api.project import Project
from autolab.errors import UnknownName

if TYPE_CHECKING:
    from autolab.api.results import ConfigLine, ConfigReport

DEFAULT = "default"


def config_list(project: Project) -> ConfigReport:
    """Every setting by its dotted key, in the order of the settings' own documentation."""
    return {"settings": list(_lines(project))}


def config_get(project: Project, key: str) -> ConfigReport:
    """One setting, or all below a key. raises UnknownName."""
    lines = list(_lines(project))
    found = [line for line in lines if line["key"] == key or line["key"].startswith(f"{key}.")]
    if not found:
        raise UnknownName("setting", key, [line["key"] for line in lines])
    return {"settings": found}


def _lines(project: Project) -> Iterator[ConfigLine]:
    document = project.settings.model_dump(mode="json")
    for key, value in _flat(document, ""):
        yield {"key": key, "value": value, "origin": _origin(project.origins, key)}


def _origin(origins: Mapping[str, str], key: str) -> str:
    """Who said ``key``, or the nearest thing around it."""
    parts = key.split(".")
    for end in range(len(parts), 0, -1):
        if place := origins.get(".".join(parts[:end])):
            return place
    return DEFAULT


def _flat(document: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value
