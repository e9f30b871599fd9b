"""Whoever holds the engine lock is the engine: it reads, decides, records, acts. One tick, safe to kill at any line.

How its parts are wired is in ``parts``, how it is run in ``running``.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from autolab.engine.lab import lab_of
from autolab.engine.lanes import Lane
from autolab.engine.means import Means
from autolab.engine.parts import parts_of
from autolab.engine.presence import returned
from autolab.engine.quiet_word import forget_quiet
from autolab.engine.record import Record
from autolab.engine.watcher import News, Watcher
from autolab.model.action import Check
from autolab.model.event import Added, Announced, Event, WishSettled
from autolab.model.plan import LabPlan
from autolab.model.settings import Settings
from autolab.model.state import DispatchState, Status
from autolab.model.transitions import fold
from autolab.rules.decide import decide
from autolab.rules.readiness import is_pending
from autolab.rules.tick import Decision, Seen
from autolab.store.files import Files
from autolab.store.layout import Layout

KEEP_CODE: Final = timedelta(days=1)  # archives of code that no open attempt needs


class Engine:
    """One lab's engine for as long as it holds the lock."""

    def __init__(self, means: Means, record: Record, files: Files) -> None:
        """``record`` is taken already. See ``open``."""
        self.layout, self.clock, self.record = means.layout, means.clock, record
        self.happened: Counter[type[Event]] = Counter()  # how many of each kind since it was opened
        self._means, self._wake = means, threading.Event()
        self._parts = parts_of(means, record, files, self.wake)

    @classmethod
    def open(
        cls,
        layout: Layout,
        settings: Settings,
        *,
        what: str,
        clock: Callable[[], datetime],
        files: Files | None = None,
    ) -> Engine:
        """The engine of this lab.

        raises  Busy where there is one: who, since when; StoreDamaged: nothing was changed
        """
        disk = files or Files()
        means = Means(layout, settings, lab_of(layout, settings, disk, clock), clock)
        record = Record(layout, disk, settings.project)
        recent = record.take(what, clock())
        try:
            engine = cls(means, record, disk)
            engine._begin(recent)
        except BaseException:
            record.release()
            raise
        return engine

    def _begin(self, recent: list[tuple[int, Event]]) -> None:
        """Take up what the engine before left; ``recent``: the journal's last events, numbered."""
        now, parts = self.clock(), self._parts
        needed = {run.code for entry in self.state.entries.values() if (run := entry.open_run) is not None}
        parts.snapshots.prune(needed, now - KEEP_CODE)
        parts.performer.adopt(self.state)
        parts.chronicle.catch_up(self.state, recent)
        parts.telling.take(self.state)
        forget_quiet(self.layout)
        self.record.commit(parts.wheel.taken(self.state, now))
        self.adopt(returned(self.layout, self._means.settings.patience.away, now))

    @property
    def state(self) -> DispatchState:
        """Everything the journal says, folded."""
        return self.record.state

    @property
    def watcher(self) -> Watcher:
        """What reads files; it may be told what to read next."""
        return self._parts.watcher

    @property
    def is_asking(self) -> bool:
        """Whether something is still under way on a host or in git."""
        return bool(self._parts.lanes.open)

    def take_up(self, settings: Settings) -> None:
        """These settings are in force from the next tick on."""
        self._means.settings = settings

    # --- one tick ----------------------------------------------------------------------------------------------------

    def tick(
        self, now: datetime, *, launch: bool = True, hold: bool = False, look: bool = False, check: bool = False
    ) -> Decision:
        """Look, decide, write it down, act.

        launch  False: nothing is said to any host, but with ``check`` what finds out whether it is ready
        hold    looks may stay open; look: every host is due, whatever its pace
        """
        parts = self._parts
        news = parts.watcher.read(self.state, now)
        if launch:
            self._hold_the_wheel(now)
        code = self._code(now) if launch or check else None
        plan = parts.planning.plan(launch)
        seen = self._seen(news, code, plan, now, launch=launch, hold=hold, look=look, check=check)
        made = decide(self.state, seen, plan, now)
        made.events += parts.telling.announce(self.state, made.events, now)
        self._write_down(made.events, news, now)
        parts.pace.looked(made.actions, now)
        parts.performer.perform([each for each in made.actions if not isinstance(each, Check)], self.state)
        parts.checker.perform([each.host for each in made.actions if isinstance(each, Check)], self.state)
        if launch:
            parts.skims.tick(self.state, plan, now)
            parts.telling.tick(now)
        return made

    def _hold_the_wheel(self, now: datetime) -> None:
        wheel = self._parts.wheel
        wheel.ask(self.state, now)
        self.adopt(wheel.taken(self.state, now))
        if wheel.has_news():
            self._parts.history.stale(now)

    def _code(self, now: datetime) -> str | None:
        """The snapshot a launch would use; asked for only while something waits for one."""
        waiting = any(e.status is Status.PENDING and e.open_run is None for e in self.state.entries.values())
        if not waiting and not is_pending(self.state):
            return None
        return self.watcher.code(now)

    def _seen(
        self,
        news: News,
        code: str | None,
        plan: LabPlan,
        now: datetime,
        *,
        launch: bool,
        hold: bool,
        look: bool,
        check: bool,
    ) -> Seen:
        """Everything the decision reads; hosts count as busy where this tick may say nothing to them."""
        parts, every_host = self._parts, frozenset(plan.hosts)
        return Seen(
            sidecars=tuple(news.sidecars),
            unreadable=tuple(news.unreadable),
            strays=news.strays,
            escalations=tuple(news.escalations),
            wishes=tuple(news.wishes),
            code=code,
            origin=parts.watcher.origin,
            busy=parts.lanes.full(Lane.ACT) if launch else every_host,
            full=parts.lanes.full(Lane.LOOK) if launch else every_host,
            watched=frozenset(parts.performer.watched),
            watch_due=None if look else parts.pace.due(plan.hosts, now),
            cards=parts.inventory.round(self.state, plan, now) if launch else {},
            hellos=parts.performer.hellos(),  # after `busy`: who is free by then has said what it had to say
            results=parts.watcher.results(self.state, news),
            may_hold=hold,
            checked=parts.checker.heard(),
            checking=parts.checker.checking if launch or check else every_host,
        )

    def _write_down(self, events: list[Event], news: News, now: datetime) -> None:
        """Durable first; then, and only then, what people read of it, and that the wishes were heard."""
        if events:
            self._made(events, now)
        settled = {e.wish: e.outcome for e in events if isinstance(e, WishSettled)}
        for wish in news.wishes:
            outcome = settled.get(wish.id) or self.state.wishes.get(wish.id, "ok: done before")
            if wish.id in news.own:
                self.watcher.inbox.settle(wish.id, {"outcome": outcome})
            elif wish.id in news.dropped:
                self._drop(wish.id, outcome)

    def _drop(self, wish: str, outcome: str) -> None:
        if outcome.startswith("ok"):
            self.watcher.drop_box.accept(wish)
        else:
            self.watcher.drop_box.reject(wish, outcome)

    def _made(self, events: Sequence[Event], now: datetime) -> None:
        """What was folded, made durable and told."""
        parts = self._parts
        self.record.keep(events)
        self.happened.update(map(type, events))
        parts.pace.happened(events, self.state)
        parts.chronicle.record(self.state, events)
        if any(isinstance(happened, Announced) for happened in events):
            parts.telling.take(self.state)
        for happened in events:
            if isinstance(happened, Added) and happened.spec.executor == "autolab":
                parts.voices.announce(self.state.entries[happened.id])
        parts.history.happened(self.state, events, now)

    def adopt(self, events: Iterable[Event]) -> list[Event]:
        """Take in what was not decided here; each is folded before the next is asked for."""
        made: list[Event] = []
        for happened in events:
            fold(self.state, happened)
            made.append(happened)
        if made:
            self._made(made, self.clock())
        return made

    def render(self, now: datetime, *, force: bool = False) -> None:
        """The views, if they are due."""
        self._parts.history.render(self.state, now, force=force)

    # --- between ticks -----------------------------------------------------------------------------------------------

    def wait(self, made: Decision, now: datetime) -> None:
        """Until something wakes us, or the first thing that is due by the clock."""
        parts = self._parts
        due = [
            made.wake_at,
            parts.watcher.next_scan(now),
            parts.pace.next_due(self.state, parts.performer.watched),
            parts.history.due_at(self.state),
            parts.telling.due_at(),
            parts.wheel.due_at(self.state),
            parts.inventory.next_at,
            parts.skims.next_due(self.state, parts.planning.plan()),
        ]
        at = min(instant for instant in due if instant is not None)
        self._wake.wait(max((at - now).total_seconds(), 0.0))
        self._wake.clear()

    def due_when_quiet(self, made: Decision) -> datetime | None:
        """What the clock alone brings to a lab in which nothing runs; None: nothing. ``made``: by the last tick."""
        wheel = self._parts.wheel
        asked = wheel.due_at(self.state) if wheel.problem else None
        due = (made.wake_at, self._parts.telling.due_at(), asked)
        return min((at for at in due if at is not None), default=None)

    def wake(self) -> None:
        """Something may have happened: look again."""
        self._wake.set()

    def close(self) -> None:
        """Let the lab go; what hosts are still asked ends by its own deadline and is asked again by the next engine."""
        parts = self._parts
        parts.checker.close()
        parts.history.finish()
        parts.telling.end()
        parts.lanes.close()
        parts.voices.end()
        self._means.lab.pool.close()
        self.record.release()
