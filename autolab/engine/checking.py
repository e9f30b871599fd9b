"""Checks of hosts: asked in a lane of their own, so that making an environment holds up nothing that runs there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from autolab.engine.check_orders import CheckOrders
from autolab.engine.lanes import Lane, Lanes
from autolab.errors import AutolabError, DiskFailed, OutsideFailed
from autolab.executors import errands, probing
from autolab.executors.dialects import facts
from autolab.executors.dialects.dialect import OPTIONAL, Check, Seen
from autolab.executors.dialects.process import Process
from autolab.executors.executor import Executor, look_of
from autolab.hosts.connection import Connection
from autolab.model.action import StageOrder
from autolab.model.command import Request
from autolab.model.observation import HostFacts, Look, Sighting
from autolab.model.readiness import Checked, Readiness
from autolab.model.state import DispatchState, Entry
from autolab.rules.host_report import Machine, Said

log = logging.getLogger(__name__)

MARGIN_S: Final = 60.0  # beyond what the steps of an errand may take by their own clocks
_HINTS: Final = {
    "links": "set state_dir to a file system with hard links",
    "folder": "set state_dir to a folder that this user may write",
    "proc": "jobs need Linux with /proc",
}


@dataclass(frozen=True, slots=True)
class Ways:
    """How a host is reached: questions as they are, and jobs."""

    connection: Callable[[str], Connection]
    executor: Callable[[str], Executor]


class Checker:
    """Carries checks out; what came of them is heard at the next tick."""

    def __init__(
        self, ways: Ways, orders: Callable[[], CheckOrders], lanes: Lanes, clock: Callable[[], datetime]
    ) -> None:
        self._ways, self._orders, self._lanes, self._clock = ways, orders, lanes, clock
        self._lock = threading.Lock()
        self._checking: set[str] = set()
        self._came_back: list[Checked] = []
        self._left = threading.Event()

    @property
    def checking(self) -> frozenset[str]:
        """Hosts that are being checked now."""
        with self._lock:
            return frozenset(self._checking)

    def heard(self) -> tuple[Checked, ...]:
        """What came back since this was last asked."""
        with self._lock:
            heard, self._came_back = tuple(self._came_back), []
            return heard

    def perform(self, hosts: Sequence[str], state: DispatchState) -> None:
        """Check these hosts, as the state says what that means."""
        for name in hosts:
            known = state.readiness[name]
            with self._lock:
                self._checking.add(name)
            self._lanes.put(name, Lane.CHECK, self._work(known, state.entries.get(known.sample)))

    def close(self) -> None:
        """Wait for nothing more: what was begun on hosts goes on there, and is found by the next engine."""
        self._left.set()

    def _work(self, known: Readiness, sample: Entry | None) -> Callable[[], None]:
        def work() -> None:
            try:
                came_back = self._check(known, sample)
            except DiskFailed:
                raise
            except OutsideFailed as error:
                came_back = self._without(known, look_of(error), error.message)
            except AutolabError as error:
                log.warning("%s cannot be checked: %s", known.host, error.message)
                came_back = self._without(known, Look.CANNOT, error.message)
            with self._lock:
                self._checking.discard(known.host)
                if came_back is not None and not self._left.is_set():
                    self._came_back.append(came_back)

        return work

    def _without(self, known: Readiness, look: Look, reason: str) -> Checked:
        why = reason.removeprefix(f"{known.host}: ")
        return Checked(host=known.host, number=known.number, sighting=Sighting(look, self._clock(), reason=why))

    # --- one check ---------------------------------------------------------------------------------------------------

    def _check(self, known: Readiness, sample: Entry | None) -> Checked | None:
        orders = self._orders()
        machine = self._machine(known, orders)
        is_able = all(how != "fail" for how, *_ in machine.cannot)
        ready = dry = None
        if is_able:
            seen = self._errand(known, orders.ready(known), orders.ready_s)
            if seen is None:
                return None
            if seen.look is not Look.SEEN:
                return self._without(known, seen.look, seen.reason)
            ready = _said(seen)
        if sample is not None and sample.spec.resources.gpus:
            dry = Said(problem=f"{sample.id} asks for a GPU, and a check takes none")
        elif ready is not None and not ready.problem and sample is not None:
            seen = self._errand(known, orders.dry_run(known, sample), orders.dry_run_s)
            if seen is None:
                return None
            dry = _said(seen) if seen.look is Look.SEEN else Said(problem=seen.reason)
        report = orders.report(known, machine, ready, dry)
        sighting = Sighting(Look.SEEN, self._clock(), host=machine.facts)
        return Checked(host=known.host, number=known.number, sighting=sighting, report=report)

    def _errand(self, known: Readiness, order: StageOrder, within_s: float) -> Seen | None:
        """None: we are to leave, and it goes on without us."""
        executor = self._ways.executor(known.host)
        seen = errands.carry_out(executor, order, within_s + MARGIN_S, self._clock, lambda: not self._left.is_set())
        return None if self._left.is_set() else seen

    def _machine(self, known: Readiness, orders: CheckOrders) -> Machine:
        connection = self._ways.connection(known.host)
        first = connection.ask(Request("true\n"))  # logs in
        began = time.monotonic()
        reply = connection.ask(Request("true\n"))
        start_s = time.monotonic() - began
        asked_at = self._clock()
        told = facts.read(connection.ask(facts.request(orders.places(known.host))))
        middle = asked_at + (self._clock() - asked_at) / 2
        host, checks = self._probe(known, orders)
        return Machine(
            facts=host,
            cannot=tuple(_lacking(check) for check in checks if not check.ok),
            noise=(first.noise or reply.noise).decode("utf-8", "replace"),
            start_s=start_s,
            skew_s=None if told.clock is None else told.clock + 0.5 - middle.timestamp(),  # it said whole seconds
            free_mib=told.free_mib,
            writable=told.writable,
            container=told.container,
            kills=told.kills,
        )

    def _probe(self, known: Readiness, orders: CheckOrders) -> tuple[HostFacts, list[Check]]:
        """What the host has of what jobs need; where a person asked, with the proof by a real claim."""
        state_dir = orders.settings.host(known.host).state_dir
        if known.thorough:
            probe = self._ways.executor(known.host).probe(state_dir)
            return probe.host, list(probe.checks)
        dialect = Process()
        reply = self._ways.connection(known.host).ask(dialect.check(probing.lab_dir(state_dir)))
        return dialect.read_check(reply)


def _lacking(check: Check) -> tuple[str, str, str, str]:
    weight = "warn" if check.name in OPTIONAL else "fail"
    return weight, check.name, check.detail or "no", _HINTS.get(check.name, "")


def _said(seen: Seen) -> Said:
    lines = tuple((seen.log or b"").decode("utf-8", "replace").splitlines())
    if seen.exit is None:
        return Said(lines, seen.reason)
    failed = seen.exit.status != 0 and not any(line.startswith("failed ") for line in lines)
    return Said(lines, f"it ended with status {seen.exit.status}" if failed else "")
