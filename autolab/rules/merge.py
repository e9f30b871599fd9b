"""Sidecars to events: what they say that the state does not know. Any order; the same one twice adds nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from autolab.model.event import Event, Noted, Observed, cell_order
from autolab.model.observation import Authority, Sidecar, Unreadable
from autolab.model.state import Cell, DispatchState, Entry

SEQ_MAX = 2**53


def merge_sidecars(state: DispatchState, sidecars: Iterable[Sidecar], now: datetime) -> Iterator[Event]:
    """One event for each sidecar that is news."""
    for sidecar in sidecars:
        entry = state.entries.get(sidecar.id)
        happened = _stray(state, sidecar, now) if entry is None else _news(state, entry, sidecar, now)
        if happened is not None:
            yield happened


def report_unreadable(state: DispatchState, found: Iterable[Unreadable], now: datetime) -> Iterator[Event]:
    """Each unreadable file once, until its content changes; the last good value stays."""
    for item in found:
        if state.unreadable.get(item.path) != item.digest:
            yield Noted(
                at=now, kind="unreadable", path=item.path, digest=item.digest, why=f"{item.path}: {item.reason}"
            )


def _stray(state: DispatchState, sidecar: Sidecar, now: datetime) -> Event | None:
    path = f"dispatch/{sidecar.id}.status.json"
    if state.unreadable.get(path) == sidecar.digest:
        return None
    why = f"{path}: no experiment has this id; kept, applied to nothing"
    return Noted(at=now, kind="unknown_id", path=path, digest=sidecar.digest, why=why)


def _news(state: DispatchState, entry: Entry, sidecar: Sidecar, now: datetime) -> Event | None:
    authority = sidecar.authority.value
    unchanged = entry.seen.get(authority) == sidecar.digest
    if sidecar.attempt is not None and sidecar.attempt != entry.attempt:
        return _other_attempt(state, entry, sidecar, now)
    if unchanged and (sidecar.seq is None or sidecar.attempt is None):
        # Without a number it belongs to this attempt only if it differs from what it was when the attempt opened.
        return None
    seq = sidecar.seq if sidecar.seq is not None else _next_seq(entry, sidecar.authority)
    cells = {
        key: value
        for key, value in sidecar.cells.items()
        if (held := entry.cells.get(f"{authority}.{key}")) is None
        or (held.value != value and cell_order(key, Cell(seq, sidecar.digest, value)) > cell_order(key, held))
    }
    if not cells:
        return None
    return Observed(
        at=now,
        id=entry.id,
        attempt=entry.attempt,
        actor=authority,
        authority=sidecar.authority,
        sidecar_seq=seq,
        digest=sidecar.digest,
        cells=cells,
    )


def _next_seq(entry: Entry, authority: Authority) -> int:
    prefix = f"{authority.value}."
    return 1 + max([cell.seq for name, cell in entry.cells.items() if name.startswith(prefix)], default=0)


def _other_attempt(state: DispatchState, entry: Entry, sidecar: Sidecar, now: datetime) -> Event | None:
    """Late or from the future: shown once, applied to nothing."""
    path = f"dispatch/{entry.id}.status.json#{sidecar.attempt}"
    if state.unreadable.get(path) == sidecar.digest:
        return None
    late = (sidecar.attempt or 0) < entry.attempt
    why = f"a word about attempt {sidecar.attempt} while attempt {entry.attempt} is current: " + (
        "late, kept as history" if late else "no such attempt was opened, set aside"
    )
    return Noted(
        at=now,
        id=entry.id,
        attempt=sidecar.attempt or 0,
        actor=sidecar.authority.value,
        kind="late" if late else "quarantined",
        path=path,
        digest=sidecar.digest,
        why=why,
    )
