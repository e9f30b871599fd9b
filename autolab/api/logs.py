"""What an experiment printed, and what happened to it and to the lab."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from autolab.api.place import Placed, entry_of, read_state
from autolab.api.select import select
from autolab.api.waiting import between_looks
from autolab.errors import StoreDamaged, UnknownName
from autolab.store.files import Files, read_regular
from autolab.store.journal import Journal

if TYPE_CHECKING:
    from autolab.api.experiment_results import EventsReport

LIMIT: Final = 50
LOOK_S: Final = 0.5
_VIEW_LIMIT: Final = 1 << 28


def history(place: Placed, ident: str, limit: int = 0) -> EventsReport:
    """Every event about one experiment, oldest first, from the journal of record. ``limit``: only the last so many."""
    found = select(read_state(place)["experiments"], [ident])[0]
    about = [event for event in record(place) if _is_about(event, found)]
    return {"at": _now(), "events": about[-limit:] if limit else about, "total": len(about)}


def events(place: Placed, limit: int = LIMIT) -> EventsReport:
    """The last ``limit`` events of the lab (0: all), oldest first."""
    total = 0
    last: deque[dict[str, Any]] = deque(maxlen=limit or None)
    for event in record(place):
        total += 1
        last.append(event)
    return {"at": _now(), "events": list(last), "total": total}


def follow_events(place: Placed, since: int | None = None) -> Iterator[dict[str, Any]]:
    """Events as they come, for ever, each once; those after ``since``, default: only new ones."""
    seen: object = None
    for _ in between_looks(LOOK_S):
        signature = _signature(place.layout.journal_view)
        if signature == seen:
            continue
        seen = signature
        recent = list(_view(place))
        if since is None:
            since = recent[-1]["seq"] if recent else 0
        for event in recent:
            if event["seq"] > since:
                since = event["seq"]
                yield event


def record(place: Placed) -> Iterator[dict[str, Any]]:
    """All events of the journal of record; in a clone that has none, those of the view in the work tree."""
    journal = Journal(place.layout, Files())
    yield from journal.history() if journal.segments() else _view(place)


def _view(place: Placed) -> Iterator[dict[str, Any]]:
    path = place.layout.journal_view
    try:
        lines = read_regular(path, _VIEW_LIMIT).splitlines()
    except FileNotFoundError:
        return
    for number, line in enumerate(lines, 1):
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise StoreDamaged(f"{path}:{number}: not JSON: {error}") from error


def _is_about(event: dict[str, Any], ident: str) -> bool:
    return event.get("id") == ident


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _signature(path: Path) -> tuple[int, ...] | None:
    try:
        seen = path.stat()
    except FileNotFoundError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


def attempt_of(place: Placed, ident: str, attempt: int | None) -> tuple[dict[str, Any], int]:
    """The experiment's document and the number of the attempt that is meant: the last one unless said.

    raises  UnknownName for an experiment or attempt that is not there
    """
    state = read_state(place)
    entry = entry_of(state, select(state["experiments"], [ident])[0])
    assert entry is not None
    last = int(entry.get("attempt") or 0)
    number = last if attempt is None else attempt
    if not 1 <= number <= last:
        hint = f"it has {last}" if last else "it was not launched yet: autolab show says why"
        raise UnknownName(f"attempt of {entry['id']}", str(number), hint=hint)
    return entry, number
