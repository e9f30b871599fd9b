"""The lab's record: the journal, the state it folds to, and the lock that makes one process their writer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import orjson

from autolab.errors import NotTheDriver, StoreDamaged
from autolab.model.documents import parse_event, parse_state
from autolab.model.event import Event, LabMade, Observed, event_document
from autolab.model.state import DispatchState
from autolab.model.transitions import fold
from autolab.store.files import Files
from autolab.store.journal import Journal
from autolab.store.layout import SETTINGS_FILE, Layout, git_common_dir
from autolab.store.locks import EngineLock

log = logging.getLogger(__name__)


class Record:
    """Whoever has taken it may write. What is kept in it has happened."""

    def __init__(self, layout: Layout, files: Files, project: str) -> None:
        self._layout, self._files = layout, files
        self._lock = EngineLock(layout, files)
        self.journal = Journal(layout, files)
        self.state = DispatchState(project=project, lab=layout.lab)

    def take(self, what: str, now: datetime) -> list[tuple[int, Event]]:
        """Take the lock and load; the journal's last events that people are told of, numbered.

        raises  Busy where another process has it; StoreDamaged: nothing was changed
        """
        self._lock.take(what, now)
        try:
            for folder in (self._layout.journal, self._layout.record, self._layout.dispatch):
                self._files.sweep(folder)  # what a killed engine left half written
            self._check_work_tree()
            return self._load(now)
        except BaseException:
            self._lock.release()
            raise

    def release(self) -> None:
        """Let another process have it."""
        self.journal.close()
        self._lock.release()

    def commit(self, events: Sequence[Event]) -> None:
        """Fold events and make them durable."""
        for happened in events:
            fold(self.state, happened)
        self.keep(events)

    def keep(self, events: Sequence[Event]) -> None:
        """Make durable what is folded already: one write, one sync. raises DiskFailed: nothing was acknowledged."""
        self._lock.check()
        first = self.state.seq - len(events) + 1
        self.journal.append(event_document(happened, first + i) for i, happened in enumerate(events))
        if self.journal.is_full:
            self.journal.seal(orjson.dumps(self.state))

    def _check_work_tree(self) -> None:
        """Linked work trees of a clone share its record, and views in two of them would contradict each other."""
        here, path = str(self._layout.root), self._layout.work_tree
        named = (self._files.read(path, 1 << 16) or b"").decode("utf-8", "surrogateescape")
        if named == here:
            return
        shares = git_common_dir(Path(named)) == self._layout.common  # else this is a copy, and a clone of its own
        if named and shares and (Path(named) / SETTINGS_FILE).exists() and not Path(named).samefile(here):
            hint = "work there, or remove that one first"
            raise NotTheDriver(f"this lab is driven in the work tree {named}", hint=hint)
        self._files.replace(path, here.encode("utf-8", "surrogateescape"))

    def _load(self, now: datetime) -> list[tuple[int, Event]]:
        if not self.journal.segments():
            self._first(now)
            return []
        loaded = self.journal.load()
        for problem in loaded.problems:
            log.warning("journal: %s", problem)
        self.state = parse_state(loaded.snapshot)
        recent: list[tuple[int, Event]] = []
        for document in loaded.events:
            happened = parse_event(document)
            fold(self.state, happened)
            if not isinstance(happened, Observed):  # nearly all that happens, and told in the journal alone
                recent.append((int(document["seq"]), happened))
        if self.state.seq != self.journal.seq:
            raise StoreDamaged(f"the journal ends at {self.journal.seq}, its fold at {self.state.seq}")
        return recent

    def _first(self, now: datetime) -> None:
        """A new lab's journal; a state.json without one is a lab whose record was lost, and nothing starts over it."""
        view = self._layout.state
        if view.exists() and b'"journal_seq": 0,' not in view.read_bytes()[:4096]:
            raise StoreDamaged(
                f"{view} is there and its journal in {self._layout.journal} is not",
                hint="`autolab recover` makes it anew from what git and the views still hold; nothing runs until then",
            )
        self.journal.begin(orjson.dumps(self.state), 0)
        self.commit([LabMade(at=now, project=self.state.project, lab=self._layout.lab, why="the lab begins")])
