"""How often a host is looked at: every 10 s while something happens there, relaxing to two minutes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from autolab.model.action import Action, Watch
from autolab.model.event import Event
from autolab.model.plan import HostPlan, Policies
from autolab.model.state import DispatchState

RELAX = 1.5


class Pace:
    """Clocks of one engine; lost with it, which costs one early look."""

    def __init__(self, policies: Policies | None = None) -> None:
        self._policies = policies or Policies()
        self._next: dict[str, datetime] = {}
        self._step: dict[str, float] = {}

    def due(self, hosts: Iterable[str] | Mapping[str, HostPlan], now: datetime) -> frozenset[str]:
        """Hosts that were never looked at, or long enough ago."""
        return frozenset(host for host in hosts if self._next.get(host, now) <= now)

    def looked(self, actions: Iterable[Action], now: datetime) -> None:
        """A look goes out: the next one after a step that grows while nothing happens."""
        for action in actions:
            if isinstance(action, Watch):
                step = self._step.get(action.host, self._policies.look_s)
                self._next[action.host] = now + timedelta(seconds=step)
                self._step[action.host] = min(step * RELAX, self._policies.look_max_s)

    def happened(self, events: Iterable[Event], state: DispatchState) -> None:
        """Something happened on these hosts: look often again."""
        for event in events:
            entry = state.entries.get(event.id)
            if entry is not None and entry.run is not None:
                self._step[entry.run.host] = self._policies.look_s

    def next_due(self, state: DispatchState, watched: Mapping[str, int]) -> datetime | None:
        """When the next look is due of what runs and no open look covers."""
        hosts = {
            run.host
            for entry in state.entries.values()
            if (run := entry.open_run) is not None and (run.claim or run.starts) and entry.id not in watched
        }
        return min((at for host, at in self._next.items() if host in hosts), default=None)
