"""Leaving word for the next poll that there is nothing to do; ``store.quiet`` reads it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from autolab.store import quiet
from autolab.store.files import Files
from autolab.store.layout import Layout

RACY_S: Final = 2.0  # a file may change again within its own time stamp


def looks_of(layout: Layout) -> list[str]:
    """What the places that a tick reads look like now."""
    return quiet.looks_of(str(layout.root), str(layout.record))


def remember_quiet(layout: Layout, looks: list[str], due_at: datetime | None, now: datetime) -> None:
    """Leave word for the next poll. ``looks`` are from before the last, eventless tick."""
    if looks != looks_of(layout) or _newest(layout) > now.timestamp() - RACY_S:
        forget_quiet(layout)
        return
    due = None if due_at is None else due_at.timestamp()
    word = quiet.word(str(layout.root), str(layout.record), looks, now.timestamp(), due)
    Files().replace(layout.quiet, word, durable=False)


def forget_quiet(layout: Layout) -> None:
    """The next poll reads everything."""
    Files().remove(layout.quiet)


def _newest(layout: Layout) -> float:
    """The latest change of the folders themselves: files come and go by rename."""
    folders: tuple[Path, ...] = (layout.dispatch, layout.inbox, layout.drop_box)
    return max((folder.stat().st_mtime for folder in folders if folder.is_dir()), default=0.0)
