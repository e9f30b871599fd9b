"""The parts of an engine and how they are wired: who is given what, in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autolab.engine.check_orders import CheckOrders, Environments
from autolab.engine.checking import Checker, Ways
from autolab.engine.chronicle import Chronicle
from autolab.engine.history import History
from autolab.engine.inventory import Inventory
from autolab.engine.lanes import Lanes
from autolab.engine.means import Means, Planning
from autolab.engine.pace import Pace
from autolab.engine.perform import Performer
from autolab.engine.plan import patience_of, policies_of
from autolab.engine.publish import Publisher
from autolab.engine.record import Record
from autolab.engine.skims import Skims
from autolab.engine.telling import Telling
from autolab.engine.views import Views
from autolab.engine.voices import Voices
from autolab.engine.watcher import Watcher
from autolab.engine.wheel import Wheel
from autolab.store.files import Files
from autolab.store.git import Git
from autolab.store.hashes import lab_key
from autolab.store.origins import Origins
from autolab.store.snapshot import CodeSnapshots


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Snapshots to pace observe, lanes to skims act, the rest writes for people and for the next engine."""

    snapshots: CodeSnapshots
    watcher: Watcher
    wheel: Wheel
    inventory: Inventory
    planning: Planning
    pace: Pace
    lanes: Lanes
    performer: Performer
    checker: Checker
    skims: Skims
    voices: Voices
    chronicle: Chronicle
    telling: Telling
    history: History


def parts_of(means: Means, record: Record, files: Files, wake: Callable[[], None]) -> Parts:
    """The parts of the engine that holds ``record``; nothing is read or asked yet but the lab's key.

    wake  called from other threads when there may be news
    """
    layout, settings, clock = means.layout, means.settings, means.clock
    key = lab_key(layout, files)
    git = Git(layout.root, settings.git.within.total_seconds()) if layout.common is not None else None
    origins = Origins(git) if git is not None else None
    lanes = Lanes(wake)
    voices = Voices(layout, files, key, lambda: patience_of(means.settings))
    snapshots = CodeSnapshots(layout, files, git)
    watcher = Watcher(layout, files, key, voices, snapshots, origins, lambda: means.settings)
    wheel = Wheel(means.lab.seat, lanes)
    planning = Planning(means, wheel, watcher, Environments(layout, files, settings))
    ways = Ways(means.lab.pool.connection, means.executor)
    views = Views(layout, files, record.journal, git, settings.git.every)
    return Parts(
        snapshots=snapshots,
        watcher=watcher,
        wheel=wheel,
        inventory=Inventory(means.executor, lanes),
        planning=planning,
        pace=Pace(policies_of(settings)),
        lanes=lanes,
        performer=Performer(means.executor, means.orders, voices, Publisher(layout, files), lanes, clock),
        checker=Checker(ways, lambda: CheckOrders(means.orders()), lanes, clock),
        skims=Skims(means.executor, means.orders, voices, lanes, clock),
        voices=voices,
        chronicle=Chronicle(layout, files),
        telling=Telling(layout, files, lanes, clock, lambda: means.settings),
        history=History(views, means, planning, git, lanes),
    )
