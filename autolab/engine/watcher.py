"""Every read of the world that a tick does: sidecars, wishes, ticks in people's files, the code. Our own disk only."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from autolab.engine import presence
from autolab.engine.others import Others
from autolab.engine.publish import result_found
from autolab.engine.ticks import ticked
from autolab.engine.voices import Voices
from autolab.errors import AutolabError, DiskFailed, InvalidSpec, StoreDamaged
from autolab.model.documents import best, parse
from autolab.model.observation import Escalation, Sidecar, Unreadable
from autolab.model.origin import Origin
from autolab.model.settings import Settings
from autolab.model.state import TERMINAL, DispatchState, Status
from autolab.model.wish import Ask, Wish
from autolab.rules.provenance import refusal
from autolab.store.files import Files
from autolab.store.hashes import digest_of
from autolab.store.inbox import DropBox, Inbox
from autolab.store.layout import STATUS_SUFFIX, Layout
from autolab.store.origins import Origins
from autolab.store.scanner import Scan, Scanner
from autolab.store.snapshot import CodeSnapshots, Snapshot

log = logging.getLogger(__name__)

CODE_EVERY: Final = timedelta(seconds=2)  # a launch uses code that is at most this old
CODE_TRIES: Final = 3


@dataclass(slots=True)
class News:
    """What one round of reading found."""

    sidecars: list[Sidecar] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    own: set[str] = field(default_factory=set)  # wishes from our own inbox
    dropped: set[str] = field(default_factory=set)  # wishes from the drop box
    strays: Mapping[str, Sidecar] = field(default_factory=dict)  # sidecars of experiments that nobody has added yet
    escalations: list[Escalation] = field(default_factory=list)


class Watcher:
    """Reads for one engine. Keeps what lets it read less: signatures, the last scan's time."""

    def __init__(
        self,
        layout: Layout,
        files: Files,
        key: bytes,
        voices: Voices,
        code: CodeSnapshots,
        origins: Origins | None,
        settings: Callable[[], Settings],
    ) -> None:
        self._layout, self._files, self._voices = layout, files, voices
        self._scanner = Scanner(layout, key)
        self.inbox, self.drop_box = Inbox(layout, files), DropBox(layout, files)
        self._code, self._origins, self._settings = code, origins, settings
        self._scanned_at: datetime | None = None
        self._say_done: set[str] | None = None  # external experiments whose result is waited for; None: not known yet
        self._code_at: datetime | None = None
        self._code_digest: str | None = None
        self.code_problem = ""
        self.origin = Origin()
        self._hints: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._ticks: dict[str, tuple[int, int]] = {}
        self._others = Others(layout, files)

    def hint(self, name: str) -> None:
        """A file event spoke of this sidecar: read it at the next tick."""
        self._hints.put(name)

    def read(self, state: DispatchState, now: datetime) -> News:
        """What is new since the last time; that somebody was here to read it is marked."""
        presence.mark(self._layout, now)
        news = News()
        names = set(self._voices.heard())
        while not self._hints.empty():
            names.add(self._hints.get())
        if self.next_scan(now) <= now:
            self._scanned_at = now
            self._take(self._scanner.scan(now), news)
            told = {item.path for item in news.unreadable}
            news.unreadable += [item for item in self._scanner.unreadable.values() if item.path not in told]
            news.escalations = self._others.escalations(state)
        elif names:
            self._take(self._scanner.scan_names(names, now), news)
        self._take(Scan(self._voices.overheard()), news)
        news.sidecars += self._others.arrived(state)
        self._take_wishes(state, news, now)
        self._take_first_words(news, now)
        news.strays = self._others.keep(state, news.sidecars)
        return news

    def _take_first_words(self, news: News, now: datetime) -> None:
        """What is said already of experiments that are about to be added: one that runs must not be launched again."""
        new = [spec.id + STATUS_SUFFIX for wish in news.wishes if wish.ask is Ask.ADD for spec in wish.specs]
        self._take(self._scanner.scan_names(new, now), news)

    def next_scan(self, now: datetime) -> datetime:
        """When all sidecars are read through again."""
        return now if self._scanned_at is None else self._scanned_at + self._settings().policies.scan_every

    def scan_soon(self) -> None:
        """Read all at the next tick, whatever the clock says."""
        self._scanned_at = None

    def _take(self, scan: Scan, news: News) -> None:
        for reading in scan.readings:
            if isinstance(reading, Sidecar):
                news.sidecars.append(reading)
            else:
                news.unreadable.append(reading)

    def _take_wishes(self, state: DispatchState, news: News, now: datetime) -> None:
        own, dropped = self.inbox.pending(), self.drop_box.pending(now)
        news.unreadable += [*own.unreadable, *dropped.unreadable]
        for waiting, where in ((own.wishes, news.own), (dropped.wishes, news.dropped)):
            for put in waiting:
                where.add(put.id)
                try:
                    by = "a program" if where is news.dropped else str(put.document.get("by", "somebody"))
                    news.wishes.append(parse(Wish, {**put.document, "id": put.id, "by": by}))
                except StoreDamaged as error:
                    digest = digest_of(repr(put.document).encode())
                    news.unreadable.append(Unreadable(f"inbox/{put.id}.json", error.message, digest))
        news.wishes += ticked(self._layout, self._files, state, self._ticks)

    def code(self, now: datetime) -> str | None:
        """Digest of the code as it is, packed; None: it cannot be, and ``code_problem`` says why."""
        if self._code_at is not None and now - self._code_at < CODE_EVERY:
            return self._code_digest
        self._code_at = now
        try:
            taken, self.origin = self._taken(now)
            self.code_problem = refusal(self.origin, self._settings().code)
            self._code_digest = None if self.code_problem else taken.hash
        except DiskFailed:
            raise  # no fault of the code's: what cannot be written stops the engine, here as everywhere
        except AutolabError as error:
            self._code_digest, self.code_problem = None, error.message
            log.warning("the code cannot be packed: %s", error.message)
        return self._code_digest

    def _taken(self, now: datetime) -> tuple[Snapshot, Origin]:
        """The code as it is and where it stands in git, both of one moment."""
        given = self._settings()
        data = [path for host in given.hosts.values() for path in host.data]
        what = (data, given.policies.code_limit_mib, given.sync.exclude)
        taken = self._code.take(now, *what)
        if self._origins is None:
            return taken, Origin()
        if (known := self._origins.known(taken)) is not None:
            return taken, known
        for _ in range(CODE_TRIES):
            origin = self._origins.find(taken, self._code.rule(data, given.sync.exclude), now)
            before, taken = taken, self._code.take(now, *what)
            if before.hash == taken.hash:
                return taken, origin
        raise InvalidSpec(
            "the code was changed each time its commit was looked for",
            hint="is a log or result among it? name it in .gitignore or under data: in autolab.yaml",
        )

    @property
    def digest(self) -> str | None:
        """Of the code, when it was last packed; None: it was not yet, or cannot be."""
        return self._code_digest

    def results(self, state: DispatchState, news: News) -> Mapping[str, Mapping[str, Any] | None]:
        """Of external experiments that say done, in ``news`` too: what is there of their declared result."""
        found: dict[str, Mapping[str, Any] | None] = {}
        told = {sidecar.id for sidecar in news.sidecars if sidecar.cells.get("status") == Status.DONE}
        if self._say_done is None:
            self._say_done = {ident for ident, entry in state.entries.items() if best(entry, "status") == Status.DONE}
        self._say_done |= told & state.entries.keys()
        for ident in list(self._say_done):
            entry = state.entries[ident]
            says_done = ident in told or best(entry, "status") == Status.DONE
            if entry.status in TERMINAL or entry.spec.executor != "external" or not says_done:
                self._say_done.discard(ident)
            elif entry.spec.result_file:
                path = self._layout.inside(entry.spec.result_file)
                content = self._files.read(path, 1 << 30) if path.is_file() else None
                found[entry.id] = result_found(entry.spec.result_file, content) if content else None
        return found
