"""Telling people: what the journal announces goes into the log and the outbox, and from there to each notifier.

Nothing here ever holds a tick up: each notifier has a lane of its own, each message a deadline, and a failure is a
later try. What was sent is recorded after it was sent: a crash in between sends it again, under the same id.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from autolab.engine.lab import read_secret
from autolab.engine.lanes import Lane, Lanes
from autolab.errors import AutolabError
from autolab.model.documents import stamp
from autolab.model.event import Event
from autolab.model.ids import lab8
from autolab.model.notice import SELDOM, Notice, message, phase_title, wants
from autolab.model.outbox import Letter
from autolab.model.settings import Settings
from autolab.model.state import DispatchState
from autolab.model.transitions import fold
from autolab.notify.notifier import clean, send
from autolab.rules import delivery
from autolab.rules.announce import announce, of_phase, phases_over
from autolab.rules.key_result import Row, rows_of
from autolab.store.files import Files
from autolab.store.layout import Layout
from autolab.store.outbox import open_outbox, save_outbox

log = logging.getLogger(__name__)

LANE: Final = "(notify) "  # no host has such a name
LEAVING_S: Final = 5.0  # an engine that ends waits so long for messages under way
TABLES_MAX: Final = 1000  # result tables that the end of a phase reads ...
TABLE_MAX: Final = 1 << 20  # ... each of at most so many bytes
_TAIL: Final = 1 << 20


def send_now(settings: Settings, root: Path, title: str, text: str, to: Iterable[str]) -> dict[str, str]:
    """Send ``text`` through these notifiers, one after another; notifier -> why it could not, empty: it was sent.

    Nothing of it is written down anywhere, so that it may hold a code that is good for one answer.
    """
    by_name = {notifier.name: notifier for notifier in settings.notify}
    told: dict[str, str] = {}
    for name in to:
        try:
            url = read_secret(f"notify.{name}.url", by_name[name].url, root, os.environ)
        except AutolabError as error:
            told[name] = error.message
            continue
        told[name] = send(url.strip(), title, text, settings.policies.notify_within.total_seconds())
    return told


class Telling:
    """The outbox of one engine, and its only writer. Lanes and loop share it under one lock."""

    def __init__(
        self,
        layout: Layout,
        files: Files,
        lanes: Lanes,
        clock: Callable[[], datetime],
        settings: Callable[[], Settings],
    ) -> None:
        self._layout, self._files, self._lanes, self._clock, self._settings = layout, files, lanes, clock, settings
        self._lock = threading.Lock()
        self._ended = False
        self._outbox = open_outbox(layout, files, clock())
        self._fresh = True  # an engine before us may have died between the log and the outbox

    def take(self, state: DispatchState) -> None:
        """Take in every notice that the journal holds and the outbox does not: into the log, then to who wants it."""
        new = {int(seq): notice for seq, notice in state.notices.items() if int(seq) > self._outbox.seq}
        if not new:
            return
        settings = self._settings()
        letters = [(notice, self._letter(seq, notice, state, settings)) for seq, notice in sorted(new.items())]
        self._log([letter for _, letter in letters])
        with self._lock:
            for notifier in settings.notify:
                wanted = [letter for notice, letter in letters if wants(notifier.events, notice.kind)]
                if wanted:
                    delivery.post(self._outbox, notifier.name, wanted)
            self._outbox.seq = max(new)
            save_outbox(self._layout, self._files, self._outbox)

    def _letter(self, seq: int, notice: Notice, state: DispatchState, settings: Settings) -> Letter:
        ident = f"{lab8(state.lab)}-{seq}"
        links = settings.links
        text = message(notice, ident, state.project, links.dashboard or "", links.wandb or "")
        title = f"{state.project}: {phase_title(notice.phase) or notice.kind} {notice.status}"
        return Letter(id=ident, at=self._clock(), title=title, text=text)

    def announce(self, state: DispatchState, events: Sequence[Event], now: datetime) -> list[Event]:
        """What of ``events`` people are to be told, folded into the state like them."""
        wanted = frozenset(
            kind for kind in SELDOM if any(wants(notifier.events, kind) for notifier in self._settings().notify)
        )
        made: list[Event] = list(announce(state, events, now, wanted, self._rows(state, events)))
        for happened in made:
            fold(state, happened)
        return made

    def _rows(self, state: DispatchState, events: Sequence[Event]) -> Iterator[Row]:
        """The numbers of phases that ended now; a result that cannot be read has none."""
        for phase in phases_over(state, events):
            tables = [e.spec.result_file for e in of_phase(state, phase) if e.result and e.spec.result_file]
            for name in tables[:TABLES_MAX]:
                try:
                    data = self._files.read(self._layout.inside(name), TABLE_MAX)
                except AutolabError:
                    continue
                yield from rows_of((data or b"").decode("utf-8", "replace"), phase)

    # --- sending -----------------------------------------------------------------------------------------------------

    def tick(self, now: datetime) -> None:
        """Put what is due into the lanes of the notifiers that are free."""
        with self._lock:
            delivery.keep_only(self._outbox, (notifier.name for notifier in self._settings().notify))
            batches = delivery.due(self._outbox, now)
        full = self._lanes.full(Lane.ACT) if batches else frozenset()
        for name, letters in batches.items():
            if LANE + name not in full:
                self._lanes.put(LANE + name, Lane.ACT, self._work(name, letters))

    def due_at(self) -> datetime | None:
        """When something is to be sent next; what is under way wakes the loop itself."""
        with self._lock:
            at = delivery.due_at(self._outbox)
            return None if at is None or self._under_way() else at

    def _under_way(self) -> bool:
        return any(name.startswith(LANE) for name in self._lanes.full(Lane.ACT))

    def _work(self, name: str, letters: Sequence[Letter]) -> Callable[[], None]:
        def work() -> None:
            settings = self._settings()
            try:
                title, text = delivery.message_of(letters)
                text = clean(text, _secrets(settings, self._layout.root, os.environ))
                problem = send_now(settings, self._layout.root, title, text, [name])[name]
            except Exception as error:  # its text may hold an address: only its kind is told
                log.debug("notifier %s failed by %s", name, type(error).__name__)
                problem = f"autolab could not send it: {type(error).__name__}"
            self._heard(name, letters, problem)

        return work

    def _heard(self, name: str, letters: Sequence[Letter], problem: str) -> None:
        """Record how it went, unless another engine may be recording by now: then that one sends it again."""
        now, policies = self._clock(), self._settings().policies
        with self._lock:
            if self._ended or (box := self._outbox.posts.get(name)) is None:
                return
            tries = box.tries
            if problem:
                backoff = [wait.total_seconds() for wait in policies.backoff]
                over = delivery.failed(self._outbox, name, problem, now, backoff, policies.notify_for)
                self._tell_failure(name, letters, problem, tries + 1, over, now)
            else:
                delivery.sent(self._outbox, name, letters, now)
                if tries:
                    self._append([f"[{stamp(now)}] {name}: sent {_ids(letters)} after {tries} failures\n"])
            save_outbox(self._layout, self._files, self._outbox)

    def _tell_failure(
        self, name: str, letters: Sequence[Letter], problem: str, tries: int, over: Sequence[Letter], now: datetime
    ) -> None:
        """The first failure of a row and every end of trying stand in the log; the rest in the outbox."""
        if tries == 1:
            self._append([f"[{stamp(now)}] {name}: not sent yet: {_ids(letters)}: {problem}\n"])
            log.warning("notifier %s: %s; it is tried again", name, problem)
        if over:
            self._append([f"[{stamp(now)}] {name}: given up after {tries} tries: {_ids(over)}: {problem}\n"])

    def end(self) -> None:
        """Wait a moment for what is under way; then record nothing more, for the next engine does."""
        for notifier in self._settings().notify:
            self._lanes.finish(LANE + notifier.name, LEAVING_S)
        with self._lock:
            self._ended = True

    # --- the log -----------------------------------------------------------------------------------------------------

    def _log(self, letters: Sequence[Letter]) -> None:
        """Each notice once, also where a crash came between the log and the outbox."""
        told = self._end_of_log() if self._fresh else ""
        self._fresh = False
        new = [letter for letter in letters if f"\nId: {letter.id}\n" not in told]
        if new:
            self._append([f"[{stamp(letter.at)}]\n{letter.text}\n\n" for letter in new])

    def _end_of_log(self) -> str:
        try:
            with self._layout.notifications.open("rb") as log_file:
                log_file.seek(max(log_file.seek(0, os.SEEK_END) - _TAIL, 0))
                return log_file.read(_TAIL).decode("utf-8", "replace")
        except OSError:
            return ""

    def _append(self, texts: Sequence[str]) -> None:
        path = self._layout.notifications
        self._files.make_dirs(path.parent)
        fd = self._files.open_append(path, create=True)
        try:
            self._files.append(fd, path, "".join(texts).encode())
        finally:
            os.close(fd)


def _ids(letters: Sequence[Letter]) -> str:
    more = f" and {len(letters) - 5} more" if len(letters) > 5 else ""
    return ", ".join(letter.id for letter in letters[:5]) + more


def _secrets(settings: Settings, root: Path, env: Mapping[str, str]) -> list[str]:
    """Values that no message may hold: those of the lab's secrets that can be read now."""
    found: list[str] = []
    for name, secret in settings.secrets.items():
        try:
            value = read_secret(name, secret, root, env)
        except AutolabError:
            continue  # what cannot be read was not given to a command either; a launch says so
        if len(value) >= 4:
            found.append(value)
    return found
