"""Reads what running attempts print, new bytes only, and tells what in them matters already."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from autolab.engine.lanes import Lane, Lanes
from autolab.engine.plan import Orders
from autolab.engine.voices import Voices
from autolab.errors import OutsideFailed
from autolab.executors.executor import Executor
from autolab.model.failure import Table
from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, Entry, Run
from autolab.rules.hosts import may_ask
from autolab.rules.noticing import Reading, read, reading_of

log = logging.getLogger(__name__)
Key = tuple[str, int]
Pair = tuple[Entry, Run]


class Skims:
    """One request to each host at its time, for all that runs there. How far each log was read is kept here."""

    def __init__(
        self,
        executor: Callable[[str], Executor],
        orders: Callable[[], Orders],
        voices: Voices,
        lanes: Lanes,
        clock: Callable[[], datetime],
    ) -> None:
        self._executor, self._orders, self._voices, self._lanes, self._clock = executor, orders, voices, lanes, clock
        self._readings: dict[Key, Reading] = {}
        self._read_at: dict[str, datetime] = {}
        self._under_way: set[str] = set()

    def tick(self, state: DispatchState, plan: LabPlan, now: datetime) -> None:
        """Read on where it is time, in the hosts' looking lanes."""
        every = timedelta(seconds=plan.policies.log_s)
        busy = self._lanes.full(Lane.LOOK) | self._under_way
        for host, pairs in _running(state, plan).items():
            due = now - self._read_at.get(host, now - every) >= every
            if due and host not in busy and may_ask(state.hosts.get(host), now):
                self._read_at[host] = now
                self._under_way.add(host)
                self._lanes.put(host, Lane.LOOK, self._work(host, pairs, plan.failures))

    def next_due(self, state: DispatchState, plan: LabPlan) -> datetime | None:
        """When a log is to be read next; None: nothing runs."""
        every = timedelta(seconds=plan.policies.log_s)
        hosts = [host for host in _running(state, plan) if host in self._read_at and host not in self._under_way]
        return min((self._read_at[host] + every for host in hosts), default=None)

    def _work(self, host: str, pairs: Sequence[Pair], table: Table) -> Callable[[], None]:
        def work() -> None:
            try:
                self._read(host, pairs, table)
            except OutsideFailed as error:
                log.info("the logs on %s were not read: %s", host, error.message)  # its looks say that it is silent
            finally:
                self._under_way.discard(host)

        return work

    def _read(self, host: str, pairs: Sequence[Pair], table: Table) -> None:
        orders = self._orders()
        before = {entry.id: self._reading(entry, run) for entry, run in pairs}
        jobs = [replace(orders.job(entry, run), log_from=before[entry.id].offset) for entry, run in pairs]
        found = self._executor(host).skim(jobs)
        now = self._clock()
        for entry, run in pairs:
            if entry.id not in found:
                continue
            after, told = read(entry, run, before[entry.id], *found[entry.id], table, now)
            self._readings[entry.id, run.number] = after
            if told:
                self._voices.noticed(entry, run, told)

    def _reading(self, entry: Entry, run: Run) -> Reading:
        self._readings.pop((entry.id, run.number - 1), None)
        return self._readings.get((entry.id, run.number)) or reading_of(entry)


def _running(state: DispatchState, plan: LabPlan) -> Mapping[str, list[Pair]]:
    """What has claimed its attempt and is not known to have ended, by host."""
    found: dict[str, list[Pair]] = {}
    for entry in state.entries.values():
        run = entry.open_run
        if run is not None and run.claim is not None and run.host in plan.hosts:
            found.setdefault(run.host, []).append((entry, run))
    return found
