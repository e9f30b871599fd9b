"""``dispatch/lab.json``: which lab this is, and on which host its lease lies."""

from __future__ import annotations

import json
from typing import Any, Final

from autolab.errors import StoreDamaged
from autolab.model.ids import is_host
from autolab.store.files import Files
from autolab.store.layout import Layout

HERE: Final = "local"  # the anchor is this machine: a folder of this user's own
_LIMIT: Final = 1 << 16


def read_anchor(layout: Layout, files: Files) -> str:
    """The host that keeps the lease, ``local`` for this machine; raises StoreDamaged."""
    anchor = _document(layout, files).get("anchor", HERE)
    if not isinstance(anchor, str) or not is_host(anchor):
        raise StoreDamaged(f"{layout.lab_file}: the anchor {anchor!r} is no host's name", hint="take it back from git")
    return anchor


def write_anchor(layout: Layout, files: Files, anchor: str) -> None:
    """Let ``anchor`` keep the lease; everything else in the file stays."""
    document = {**_document(layout, files), "anchor": anchor}
    files.replace(layout.lab_file, (json.dumps(document, indent=2) + "\n").encode())


def _document(layout: Layout, files: Files) -> dict[str, Any]:
    try:
        document = json.loads(files.read(layout.lab_file, _LIMIT) or b"{}")
    except ValueError as error:
        raise StoreDamaged(f"{layout.lab_file}: not JSON: {error}", hint="take it back from git") from error
    if not isinstance(document, dict):
        raise StoreDamaged(f"{layout.lab_file}: not a JSON object", hint="take it back from git")
    return document
