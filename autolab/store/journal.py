"""The journal of record: append-only segments, each opening with a snapshot. What is in it has happened.

An append is acknowledged when it returns: one write and one sync for a batch. A torn last line was never acknowledged;
it is cut off and said. Damage before the end is never skipped: launching waits for a person.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from autolab.errors import Bug, DiskFailed, StoreDamaged
from autolab.store.files import Files
from autolab.store.journal_lines import FORMAT, BadLine, event_line, head_line, open_line, read_head, read_line
from autolab.store.layout import Layout

SEGMENT_BYTES: Final = 16 << 20  # of events; the snapshot does not count
RECENT: Final = 1_000  # events in the view
_LIMIT: Final = 1 << 30


class Events:
    """Events as the lines that they are on disk, all of them checked; each is parsed when it is asked for.

    A segment holds up to 45,000. Their documents, all at once, were most of what a daemon's opening left behind.
    """

    def __init__(self, lines: Sequence[bytes]) -> None:
        self._lines = lines

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(read_line, self._lines)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the current segment says.

    snapshot  the state at event ``seq``: the text that its writer rendered
    events    what came after, in order
    problems  what was cut off, in words; empty: all is well
    """

    segment: int
    seq: int
    snapshot: bytes
    events: Events
    problems: list[str]


@dataclass(slots=True)
class _Parsed:
    head: dict[str, Any]
    snapshot: bytes
    events: Events
    head_size: int = 0
    size: int = 0  # bytes of whole lines
    torn: str = ""


class Journal:
    """Reads for everyone; ``begin``, ``append`` and ``seal`` only for who holds the engine lock."""

    def __init__(self, layout: Layout, files: Files) -> None:
        self.layout, self.files = layout, files
        self.seq = 0  # of the last event
        self.segment = 0
        self._recent: deque[bytes] = deque(maxlen=RECENT)
        self._fd: int | None = None
        self._size = self._head_size = 0
        self._cut = self._ready = False

    def segments(self) -> list[int]:
        """The numbers of the segments that are there, oldest first."""
        there = self.layout.journal.iterdir() if self.layout.journal.is_dir() else ()
        return sorted(int(path.stem) for path in there if path.suffix == ".jsonl" and path.stem.isdecimal())

    def path(self, segment: int) -> Path:
        return self.layout.journal / f"{segment:08d}.jsonl"

    def begin(self, snapshot: bytes, seq: int = 0) -> None:
        """The first segment of a new journal. raises StoreDamaged where there is one: nothing starts clean over it."""
        if self.segments():
            raise StoreDamaged(f"there is a journal in {self.layout.journal} already")
        self.seq = seq
        self._recent.clear()
        self._open_segment(1, snapshot)

    def load(self) -> Loaded:
        """The current segment, checked whole. Changes nothing on disk.

        raises  StoreDamaged: none there, damage before the end, a gap in the numbers, a newer format
        """
        self.close()
        there = self.segments()
        if not there:
            raise StoreDamaged(
                f"no journal in {self.layout.journal}",
                hint="a new lab: `autolab init`; else recover it: `autolab recover` says what is known elsewhere",
            )
        parsed = self._parse(there[-1])
        self.segment, self.seq = there[-1], parsed.head["seq"] + len(parsed.events)
        self._size, self._head_size, self._cut = parsed.size, parsed.head_size, bool(parsed.torn)
        self._ready = True
        problems = [parsed.torn] if parsed.torn else []
        return Loaded(self.segment, parsed.head["seq"], parsed.snapshot, parsed.events, problems)

    def append(self, events: Iterable[bytes | Mapping[str, Any]]) -> None:
        """Make ``events`` durable: one write, one sync. Each begins with its number, ``seq`` + 1 and so on.

        raises  DiskFailed: nothing was acknowledged, and ``load`` comes before the next ``append``
        """
        lines = [event_line(event, number) for number, event in enumerate(events, self.seq + 1)]
        if not lines:
            return
        data = b"".join(lines)
        fd = self._writable()
        path = self.path(self.segment)
        try:
            self.files.append(fd, path, data)
        except DiskFailed:
            self._forget_unacknowledged(fd, path)
            raise
        self._size += len(data)
        self.seq += len(lines)
        self._recent.extend(lines[-RECENT:])

    @property
    def is_full(self) -> bool:
        """Whether the current segment has had its 16 MiB of events and should be sealed."""
        return self._size - self._head_size >= SEGMENT_BYTES

    def seal(self, snapshot: bytes) -> None:
        """Go on in a new segment that opens with ``snapshot``, the state after event ``seq``, as compact JSON."""
        if not self._ready:
            raise Bug("the journal must be loaded before it is sealed")
        self._open_segment(self.segment + 1, snapshot)

    def recent(self) -> list[bytes]:
        """The last 1,000 events as JSON lines without checksums, oldest first."""
        if len(self._recent) < RECENT and self.segment:
            self._fill_recent()
        return [open_line(line[:-1]) + b"\n" for line in self._recent]

    def origin(self) -> bytes:
        """The snapshot that the journal opens with: of nothing, or of what was there when it was made anew."""
        if self.segments()[:1] != [1]:
            raise StoreDamaged(f"the first segment is gone: no {self.path(1)}")
        return self._parse(1).snapshot

    def history(self) -> Iterator[dict[str, Any]]:
        """Every event of every segment, oldest first; raises StoreDamaged where one is damaged or missing."""
        there = self.segments()
        last: int | None = None
        for number in there:
            parsed = self._parse(number)
            if parsed.torn and number != there[-1]:
                raise StoreDamaged(f"{self.path(number)}: {parsed.torn}")
            if last is not None and parsed.head["seq"] != last:
                raise StoreDamaged(f"{self.path(number)}:1: it begins after event {parsed.head['seq']}, not {last}")
            yield from parsed.events
            last = parsed.head["seq"] + len(parsed.events)

    def close(self) -> None:
        """Give the descriptor back; harmless when there is none."""
        fd, self._fd = self._fd, None
        self._ready = False
        if fd is not None:
            os.close(fd)

    def _open_segment(self, number: int, snapshot: bytes) -> None:
        head = head_line(self.layout.lab, self.seq, snapshot)
        self.files.make_dirs(self.layout.journal)
        self.close()
        self.files.replace(self.path(number), head)
        self.segment, self._size, self._head_size = number, len(head), len(head)
        self._cut, self._ready = False, True

    def _writable(self) -> int:
        if not self._ready:
            raise Bug("the journal must be loaded before it is written, and again after a failed write")
        if self._fd is None:
            self._fd = self.files.open_append(self.path(self.segment))
        if os.fstat(self._fd).st_size != self._size:
            if not self._cut:
                raise StoreDamaged(f"{self.path(self.segment)} was changed by another process; nothing was written")
            self.files.truncate(self._fd, self.path(self.segment), self._size)
        self._cut = False
        return self._fd

    def _forget_unacknowledged(self, fd: int, path: Path) -> None:
        """Take back what a failed append left, as well as the disk allows; ``load`` finds out what stands."""
        try:
            self.files.truncate(fd, path, self._size)
        except DiskFailed:
            pass  # a torn tail that the next load cuts off; the caller gets the first error
        finally:
            self.close()

    def _fill_recent(self) -> None:
        lines: list[bytes] = []
        for number in reversed([n for n in self.segments() if n <= self.segment]):
            path = self.path(number)
            lines = _split(self._bytes(path))[0][1:] + lines
            if len(lines) >= RECENT:
                break
        self._recent = deque((line + b"\n" for line in lines[-RECENT:]), maxlen=RECENT)

    def _bytes(self, path: Path) -> bytes:
        data = self.files.read(path, _LIMIT)
        if data is None:
            raise StoreDamaged(f"{path} is missing")
        return data

    def _parse(self, number: int) -> _Parsed:
        path = self.path(number)
        lines, rest = _split(self._bytes(path))
        if not lines:
            raise StoreDamaged(f"{path}:1: no snapshot", hint=_OLDER)
        parsed = _Parsed(*_read_head(path, lines[0], self.layout.lab), Events(lines[1:]), len(lines[0]) + 1)
        parsed.size = sum(map(len, lines)) + len(lines)
        expected = parsed.head["seq"]
        for place, line in enumerate(lines[1:], 2):
            expected += 1
            _check_event(path, place, line, expected)
        if rest:
            parsed.torn = f"{path}:{len(lines) + 1}: the last line is torn; {len(rest)} bytes were never acknowledged"
        return parsed


_OLDER: Final = "an older segment or git's refs/autolab/state may help: `autolab recover` says what is known elsewhere"


def _split(data: bytes) -> tuple[list[bytes], bytes]:
    """The whole lines of ``data``, and what follows the last one: a torn line, or the NULs of blocks never written."""
    kept = data.rstrip(b"\0")
    end = kept.rfind(b"\n") + 1
    return (kept[: end - 1].split(b"\n") if end else []), data[end:]


def _read_head(path: Path, line: bytes, lab: str) -> tuple[dict[str, Any], bytes]:
    try:
        head, snapshot = read_head(line)
    except BadLine as error:
        raise StoreDamaged(f"{path}:1: {error}", hint=_OLDER) from error
    written = head.get("format")
    if not isinstance(written, int) or written > FORMAT:
        raise StoreDamaged(
            f"{path}:1: written by a newer autolab (format {written}); this one reads {FORMAT}", hint="upgrade autolab"
        )
    if written < FORMAT:
        older = f"{path}:1: written before autolab 0.1.0 (format {written}); this one reads {FORMAT}"
        raise StoreDamaged(older, hint="begin a new lab: `autolab init` in another folder, then `add` there")
    if not isinstance(head.get("seq"), int):
        raise StoreDamaged(f"{path}:1: not the beginning of a segment", hint=_OLDER)
    if head.get("lab") != lab:
        raise StoreDamaged(f"{path}:1: the journal of another lab, {head.get('lab')!r}, not of {lab!r}")
    return head, snapshot


def _check_event(path: Path, place: int, line: bytes, expected: int) -> None:
    try:
        event = read_line(line)
    except BadLine as error:
        raise StoreDamaged(f"{path}:{place}: {error}", hint=_OLDER) from error
    if event.get("seq") != expected:
        raise StoreDamaged(f"{path}:{place}: event {event.get('seq')} stands where {expected} should", hint=_OLDER)
