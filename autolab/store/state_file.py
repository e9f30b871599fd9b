"""``dispatch/state.json`` and ``dispatch/journal.jsonl``: views of the journal, rendered after it, only on change.

The bytes of an entry are kept and joined, so that one changed entry among 10,000 costs one serialisation and the join
(4 ms, where all of them are 150). What stands in the view's place is looked at before it is written over: bytes that
we never wrote are kept aside.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import zip_longest
from operator import is_
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import orjson

from autolab.store.files import Files
from autolab.store.hashes import Hashes, digest_of
from autolab.store.layout import Layout

EntryT = TypeVar("EntryT")
_LIMIT: Final = 1 << 28
_FIRST: Final = b"\n    "  # before the first entry, and before each line of one
_BETWEEN: Final = b",\n    "


class Found(StrEnum):
    """What stood in a view's place before it was written."""

    AS_LEFT = "as_left"  # what we wrote last
    MISSING = "missing"
    OURS = "ours"  # what we wrote once: an old commit was checked out
    BY_HAND = "by_hand"  # what we never wrote: kept aside


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a view. ``kept`` is where bytes that we never wrote are now, None where there were none."""

    path: Path
    written: bool
    found: Found
    kept: Path | None = None


class StateRenderer(Generic[EntryT]):
    """Renders the whole state; the same bytes as ``json`` with indent 2 in one go, from pieces of the last rendering.

    document  an entry's JSON object; called again only when the entry is another object than last time
    """

    def __init__(self, document: Callable[[EntryT], Mapping[str, Any]]) -> None:
        self._document = document
        self._opening, self._whole = b"", b""
        self._entries: list[EntryT] = []  # as they stand in ``_whole``
        self._sizes = array("I")  # of each of them there

    def render(self, head: Mapping[str, Any], entries: Mapping[str, EntryT]) -> bytes:
        """``head``'s members, then ``experiments``: one object per entry, in the mapping's order."""
        opening = orjson.dumps({**head, "experiments": []}, option=orjson.OPT_INDENT_2)[: -len(b"]\n}")]
        now = list(entries.values())
        if not now:
            return opening + b"]\n}\n"
        unchanged = len(now) == len(self._entries) and all(map(is_, now, self._entries))
        if not (unchanged and opening == self._opening):
            pieces = self._pieces(now)
            self._sizes = array("I", map(len, pieces))
            pieces[0] = b"".join((opening, _FIRST, pieces[0]))
            pieces[-1] = b"".join((pieces[-1], b"\n  ]\n}\n"))
            self._whole = _BETWEEN.join(pieces)
            self._opening, self._entries = opening, now
        return self._whole

    def _pieces(self, entries: list[EntryT]) -> list[bytes | memoryview]:
        """Each entry's text, out of the last rendering where it is the same object as then."""
        pieces: list[bytes | memoryview] = []
        whole, start = memoryview(self._whole), len(self._opening) + len(_FIRST)
        for entry, before, size in zip_longest(entries, self._entries, self._sizes, fillvalue=None):
            if entry is not None and entry is before and size is not None:
                pieces.append(whole[start : start + size])
            elif entry is not None:
                pieces.append(self._piece(entry))
            start += (size or 0) + len(_BETWEEN)
        return pieces

    def _piece(self, entry: EntryT) -> bytes:
        text = orjson.dumps(self._document(entry), option=orjson.OPT_INDENT_2)
        return text.replace(b"\n", _FIRST)


class ViewWriter:
    """Puts rendered bytes in a view's place; looks at what is there first. Only for who holds the engine lock."""

    def __init__(self, path: Path, layout: Layout, files: Files, hashes: Hashes) -> None:
        self.path, self.files, self.hashes = path, files, hashes
        self._layout = layout
        self._digest = ""
        self._signature: tuple[int, ...] = ()
        self._data: bytes | None = None

    def publish(self, data: bytes, now: datetime) -> Published:
        """Make ``data`` what readers see, unless it is already; bytes we never wrote go to ``<name>.by-hand-<now>``."""
        signature = _signature(self.path)
        as_left = bool(signature) and signature == self._signature
        if as_left and data is self._data:
            return Published(self.path, False, Found.AS_LEFT)
        digest = digest_of(data)
        if as_left and digest == self._digest:
            return Published(self.path, False, Found.AS_LEFT)
        found, there = (Found.AS_LEFT, self._digest) if as_left else self._look()
        if there == digest:
            self._left(data, digest)
            return Published(self.path, False, Found.AS_LEFT)
        kept = self._keep_aside(now) if found is Found.BY_HAND else None
        self.files.make_dirs(self.path.parent)
        self.hashes.remember(self.path, digest)
        self.files.replace(self.path, data)
        self._left(data, digest)
        return Published(self.path, True, found, kept)

    def _look(self) -> tuple[Found, str]:
        data = self.files.read(self.path, _LIMIT)
        if data is None:
            return Found.MISSING, ""
        digest = digest_of(data)
        if self.hashes.is_last(self.path, digest):
            return Found.AS_LEFT, digest
        return (Found.OURS if self.hashes.knows(self.path, digest) else Found.BY_HAND), digest

    def _keep_aside(self, now: datetime) -> Path:
        """A copy under another name; the view itself is never missing."""
        data = self.files.read(self.path, _LIMIT) or b""
        stem = f"{self.path.name}.by-hand-{now:%Y%m%dT%H%M%SZ}"
        kept = self.path.with_name(stem)
        number = 1
        while kept.exists() and self.files.read(kept, _LIMIT) != data:
            number += 1
            kept = self.path.with_name(f"{stem}-{number}")
        self.files.replace(kept, data)
        return kept

    def _left(self, data: bytes, digest: str) -> None:
        self._data, self._digest, self._signature = data, digest, _signature(self.path)


def journal_view(events: Iterable[bytes]) -> bytes:
    """``dispatch/journal.jsonl``: the recent events of the journal, one a line, as it kept them."""
    return b"".join(events)


def _signature(path: Path) -> tuple[int, ...]:
    try:
        seen = path.lstat()
    except FileNotFoundError:
        return ()
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
