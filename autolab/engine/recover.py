"""A lab whose record is lost or damaged, made anew from what git and the views hold; what cannot be known is said.

The record lies beside git's own files, where no checkout reaches; who loses it has deleted it, or copied the work tree
alone. refs/autolab/state holds a snapshot that is at most ten minutes older than the state was, and the journal's view
the last thousand events, whole. Nothing is launched by this: the next engine looks at every attempt that was open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from autolab.engine.views import SNAPSHOT
from autolab.errors import StoreDamaged
from autolab.model.documents import parse_event, parse_state
from autolab.model.event import Held
from autolab.model.state import DispatchState, Entry, Status
from autolab.model.transitions import fold
from autolab.rules.salvage import salvaged
from autolab.store.files import Files
from autolab.store.git import STATE_REF, Git
from autolab.store.journal import Journal
from autolab.store.layout import Layout

_LIMIT: Final = 1 << 30
REFS: Final = "refs/autolab/*:refs/autolab/*"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What came back: ``seq`` of the last event, experiments, and what is missing or unsure, in words."""

    seq: int
    experiments: int
    held: int
    open_attempts: tuple[str, ...]
    unknown: tuple[str, ...]


def recover(layout: Layout, files: Files, now: datetime) -> Recovered:
    """Begin the journal anew; a damaged one is kept aside. Only for who holds the engine lock.

    raises  what ``recoverable`` raises
    """
    state, found = recoverable(layout, files, now)
    if Journal(layout, files).segments():
        files.move(layout.journal, _aside(layout, now))
    journal = Journal(layout, files)
    journal.begin(orjson.dumps(state), state.seq)
    journal.close()
    return found


def recoverable(layout: Layout, files: Files, now: datetime) -> tuple[DispatchState, Recovered]:
    """The state that the journal would begin with, and what is to be said of it; nothing is written.

    The first of these that is there: our own ref's snapshot with the view's later events; the view alone, where it
    still begins at the first event; state.json as people see it, from the work tree or else from the branch's last
    commit. What was waiting is held until a person releases it: the last events may be lost, and what they launched is
    found only when every host says what it holds (``takeover``).

    raises  StoreDamaged where there is a whole journal, or nothing to make it from: nothing was changed
    """
    unknown = _of_the_journal(layout, files, now)
    state, more = _state(layout, files, now)
    held = [held for entry in list(state.entries.values()) if (held := _held(entry, now)) is not None]
    for happened in held:
        fold(state, happened)
    attempts = tuple(f"{e.id}.{e.attempt}" for e in state.entries.values() if e.open_run is not None)
    return state, Recovered(state.seq, len(state.entries), len(held), attempts, (*unknown, *more))


def _of_the_journal(layout: Layout, files: Files, now: datetime) -> list[str]:
    """What is to be said of a damaged journal; raises StoreDamaged where it is whole."""
    journal = Journal(layout, files)
    if not journal.segments():
        return []
    try:
        journal.load()
    except StoreDamaged as error:
        return [f"what the damaged journal still holds, kept in {_aside(layout, now)}: {error.message}"]
    finally:
        journal.close()
    raise StoreDamaged(f"the journal in {layout.journal} is there", hint="`autolab replay` says whether it is whole")


def _aside(layout: Layout, now: datetime) -> Path:
    return layout.journal.with_name(f"journal.damaged-{now.strftime('%Y%m%dT%H%M%SZ')}")


def _state(layout: Layout, files: Files, now: datetime) -> tuple[DispatchState, list[str]]:
    view = _view(layout, files)
    state = _snapshot(layout)
    if state is not None:
        return state, _folded(state, view)
    if view and view[0].get("seq") == 1:
        state = DispatchState(project="", lab=layout.lab)
        unknown = _folded(state, view)
        return state, [*unknown, _newer(state)]
    shown = _shown(layout, files)
    if shown is None:
        raise StoreDamaged(
            f"nothing is left to make it from: no {SNAPSHOT} in {STATE_REF}, no {layout.state}",
            hint=f"fetch the ref from another clone: git fetch REMOTE {REFS}",
        )
    state, unknown = salvaged(shown, layout.lab, _asked(layout), now)
    return state, [*unknown, _newer(state)]


def _folded(state: DispatchState, view: Sequence[dict[str, Any]]) -> list[str]:
    """Bring ``state`` up to the view; what is not known because of gaps."""
    later, unknown = _later(view, state)
    for document in later:
        fold(state, parse_event(document))
    return unknown


def _newer(state: DispatchState) -> str:
    where = f"another clone may know them: git fetch REMOTE {REFS}, then recover"
    return f"events after {state.seq}, if there were any; {STATE_REF} is not here, and {where}"


def _shown(layout: Layout, files: Files) -> dict[str, Any] | None:
    """``state.json`` of the work tree, else of the branch's last commit; raises StoreDamaged: it is another lab's."""
    for data in (files.read(layout.state, _LIMIT), _committed(layout, layout.state)):
        try:
            shown = orjson.loads(data or b"null")
        except orjson.JSONDecodeError:
            continue
        if isinstance(shown, dict) and isinstance(shown.get("experiments"), list):
            if shown.get("lab") not in (None, layout.lab):
                raise StoreDamaged(f"{layout.state} is of another lab ({shown['lab']})")
            return shown
    return None


def _committed(layout: Layout, path: Path) -> bytes | None:
    if layout.common is None:
        return None
    git = Git(layout.root)
    return git.show("HEAD", f"{git.prefix()}{path.relative_to(layout.root)}")


def _asked(layout: Layout) -> dict[str, int]:
    """The greatest number of a question about each subject, by the files of questions that are there."""
    found: dict[str, int] = {}
    for path in layout.questions.glob("*.md") if layout.questions.is_dir() else ():
        about, _, number = path.stem.rpartition("-")
        if about and number.isdecimal():
            found[about] = max(found.get(about, 0), int(number))
    return found


def _held(entry: Entry, now: datetime) -> Held | None:
    if entry.status is not Status.PENDING or entry.open_run is not None:
        return None
    why = "the record was lost: `autolab lease take` asks every host what it holds; release it after that"
    return Held(at=now, id=entry.id, attempt=entry.attempt, actor="recovery", why=why)


def _snapshot(layout: Layout) -> DispatchState | None:
    """The last snapshot in our ref; None: there is none. raises StoreDamaged: it is another lab's"""
    data = Git(layout.root).show(STATE_REF, SNAPSHOT) if layout.common is not None else None
    if data is None:
        return None
    state = parse_state(data)
    if state.lab != layout.lab:
        raise StoreDamaged(f"the snapshot in {STATE_REF} is of another lab ({state.lab})")
    return state


def _view(layout: Layout, files: Files) -> list[dict[str, Any]]:
    """The journal's view, of the work tree or else of the branch's last commit."""
    data = files.read(layout.journal_view, _LIMIT) or _committed(layout, layout.journal_view) or b""
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
