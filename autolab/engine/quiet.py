"""Whether a poll has anything to do, told without reading the state. Imports nothing that takes time."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from autolab.store.fingerprint import fingerprint
from autolab.store.layout import Layout

VIEWS: Final = frozenset({"state.json", "journal.jsonl"})
TRUSTED_S: Final = 1800.0  # for so long a poll may go by what folders look like; then everything is read again


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
    told, at = _read(layout.quiet), now.timestamp()
    if told is None or not told["at"] <= at < told["at"] + TRUSTED_S:
        return False
    if told["due_at"] is not None and at >= told["due_at"]:
        return False
    return bool(told["looks"] == looks_of(layout))


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
    if not isinstance(found, dict) or not isinstance(found.get("at"), int | float) or "looks" not in found:
        return None
    return found if isinstance(found.setdefault("due_at", None), int | float | None) else None
