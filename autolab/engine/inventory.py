"""What hosts say of their cards, asked while something waits for one or runs on one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from autolab.engine.lanes import Lane, Lanes
from autolab.errors import AutolabError
from autolab.executors.executor import Executor
from autolab.model.card import CardReport
from autolab.model.plan import HostPlan

log = logging.getLogger(__name__)


class Inventory:
    """Asks in the hosts' lanes; what came of it is read at the next tick."""

    def __init__(self, executor: Callable[[str], Executor], lanes: Lanes) -> None:
        self._executor, self._lanes = executor, lanes
        self._asked: dict[str, datetime] = {}
        self._found: dict[str, CardReport] = {}
        self._lock = threading.Lock()
        self.next_at: datetime | None = None  # when the next question is due

    def ask(self, names: Iterable[str], plans: Mapping[str, HostPlan], now: datetime) -> None:
        """Ask these hosts, one question at a time each."""
        for name in names:
            self._asked[name] = now
            self._lanes.put(name, Lane.ACT, self._work(name, plans[name]))

    @property
    def asked(self) -> Mapping[str, datetime]:
        """Host -> when it was last asked."""
        return self._asked

    @property
    def found(self) -> dict[str, CardReport]:
        """What each host said last, of those that answered."""
        with self._lock:
            return dict(self._found)

    def _work(self, host: str, plan: HostPlan) -> Callable[[], None]:
        def work() -> None:
            try:
                report = self._executor(host).cards(plan.probe, plan.card_dir, (host,))
            except AutolabError as error:
                log.warning("the cards of %s are not known: %s", host, error.message)
                return
            with self._lock:
                self._found[host] = report

        return work
