"""Whoever holds the engine lock is the engine: it reads, decides, records, acts. One tick, safe to kill at any line."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from autolab.engine.check_orders import CheckOrders, Environments
from autolab.engine.checking import Checker, Ways
from autolab.engine.chronicle import Chronicle
from autolab.engine.inventory import Inventory
from autolab.engine.lab import Lab, dialect_of, lab_of
from autolab.engine.lanes import Lane, Lanes
from autolab.engine.milestones import committing, dispatched, files_of, milestone, tagging
from autolab.engine.pace import Pace
from autolab.engine.perform import Performer
from autolab.engine.plan import Orders, patience_of, plan_of, policies_of
from autolab.engine.polls import PollReport, report_of
from autolab.engine.presence import returned
from autolab.engine.publish import Publisher
from autolab.engine.quiet_word import forget_quiet, looks_of, remember_quiet
from autolab.engine.record import Record
from autolab.engine.skims import Skims
from autolab.engine.telling import Telling
from autolab.engine.views import Views
from autolab.engine.voices import Voices
from autolab.engine.watcher import News, Watcher
from autolab.engine.wheel import Wheel
from autolab.executors.dialects.process import Process
from autolab.executors.executor import Executor
from autolab.model.action import Check, Driver
from autolab.model.card import CardReport
from autolab.model.event import Added, Announced, Event, WishSettled
from autolab.model.plan import LabPlan
from autolab.model.settings import Settings
from autolab.model.state import DispatchState, Status
from autolab.model.transitions import fold
from autolab.rules.cards import to_ask
from autolab.rules.decide import decide
from autolab.rules.dispatch import is_due
from autolab.rules.hosts import may_ask
from autolab.rules.readiness import is_pending
from autolab.rules.tick import Decision, Seen
from autolab.store.failures import effective_table
from autolab.store.files import Files
from autolab.store.git import Git
from autolab.store.hashes import lab_key
from autolab.store.layout import Layout
from autolab.store.origins import Origins
from autolab.store.snapshot import CodeSnapshots

log = logging.getLogger(__name__)

BRIEF: Final = timedelta(milliseconds=20)  # a tick that took longer is followed by a pause as long as itself, in which
PAUSE: Final = timedelta(milliseconds=250)  # more may come: a storm of 10,000 sidecars is 30 ticks then, not 500
KEEP_CODE: Final = timedelta(days=1)  # archives of code that no open attempt needs
GIT_LANE: Final = "(git)"  # no host can have this name


class Engine:
    """One lab's engine for as long as it holds the lock."""

    def __init__(
        self,
        layout: Layout,
        settings: Settings,
        lab: Lab,
        clock: Callable[[], datetime],
        files: Files,
    ) -> None:
        self.layout, self.settings, self._clock, self._files = layout, settings, clock, files
        self._lab = lab
        self._failures = effective_table(settings)
        self.record = Record(layout, files, settings.project)
        self._git = Git(layout.root, settings.git.within.total_seconds()) if layout.common is not None else None
        self._wake = threading.Event()
        self._tagged: set[str] = set()  # commits that were dispatched since we began
        self._executors: dict[tuple[str, Process], Executor] = {}  # they remember what they saw
        self._happened: Counter[type[Event]] = Counter()  # since the last poll began

    @property
    def state(self) -> DispatchState:
        """Everything the journal says, folded."""
        return self.record.state

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
        engine = cls(layout, settings, lab_of(layout, settings, disk, clock), clock, disk)
        recent = engine.record.take(what, clock())
        try:
            engine._begin(recent)
        except BaseException:
            engine.record.release()
            raise
        return engine

    def _begin(self, recent: list[tuple[int, Event]]) -> None:
        now = self._clock()
        key = lab_key(self.layout, self._files)
        self._voices = Voices(self.layout, self._files, key, lambda: patience_of(self.settings))
        self._publisher = Publisher(self.layout, self._files)
        self._lanes = Lanes(self.wake)
        self._inventory = Inventory(self._executor, self._lanes)
        snapshots = CodeSnapshots(self.layout, self._files, self._git)
        needed = {run.code for entry in self.state.entries.values() if (run := entry.open_run) is not None}
        snapshots.prune(needed, now - KEEP_CODE)
        origins = Origins(self._git) if self._git is not None else None
        self.watcher = Watcher(self.layout, self._files, key, self._voices, snapshots, origins, lambda: self.settings)
        self._performer = Performer(
            self._executor, self._orders, self._voices, self._publisher, self._lanes, self._clock
        )
        self._performer.adopt(self.state)
        self._environments = Environments(self.layout, self._files, self.settings)
        ways = Ways(self._lab.pool.connection, self._executor)
        self._checker = Checker(ways, lambda: CheckOrders(self._orders()), self._lanes, self._clock)
        self._skims = Skims(self._executor, self._orders, self._voices, self._lanes, self._clock)
        self._chronicle = Chronicle(self.layout, self._files)
        self._chronicle.catch_up(self.state, recent)
        self._telling = Telling(self.layout, self._files, self._lanes, self._clock, lambda: self.settings)
        self._telling.take(self.state)
        forget_quiet(self.layout)
        self._views = Views(self.layout, self._files, self.record.journal, self._git, self.settings.git.every)
        self._pace = Pace(policies_of(self.settings))
        self._wheel = Wheel(self._lab.seat, self._lanes)
        self.record.commit(self._wheel.taken(self.state, now))
        self.adopt(returned(self.layout, self.settings.patience.away, now))

    # --- one tick ----------------------------------------------------------------------------------------------------

    def tick(
        self, now: datetime, *, launch: bool = True, hold: bool = False, look: bool = False, check: bool = False
    ) -> Decision:
        """Look, decide, write it down, act.

        launch  False: nothing is said to any host, but with ``check`` what finds out whether it is ready
        hold    looks may stay open; look: every host is due, whatever its pace
        """
        news = self.watcher.read(self.state, now)
        if launch:
            self._hold_the_wheel(now)
        may_check = launch or check
        code = self._code(now) if may_check else None
        plan = self.plan(now, launch)
        seen = Seen(
            sidecars=tuple(news.sidecars),
            unreadable=tuple(news.unreadable),
            strays=news.strays,
            escalations=tuple(news.escalations),
            wishes=tuple(news.wishes),
            code=code,
            origin=self.watcher.origin,
            busy=self._lanes.full(Lane.ACT) if launch else frozenset(plan.hosts),
            full=self._lanes.full(Lane.LOOK) if launch else frozenset(plan.hosts),
            watched=frozenset(self._performer.watched),
            watch_due=None if look else self._pace.due(plan.hosts, now),
            cards=self._cards(plan, now) if launch else {},
            hellos=self._performer.hellos(),  # after `busy`: who is free by then has said what it had to say
            results=self.watcher.results(self.state, news),
            may_hold=hold,
            checked=self._checker.heard(),
            checking=self._checker.checking if may_check else frozenset(plan.hosts),
        )
        made = decide(self.state, seen, plan, now)
        made.events += self._telling.announce(self.state, made.events, now)
        self._write_down(made.events, news, now)
        self._pace.looked(made.actions, now)
        self._performer.perform([each for each in made.actions if not isinstance(each, Check)], self.state)
        self._checker.perform([each.host for each in made.actions if isinstance(each, Check)], self.state)
        if launch:
            self._skims.tick(self.state, plan, now)
            self._telling.tick(now)
        return made

    def plan(self, now: datetime, launch: bool = True) -> LabPlan:
        """What decisions need to know of the settings now."""
        why = "" if launch else "this command says nothing to hosts"
        not_driving = self._wheel.problem
        problem = not_driving or self.watcher.code_problem or why
        environments = self._environments.hashes(self.watcher.digest)
        plan = plan_of(self.settings, self.layout.lab, self.layout.root, problem, self._failures, environments)
        return replace(plan, not_driving=not_driving)

    def _hold_the_wheel(self, now: datetime) -> None:
        self._wheel.ask(self.state, now)
        self.adopt(self._wheel.taken(self.state, now))
        if self._wheel.has_news():
            self._views.stale(now)

    def _cards(self, plan: LabPlan, now: datetime) -> dict[str, CardReport]:
        """What hosts say of their cards, asked only while something waits for one or runs on one."""
        pending = (e for e in self.state.entries.values() if e.status is Status.PENDING and e.spec.resources.gpus)
        asking = to_ask(
            self.state, plan, self._inventory.asked, (e for e in pending if is_due(self.state, e, now)), now
        )
        free = asking.now - self._lanes.full(Lane.ACT)
        self._inventory.ask((n for n in free if may_ask(self.state.hosts.get(n), now)), plan.hosts, now)
        self._inventory.next_at = asking.next_at
        return self._inventory.found

    def _code(self, now: datetime) -> str | None:
        """The snapshot a launch would use; asked for only while something waits for one."""
        waiting = any(e.status is Status.PENDING and e.open_run is None for e in self.state.entries.values())
        if not waiting and not is_pending(self.state):
            return None
        return self.watcher.code(now)

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

    def _made(self, events: Sequence[Event], now: datetime) -> None:
        """What was folded, made durable and told."""
        self.record.keep(events)
        self._happened.update(map(type, events))
        self._pace.happened(events, self.state)
        self._views.changed(now)
        self._chronicle.record(self.state, events)
        if any(isinstance(happened, Announced) for happened in events):
            self._telling.take(self.state)
        for happened in events:
            if isinstance(happened, Added) and happened.spec.executor == "autolab":
                self._voices.announce(self.state.entries[happened.id])
        self._milestone(events, now)

    def adopt(self, events: Iterable[Event]) -> list[Event]:
        """Take in what was not decided here; each is folded before the next is asked for."""
        made: list[Event] = []
        for happened in events:
            fold(self.state, happened)
            made.append(happened)
        if made:
            self._made(made, self._clock())
        return made

    def _milestone(self, events: Sequence[Event], now: datetime) -> None:
        """Commit what a person will look for in the branch's history; in a lane, so that git never holds us up."""
        self._tag(events, now)
        git, message = self._git, milestone(self.state, events)
        if git is None or message is None or not self.settings.git.commit:
            return
        self.render(now, force=True)
        files = files_of(self.state, events)

        self._lanes.put(GIT_LANE, Lane.ACT, committing(git, files, message))

    def _tag(self, events: Sequence[Event], now: datetime) -> None:
        new = {commit: ids for commit, ids in dispatched(events).items() if commit not in self._tagged}
        if new and self._git is not None and self.settings.code.tag:
            self._tagged.update(new)
            self._lanes.put(GIT_LANE, Lane.ACT, tagging(self._git, self.settings.project, new, now))

    def _drop(self, wish: str, outcome: str) -> None:
        if outcome.startswith("ok"):
            self.watcher.drop_box.accept(wish)
        else:
            self.watcher.drop_box.reject(wish, outcome)

    def render(self, now: datetime, *, force: bool = False) -> None:
        """The views, if they are due."""
        due = self._views.due_at(self.state)
        if due is not None and (force or due <= now):
            logins = {name: self._lab.pool.logins(name, now) for name in self.settings.hosts}
            shown = replace(self.plan(now), launching=self._wheel.shown or self.watcher.code_problem)
            for line in self._views.render(self.state, shown, now, logins):
                log.warning("%s", line)
        if self._views.commit_due(self.state, now):
            why = f"state of {self.state.project}"
            self._lanes.put(GIT_LANE, Lane.ACT, self._views.committing(self.state, why, now))

    # --- ways to run it ----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Take in wishes and sidecars, record, render; nothing is said to any host."""
        self.watcher.scan_soon()
        while self.tick(self._clock(), launch=False).events:
            pass
        self.render(self._clock(), force=True)

    def poll(self, until: Callable[[DispatchState], bool] | None = None, patience_s: float = 120.0) -> PollReport:
        """One tick of cron's: fold, look, launch, collect, until all that follows at once has followed.

        until       goes on looking until this holds, for callers that wait for an end
        patience_s  longest wait for hosts' answers after the last news
        """
        before, begun = self.state.seq, self._clock()
        self._happened.clear()
        last, first = begun, True
        while True:
            now, asked = self._clock(), self._lanes.open  # what ends during the tick is read by the next one
            made = self.tick(now, look=first, hold=until is not None)
            first = False
            self.render(now)
            if made.events:
                last = now
                continue
            waits = asked or self._lanes.open or (until is not None and not until(self.state))
            if not waits or (until is None and now - last > timedelta(seconds=patience_s)):
                break
            self.wait(made, now)
        self.render(self._clock(), force=True)
        self._leave_word()
        return report_of(self.state, before, self._happened)

    def _leave_word(self) -> None:
        """Let the next poll know that it has nothing to do, if that is so."""
        if is_pending(self.state):
            return
        if any(entry.run is not None and not entry.run.judged for entry in self.state.entries.values()):
            return
        now, looks = self._clock(), looks_of(self.layout)
        made = self.tick(now, launch=False)
        if not made.events:
            wheel = self._wheel.due_at(self.state) if self._wheel.problem else None
            due = [at for at in (made.wake_at, self._telling.due_at(), wheel) if at is not None]
            remember_quiet(self.layout, looks, min(due, default=None), now)

    def serve(self, stop: threading.Event, on_tick: Callable[[DispatchState], None] | None = None) -> None:
        """The daemon's loop: goes round at once while there is news, else waits for the first thing that is due."""
        while not stop.is_set():
            now = self._clock()
            made = self.tick(now, hold=True)
            self.render(now)
            if on_tick is not None:
                on_tick(self.state)
            if not made.events:
                self.wait(made, now)
            took = self._clock() - now
            if made.events and took > BRIEF:
                stop.wait(min(took, PAUSE).total_seconds())
        self.render(self._clock(), force=True)

    def wait(self, made: Decision, now: datetime) -> None:
        """Until something wakes us, or the first thing that is due by the clock."""
        due = [self.watcher.next_scan(now), self._pace.next_due(self.state, self._performer.watched)]
        due += [made.wake_at, self._views.due_at(self.state), self._telling.due_at(), self._wheel.due_at(self.state)]
        due += [self._inventory.next_at, self._skims.next_due(self.state, self.plan(now))]
        at = min(instant for instant in due if instant is not None)
        self._wake.wait(max((at - now).total_seconds(), 0.0))
        self._wake.clear()

    def wake(self) -> None:
        """Something may have happened: look again."""
        self._wake.set()

    def close(self) -> None:
        """Let the lab go; what hosts are still asked ends by its own deadline and is asked again by the next engine."""
        self._checker.close()
        self._lanes.finish(GIT_LANE, self.settings.git.within.total_seconds())
        self._telling.end()
        self._lanes.close()
        self._voices.end()
        self._lab.pool.close()
        self.record.release()

    # --- parts -------------------------------------------------------------------------------------------------------

    def _executor(self, host: str) -> Executor:
        dialect = dialect_of(self.settings)
        made = self._executors.get((host, dialect))
        if made is None:  # two lanes may make one each: they forget what the other was told, and nothing else
            connection = self._lab.pool.connection(host)
            made = self._executors[host, dialect] = Executor(connection, dialect, self._clock)
        return made

    def _orders(self) -> Orders:
        standing = self._lab.seat.standing()
        return Orders(
            lab=self.layout.lab,
            root=self.layout.root,
            settings=self.settings,
            snapshots=self.layout.code,
            driver=Driver(standing.number, standing.clone),
            secrets=self._lab.secrets(),
        )
