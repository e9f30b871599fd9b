"""What hosts say of their cards, asked while something waits for one or runs on one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from autolab.engine.lanes import Lane, Lanes
from autolab.errors import AutolabError
from autolab.executors.executor import Executor
from autolab.model.card import CardReport
from autolab.model.plan import HostPlan, LabPlan
from autolab.model.state import DispatchState, Status
from autolab.rules.cards import to_ask
from autolab.rules.dispatch import is_due
from autolab.rules.hosts import may_ask

log = logging.getLogger(__name__)


class Inventory:
    """Asks in the hosts' lanes; what came of it is read at the next tick."""

    def __init__(self, executor: Callable[[str], Executor], lanes: Lanes) -> None:
        self._executor, self._lanes = executor, lanes
        self._asked: dict[str, datetime] = {}
        self._found: dict[str, CardReport] = {}
        self._lock = threading.Lock()
        self.next_at: datetime | None = None  # when the next question is due

    def round(self, state: DispatchState, plan: LabPlan, now: datetime) -> dict[str, CardReport]:
        """Ask the hosts that are due, one question at a time each; what each host said last, of those that answered."""
        pending = (e for e in state.entries.values() if e.status is Status.PENDING and e.spec.resources.gpus)
        asking = to_ask(state, plan, self._asked, (e for e in pending if is_due(state, e, now)), now)
        for name in asking.now - self._lanes.full(Lane.ACT):
            if may_ask(state.hosts.get(name), now):
                self._asked[name] = now
                self._lanes.put(name, Lane.ACT, self._work(name, plan.hosts[name]))
        self.next_at = asking.next_at
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
