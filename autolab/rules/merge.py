"""Sidecars to events: what they say that the state does not know. Any order; the same one twice adds nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from autolab.model.event import Event, Noted, Observed, outranks
from autolab.model.observation import Authority, Sidecar, Unreadable
from autolab.model.state import Cell, DispatchState, Entry
from autolab.rules.questions import ask_about


def merge_sidecars(state: DispatchState, sidecars: Iterable[Sidecar], now: datetime) -> Iterator[Event]:
    """What each sidecar says that is news; folded as it comes, the next one sees what the one before it said."""
    for sidecar in sidecars:
        entry = state.entries.get(sidecar.id)
        yield from _stray(state, sidecar, now) if entry is None else _news(state, entry, sidecar, now)


def report_unreadable(
    state: DispatchState, found: Iterable[Unreadable], patience: int, now: datetime
) -> Iterator[Event]:
    """Each unreadable file once; the last good value stays.

    One that still makes no sense at ``patience`` polls is asked about, for its experiment alone. The count is kept as
    events, because with cron every poll is a new process.
    """
    for item in found:
        digest, _, polls = state.unreadable.get(item.path, "").partition("#")
        count = int(polls or 1) + 1 if digest == item.digest else 1
        if count > patience:
            continue
        why = f"{item.path}: {item.reason}" if count == 1 else f"{item.path}: still unreadable"
        yield Noted(at=now, kind="unreadable", path=item.path, digest=f"{item.digest}#{count}", why=why)
        if count == patience and item.id in state.entries:
            seen = f"{item.path}: {item.reason} (at {count} polls)"
            did = "its last good value stands; the others go on"
            yield from ask_about(state, state.entries[item.id], "sidecar_unreadable", now, seen=seen, did=did)


def _stray(state: DispatchState, sidecar: Sidecar, now: datetime) -> Iterator[Event]:
    path = f"dispatch/{sidecar.id}.status.json"
    if state.unreadable.get(path) != sidecar.digest:
        why = f"{path}: no experiment has this id; kept, applied to nothing"
        yield Noted(at=now, kind="unknown_id", path=path, digest=sidecar.digest, why=why)


def _news(state: DispatchState, entry: Entry, sidecar: Sidecar, now: datetime) -> Iterator[Event]:
    authority = sidecar.authority
    unchanged = entry.seen.get(authority.value) == sidecar.digest
    ours = entry.spec.executor == "autolab"  # attempts of an external executor are its own to count
    if ours and sidecar.attempt is not None and sidecar.attempt != entry.attempt:
        yield from _other_attempt(state, entry, sidecar, now)
        return
    if unchanged and (sidecar.seq is None or sidecar.attempt is None):
        # Without a number it belongs to this attempt only if it differs from what it was when the attempt opened.
        return
    seq = sidecar.seq if sidecar.seq is not None else _next_seq(entry, authority)
    cells: dict[str, Any] = {}
    again: list[str] = []
    prefix = f"{authority.value}."
    for key, value in sidecar.cells.items():
        held = entry.cells.get(prefix + key)
        if held is None:
            cells[key] = value
        elif (seq > held.seq and key != "status") or outranks(key, seq, sidecar.digest, value, held):
            if held.value == value:
                again.append(key)
            else:
                cells[key] = value
        elif key == "status" and authority is not Authority.EXECUTOR:
            yield from _conflict(state, entry, sidecar, held, seq, now)
    if cells or again or (sidecar.attempt is None and not unchanged):
        yield Observed(
            at=now,
            id=entry.id,
            attempt=entry.attempt,
            actor=authority.value,
            authority=authority,
            sidecar_seq=seq,
            digest=sidecar.digest,
            cells=cells,
            again=tuple(again),
        )


def _conflict(
    state: DispatchState, entry: Entry, sidecar: Sidecar, held: Cell, seq: int, now: datetime
) -> Iterator[Event]:
    """A later word that would undo an end of the same attempt: shown once, not applied (B2)."""
    path = f"dispatch/{entry.id}.status.json#{sidecar.digest}"
    if seq <= held.seq or state.unreadable.get(path) == sidecar.digest:
        return
    why = f"{sidecar.authority.value} says {sidecar.cells['status']} after {held.value}: shown, not applied"
    yield Noted(
        at=now, id=entry.id, attempt=entry.attempt, actor=sidecar.authority.value, kind="conflict", path=path,
        digest=sidecar.digest, why=why,
    )  # fmt: skip


def _next_seq(entry: Entry, authority: Authority) -> int:
    prefix, greatest = f"{authority.value}.", 0
    for name, cell in entry.cells.items():
        if cell.seq > greatest and name.startswith(prefix):
            greatest = cell.seq
    return 1 + greatest


def _other_attempt(state: DispatchState, entry: Entry, sidecar: Sidecar, now: datetime) -> Iterator[Event]:
    """Late or from the future: shown once, applied to nothing."""
    path = f"dispatch/{entry.id}.status.json#{sidecar.attempt}"
    if state.unreadable.get(path) == sidecar.digest:
        return
    late = (sidecar.attempt or 0) < entry.attempt
    why = f"a word about attempt {sidecar.attempt} while attempt {entry.attempt} is current: " + (
        "late, kept as history" if late else "no such attempt was opened, set aside"
    )
    yield Noted(
        at=now,
        id=entry.id,
        attempt=sidecar.attempt or 0,
        actor=sidecar.authority.value,
        kind="late" if late else "quarantined",
        path=path,
        digest=sidecar.digest,
        why=why,
    )
