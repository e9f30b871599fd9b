"""When an engine last ran here, so that time in which none did counts against nobody."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from autolab.model.event import EngineReturned, Event
from autolab.store.layout import Layout

EVERY_S = 30.0  # seconds between two marks


def mark(layout: Layout, now: datetime) -> None:
    """An engine, or a poll that found nothing to do, is here now. Costs two calls; a disk that refuses is no harm."""
    path, at = layout.present, now.timestamp()
    try:
        if at - path.stat().st_mtime >= EVERY_S or at < path.stat().st_mtime:
            os.utime(path, (at, at))
    except FileNotFoundError:
        _make(layout, at)
    except OSError:
        return


def _make(layout: Layout, at: float) -> None:
    try:
        layout.present.touch()
        os.utime(layout.present, (at, at))
    except OSError:
        return


def returned(layout: Layout, more_than: timedelta, now: datetime) -> list[Event]:
    """That nobody was here for longer than ``more_than``, if so: what waits for people waits as much longer."""
    gone = away(layout, now)
    mark(layout, now)
    if gone <= more_than:
        return []
    words = f"no engine ran for {gone.total_seconds() / 3600:.1f} h: what waits for people waits as much longer"
    return [EngineReturned(at=now, away_s=gone.total_seconds(), why=words)]


def away(layout: Layout, now: datetime) -> timedelta:
    """How long nobody was here; zero where nobody ever was, or where the clock went back."""
    try:
        last = datetime.fromtimestamp(layout.present.stat().st_mtime, UTC)
    except OSError:
        return timedelta(0)
    return max(now - last, timedelta(0))
