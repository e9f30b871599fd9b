"""Whether a poll has anything to do, told without reading the state. Imports nothing that takes time."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from autolab.store.files import Files
from autolab.store.fingerprint import fingerprint
from autolab.store.layout import Layout

VIEWS: Final = frozenset({"state.json", "journal.jsonl"})
TRUSTED: Final = 10  # polls that may go by what folders look like; then everything is read again
RACY_S: Final = 2.0  # a file may change again within its own time stamp


def looks_of(layout: Layout) -> dict[str, str]:
    """What the folders a tick reads look like now."""
    return {
        "dispatch": fingerprint(layout.dispatch, VIEWS),
        "inbox": fingerprint(layout.inbox),
        "drop_box": fingerprint(layout.drop_box),
        "progress": fingerprint(layout.progress, frozenset({"lab.log"})),
        "settings": _stamp(layout.settings),
    }


def is_quiet(layout: Layout, now: datetime) -> bool:
    """Whether nothing changed since a poll found nothing to do, and nothing is due by the clock."""
    told = _read(layout.quiet)
    if told is None or told["polls"] >= TRUSTED:
        return False
    due = told.get("due_at")
    if due is not None and now.timestamp() >= due:
        return False
    if told.get("looks") != looks_of(layout):
        return False
    _write(layout, {**told, "polls": told["polls"] + 1})
    return True


def remember_quiet(layout: Layout, looks: dict[str, str], due_at: datetime | None, now: datetime) -> None:
    """Leave word for the next poll. ``looks`` are from before the last, eventless tick."""
    if looks != looks_of(layout) or _newest(layout) > now.timestamp() - RACY_S:
        forget_quiet(layout)
        return
    _write(layout, {"polls": 0, "looks": looks, "due_at": None if due_at is None else due_at.timestamp()})


def forget_quiet(layout: Layout) -> None:
    """The next poll reads everything."""
    Files().remove(layout.quiet)


def _newest(layout: Layout) -> float:
    """The latest change of the folders themselves: files come and go by rename."""
    folders = (layout.dispatch, layout.inbox, layout.drop_box)
    return max((folder.stat().st_mtime for folder in folders if folder.is_dir()), default=0.0)


def _stamp(path: Path) -> str:
    try:
        seen = path.stat()
    except FileNotFoundError:
        return ""
    return f"{seen.st_ino} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns}"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("polls"), int):
        return None
    return found if isinstance(found.get("due_at"), int | float | None) else None


def _write(layout: Layout, document: dict[str, Any]) -> None:
    Files().replace(layout.quiet, json.dumps(document).encode(), durable=False)
