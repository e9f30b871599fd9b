"""Leaving word for the next poll that there is nothing to do; ``quiet`` reads it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from autolab.engine.quiet import looks_of
from autolab.store.files import Files
from autolab.store.layout import Layout

RACY_S: Final = 2.0  # a file may change again within its own time stamp


def remember_quiet(layout: Layout, looks: dict[str, str], due_at: datetime | None, now: datetime) -> None:
    """Leave word for the next poll. ``looks`` are from before the last, eventless tick."""
    if looks != looks_of(layout) or _newest(layout) > now.timestamp() - RACY_S:
        forget_quiet(layout)
        return
    _write(layout, {"at": now.timestamp(), "looks": looks, "due_at": None if due_at is None else due_at.timestamp()})


def forget_quiet(layout: Layout) -> None:
    """The next poll reads everything."""
    Files().remove(layout.quiet)


def _newest(layout: Layout) -> float:
    """The latest change of the folders themselves: files come and go by rename."""
    folders = (layout.dispatch, layout.inbox, layout.drop_box)
    return max((folder.stat().st_mtime for folder in folders if folder.is_dir()), default=0.0)


def _write(layout: Layout, document: dict[str, Any]) -> None:
    Files().replace(layout.quiet, json.dumps(document).encode(), durable=False)
