"""Sidecars to events: what they say that the state does not know. Any order; the same one twice adds nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from autolab.model.event import Event, Noted, Observed
from autolab.model.layers import news, stamp_of, undoes_an_end
from autolab.model.observation import Authority, Sidecar, Unreadable
from autolab.model.state import DispatchState, Entry, Layer
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
    layer = entry.layers.get(authority.value)
    seq = sidecar.seq if sidecar.seq is not None else 1 + (0 if layer is None else layer.seq)
    found: tuple[Mapping[str, Any], tuple[str, ...]] | None = (sidecar.cells, ()) if sidecar.cells else None
    if layer is not None:
        found = news(layer, (seq, sidecar.digest), sidecar.cells)
        if authority is not Authority.EXECUTOR and undoes_an_end(layer, sidecar.cells):
            yield from _conflict(state, entry, sidecar, layer, seq, now)
    if found or (sidecar.attempt is None and not unchanged):
        cells, kept = found or ({}, () if layer is None else tuple(layer.values))
        yield Observed(
            at=now,
            id=entry.id,
            attempt=entry.attempt,
            actor=authority.value,
            authority=authority,
            sidecar_seq=seq,
            digest=sidecar.digest,
            cells=cells,
            kept=kept,
        )


def _conflict(
    state: DispatchState, entry: Entry, sidecar: Sidecar, layer: Layer, seq: int, now: datetime
) -> Iterator[Event]:
    """A later word that would undo an end of the same attempt: shown once, not applied (B2)."""
    path = f"dispatch/{entry.id}.status.json#{sidecar.digest}"
    if seq <= stamp_of(layer, "status")[0] or state.unreadable.get(path) == sidecar.digest:
        return
    said = f"{sidecar.authority.value} says {sidecar.cells['status']} after {layer.values['status']}"
    yield Noted(
        at=now, id=entry.id, attempt=entry.attempt, actor=sidecar.authority.value, kind="conflict", path=path,
        digest=sidecar.digest, why=f"{said}: shown, not applied",
    )  # fmt: skip


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
