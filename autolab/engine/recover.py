"""A lab whose record is lost, made anew from what git and the views still hold; what cannot be known is said.

The record lies beside git's own files, where no checkout reaches; who loses it has deleted it, or copied the work tree
alone. refs/autolab/state holds a snapshot that is at most ten minutes older than the state was, and the journal's view
the last thousand events, whole. Nothing is launched by this: the next engine looks at every attempt that was open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from autolab.engine.views import SNAPSHOT
from autolab.errors import StoreDamaged
from autolab.model.documents import parse_event, parse_state
from autolab.model.event import Held
from autolab.model.state import DispatchState, Entry, Status
from autolab.model.transitions import fold
from autolab.store.files import Files
from autolab.store.git import STATE_REF, Git
from autolab.store.journal import Journal
from autolab.store.layout import Layout

_LIMIT: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Recovered:
    """What came back: ``seq`` of the last event, experiments, and what is missing or unsure, in words."""

    seq: int
    experiments: int
    held: int
    open_attempts: tuple[str, ...]
    unknown: tuple[str, ...]


def recover(layout: Layout, files: Files, now: datetime) -> Recovered:
    """Begin the journal anew. Only for who holds the engine lock; raises what ``recoverable`` raises."""
    state, found = recoverable(layout, files, now)
    journal = Journal(layout, files)
    journal.begin(orjson.dumps(state), state.seq)
    journal.close()
    return found


def recoverable(layout: Layout, files: Files, now: datetime) -> tuple[DispatchState, Recovered]:
    """The state that the journal would begin with, and what is to be said of it; nothing is written.

    What was waiting is held until a person releases it: the last events may be lost, and what they launched is found
    only when every host says what it holds (``takeover``).

    raises  StoreDamaged where there is a journal, or nothing to make it from: nothing was changed
    """
    if Journal(layout, files).segments():
        raise StoreDamaged(
            f"the journal in {layout.journal} is there", hint="`autolab replay` says whether it is whole"
        )
    state = _snapshot(layout)
    later, unknown = _later(_view(layout, files), state)
    for document in later:
        fold(state, parse_event(document))
    held = [held for entry in list(state.entries.values()) if (held := _held(entry, now)) is not None]
    for happened in held:
        fold(state, happened)
    attempts = tuple(f"{e.id}.{e.attempt}" for e in state.entries.values() if e.open_run is not None)
    return state, Recovered(state.seq, len(state.entries), len(held), attempts, tuple(unknown))


def _held(entry: Entry, now: datetime) -> Held | None:
    if entry.status is not Status.PENDING or entry.open_run is not None:
        return None
    why = "the record was lost: `autolab lease take` asks every host what it holds; release it after that"
    return Held(at=now, id=entry.id, attempt=entry.attempt, actor="recovery", why=why)


def _snapshot(layout: Layout) -> DispatchState:
    if layout.common is None:
        raise StoreDamaged("outside git there is no copy of the record", hint=f"restore {layout.journal} from a backup")
    data = Git(layout.root).show(STATE_REF, SNAPSHOT)
    if data is None:
        raise StoreDamaged(
            f"{STATE_REF} holds no {SNAPSHOT}",
            hint="fetch it from another clone: git fetch REMOTE refs/autolab/*:refs/autolab/*",
        )
    state = parse_state(orjson.loads(data))
    if state.lab != layout.lab:
        raise StoreDamaged(f"the snapshot in {STATE_REF} is of another lab ({state.lab})")
    return state


def _view(layout: Layout, files: Files) -> list[dict[str, Any]]:
    data = files.read(layout.journal_view, _LIMIT) or b""
    try:
        return [orjson.loads(line) for line in data.splitlines()]
    except orjson.JSONDecodeError as error:
        raise StoreDamaged(f"{layout.journal_view} cannot be read: {error}") from error


def _later(events: Sequence[dict[str, Any]], state: DispatchState) -> tuple[list[dict[str, Any]], list[str]]:
    """The view's events after the snapshot, up to the first gap; and what is not known because of gaps."""
    later = sorted((e for e in events if e.get("seq", 0) > state.seq), key=lambda e: int(e["seq"]))
    whole: list[dict[str, Any]] = []
    for document in later:
        if document["seq"] != state.seq + len(whole) + 1:
            lost = f"events {state.seq + len(whole) + 1} to {document['seq'] - 1} are in no copy"
            return whole, [f"{lost}: `autolab lease take` finds what was launched in them and hosts still hold"]
        whole.append(document)
    return whole, [] if later else ["events after the snapshot, if there were any"]
