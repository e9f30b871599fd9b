"""Changes to ``autolab.yaml`` that keep its comments and order."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from autolab.errors import InvalidSettings
from autolab.store.settings import FILE, check_settings
from autolab.store.yaml_files import read_yaml


def add_host(text: str, name: str, host: Mapping[str, Any]) -> str:
    """``text`` of an ``autolab.yaml`` with one more host, everything else as it was.

    raises  InvalidSettings when the name is taken, or what comes out is not well-formed
    """
    before = read_yaml(text.encode(), FILE, InvalidSettings)
    if name in (before.value.get("hosts") or {}):
        raise InvalidSettings(
            f"{before.where(('hosts', name))}: the host {name!r} is there already", hint=f"edit {FILE}"
        )
    yaml = _editor()
    try:
        document = yaml.load(text)
    except YAMLError as error:
        raise InvalidSettings(
            f"{FILE}: cannot be edited: {type(error).__name__}", hint="add the host by hand"
        ) from error
    if document.get("hosts") is None:
        document["hosts"] = CommentedMap()
    document["hosts"][name] = dict(host)
    out = io.StringIO()
    yaml.dump(document, out)
    check_settings(read_yaml(out.getvalue().encode(), FILE, InvalidSettings))
    return out.getvalue()


def host_in(text: str, name: str) -> Any:
    """What ``text`` says of the host ``name``; None: nothing. raises InvalidSettings where it cannot be read."""
    return (read_yaml(text.encode(), FILE, InvalidSettings).value.get("hosts") or {}).get(name)


def _editor() -> YAML:
    yaml = YAML()  # round trip, YAML 1.2
    yaml.preserve_quotes = True
    yaml.width = 4096
    return yaml
