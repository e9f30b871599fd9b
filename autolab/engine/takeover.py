"""The lease of a lab taken from another clone: every host says what it holds and follows us, then we are the driver.

Hosts are asked twice. First what they hold, which changes nothing and stops at one that does not answer; then to follow
the new number, and again what they hold: what the old driver began in between is there, and it begins nothing more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from autolab.engine.engine import Engine
from autolab.engine.lab import anchor_of, connections
from autolab.engine.plan import host_plan
from autolab.errors import NotTheDriver, OutsideFailed
from autolab.executors.dialects.process import Process
from autolab.executors.executor import Executor
from autolab.hosts.pool import Pool
from autolab.model.action import Driver
from autolab.model.event import DriverTaken, Event, LaunchIntended
from autolab.model.holding import Holding
from autolab.model.plan import HostPlan
from autolab.model.settings import Settings
from autolab.model.state import DispatchState
from autolab.rules import adopt
from autolab.store.files import Files
from autolab.store.lab_file import read_anchor, write_anchor
from autolab.store.layout import Layout
from autolab.store.lease import Lease, Leases

log = logging.getLogger(__name__)
AT_ONCE: Final = 8
Holdings = Mapping[str, Holding]


@dataclass(frozen=True, slots=True)
class HostWord:
    """What a host said: how many attempts it holds, those the journal lacked, and what there makes no sense."""

    host: str
    attempts: int = 0
    adopted: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    given_up: bool = False


class _Hosts:
    """The hosts that are asked: each in one request, some at once."""

    def __init__(self, plans: Mapping[str, HostPlan], pool: Pool, clock: Callable[[], datetime]) -> None:
        self.plans, self._pool, self._clock = plans, pool, clock

    def say(self, driver: Driver | None = None) -> Holdings:
        """What they hold, once they follow ``driver``. raises OutsideFailed naming the first that does not answer"""

        def ask(name: str) -> Holding:
            executor = Executor(self._pool.connection(name), Process(), self._clock)
            try:
                return executor.holds(self.plans[name].run_root, driver)
            except OutsideFailed as error:
                hint = f"try again, or give it up with all that may run there: --give-up {name}"
                why = error.message.removeprefix(f"{name}: ")
                raise OutsideFailed(f"{name} does not say what it holds of this lab: {why}", hint=hint) from error

        with ThreadPoolExecutor(AT_ONCE) as threads:
            return dict(zip(self.plans, threads.map(ask, self.plans), strict=True))


def take_over(
    layout: Layout,
    settings: Settings,
    files: Files,
    clock: Callable[[], datetime],
    reason: str,
    given_up: Collection[str] = (),
    anchor: str = "",
) -> list[HostWord]:
    """Make this clone the driver, once every host but those ``given_up`` has said what it holds of the lab.

    anchor  the host that keeps the lease from now on, ``local`` for this machine; default: the one that does

    One that is the driver already keeps its number, and adopts what its journal lacks, as after a recovery.

    raises  OutsideFailed naming a host that does not answer, Busy where an engine runs in this clone, UnknownName,
            NotTheDriver without a reason: nothing was changed; after that it may be said again
    """
    if not reason.strip():
        raise NotTheDriver("taking the lease needs a reason", hint="autolab lease take --reason '...'")
    before = read_anchor(layout, files)
    for name in given_up:
        if name != before:
            settings.host(name)
    plans = {n: host_plan(settings, n, layout.lab, layout.root) for n in settings.hosts if n not in given_up}
    with closing(connections(settings, layout, clock)) as pool:
        was = Leases(layout, anchor_of(before, layout, settings, files, pool), files)
        leases, lease, moves = was, None, anchor not in ("", before)
        if moves:
            lease = None if before in given_up else _lease(was, before)
            leases = Leases(layout, anchor_of(anchor, layout, settings, files, pool), files)
        lease = max(lease, _lease(leases, anchor or before), key=_number)
        hosts = _Hosts(plans, pool, clock)
        held = hosts.say()
        with closing(Engine.open(layout, settings, what="lease take", clock=clock, files=files)) as engine:
            clone = leases.clone()
            if not moves and _is_ours(lease, clone, held):
                events = engine.adopt(_news(engine.state, hosts, layout.lab, held, clock()))
            else:
                number = max(engine.state.driver, _highest(lease, held) + 1)
                held = _followed(hosts, Driver(number, clone))
                why = f"{reason}; given up: {', '.join(given_up)}" if given_up else reason
                events = engine.adopt(_news(engine.state, hosts, layout.lab, held, clock()))
                by = f"driven from here: {clone} ({why})"
                engine.adopt([DriverTaken(at=clock(), actor="takeover", number=number, why=by)])
                leases.take(number, why, clock())
                if moves:
                    write_anchor(layout, files, anchor)
                    _tell(was, number, f"the lease lies on {anchor} now", clock())
            engine.render(clock(), force=True)
    return _words(hosts, layout.lab, held, events, given_up)


def survey(
    layout: Layout, settings: Settings, clock: Callable[[], datetime], given_up: Collection[str] = ()
) -> list[HostWord]:
    """What every host but those ``given_up`` says that it holds; nothing is changed. raises OutsideFailed"""
    plans = {n: host_plan(settings, n, layout.lab, layout.root) for n in settings.hosts if n not in given_up}
    with closing(connections(settings, layout, clock)) as pool:
        hosts = _Hosts(plans, pool, clock)
        return _words(hosts, layout.lab, hosts.say(), (), given_up)


def _lease(leases: Leases, anchor: str) -> Lease | None:
    """What lies on the anchor; raises OutsideFailed, StoreDamaged."""
    try:
        return leases.read()
    except OutsideFailed as error:
        why = error.message.removeprefix(f"{anchor}: ")
        hint = error.hint or f"without it: autolab lease move --to HOST --give-up {anchor} --reason ..."
        raise OutsideFailed(f"{anchor}, the lab's anchor, does not say who drives: {why}", hint=hint) from error


def _number(lease: Lease | None) -> int:
    return lease.number if lease is not None else 0


def _tell(leases: Leases, number: int, reason: str, now: datetime) -> None:
    """Leave word on the anchor before, for clones whose lab.json still names it; hosts refuse these in any case."""
    try:
        leases.take(number, reason, now)
    except (OutsideFailed, NotTheDriver) as error:
        log.warning("the anchor before was not told: %s", error.message)


def _is_ours(lease: Lease | None, clone: str, held: Holdings) -> bool:
    """This clone drives already, and no host follows another, or a number that a lost lease had."""
    others = any(one.driver and one.clone != clone for one in held.values())
    return lease is not None and lease.clone == clone and not others and lease.number >= _highest(lease, held)


def _highest(lease: Lease | None, held: Holdings) -> int:
    return max([_number(lease), *(one.driver for one in held.values())])


def _followed(hosts: _Hosts, driver: Driver) -> Holdings:
    """What they hold now that they start nothing for anybody else."""
    held = hosts.say(driver)
    for name, one in held.items():
        if (one.driver, one.clone) != (driver.number, driver.clone):
            raise NotTheDriver(
                f"{name} follows driver {one.driver} ({one.clone}) by now", hint="somebody takes the lease beside you"
            )
    return held


def _read(hosts: _Hosts, lab: str, held: Holdings) -> dict[str, tuple[list[adopt.Found], list[adopt.Strange]]]:
    return {name: adopt.read(hosts.plans[name], one, lab) for name, one in held.items()}


def _news(state: DispatchState, hosts: _Hosts, lab: str, held: Holdings, now: datetime) -> Iterator[Event]:
    read = _read(hosts, lab, held).values()
    yield from adopt.adopt(state, [one for found, _ in read for one in found], now)
    yield from adopt.beware(state, [one for _, strange in read for one in strange], now)


def _words(
    hosts: _Hosts, lab: str, held: Holdings, events: Collection[Event], given_up: Collection[str]
) -> list[HostWord]:
    runs = [(e.run.host, f"{e.id}.{e.attempt}") for e in events if isinstance(e, LaunchIntended)]
    said = [
        HostWord(name, len(there), tuple(run for host, run in runs if host == name), tuple(map(str, strange)))
        for name, (there, strange) in _read(hosts, lab, held).items()
    ]
    return [*said, *(HostWord(name, given_up=True) for name in given_up)]
