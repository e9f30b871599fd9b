"""Which cards a host has, asked of the host where the settings say ``gpus: auto`` and something wants one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from autolab.engine.lanes import Lane, Lanes
from autolab.errors import AutolabError
from autolab.executors.executor import Executor
from autolab.model.plan import HostPlan

log = logging.getLogger(__name__)

AGAIN: Final = timedelta(minutes=10)  # cards come and go with drivers and reboots, not by the minute


class Inventory:
    """Asks in the hosts' lanes; what came of it is read at the next tick."""

    def __init__(self, executor: Callable[[str], Executor], lanes: Lanes) -> None:
        self._executor, self._lanes = executor, lanes
        self._asked: dict[str, datetime] = {}
        self._found: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def ask(self, plans: Mapping[str, HostPlan], now: datetime) -> None:
        """Ask each host that is to find out by itself, if that was not done lately."""
        for name, plan in plans.items():
            if plan.gpus is None and now - self._asked.get(name, now - AGAIN) >= AGAIN:
                self._asked[name] = now
                self._lanes.put(name, Lane.ACT, self._work(name, plan.run_root.rpartition("/")[0]))

    @property
    def found(self) -> dict[str, tuple[str, ...]]:
        """Indices by host, of those that answered."""
        with self._lock:
            return dict(self._found)

    def _work(self, host: str, state_dir: str) -> Callable[[], None]:
        def work() -> None:
            try:
                cards = self._executor(host).probe(state_dir).host.gpus
            except AutolabError as error:
                log.warning("the cards of %s are not known: %s", host, error.message)
                return
            with self._lock:
                self._found[host] = cards or ()

        return work
