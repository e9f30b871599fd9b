"""The connections of a process, one per host, and how often each host was logged in to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from autolab.hosts.connection import Connection

BUDGET_WINDOW = timedelta(hours=1)


class LoginBudget:
    """How many logins hosts saw within the last hour, and whether one more fits. No clock of its own."""

    def __init__(self, per_hour: int = 60, of_hosts: Mapping[str, int] | None = None) -> None:
        """``of_hosts``: the number for hosts that have one of their own."""
        self._per_hour, self._of_hosts = per_hour, dict(of_hosts or {})
        self._at: dict[str, list[datetime]] = {}
        self._lock = threading.Lock()

    def logins(self, host: str, now: datetime) -> int:
        """Logins on ``host`` within the hour before ``now``."""
        with self._lock:
            return len(self._recent(host, now))

    def take(self, host: str, now: datetime) -> bool:
        """Count one more login, if it fits."""
        with self._lock:
            recent = self._recent(host, now)
            fits = len(recent) < self._of_hosts.get(host, self._per_hour)
            self._at[host] = [*recent, now] if fits else recent
            return fits

    def count(self, host: str, now: datetime) -> None:
        """Count a login that nobody may refuse, such as a person's command."""
        with self._lock:
            self._at[host] = [*self._recent(host, now), now]

    def _recent(self, host: str, now: datetime) -> list[datetime]:
        return [at for at in self._at.get(host, []) if now - at < BUDGET_WINDOW]


class Pool:
    """One connection per host, made when first asked for. Safe to use from several threads."""

    def __init__(
        self,
        connect: Callable[[str, Callable[[], bool]], Connection],
        clock: Callable[[], datetime],
        budget: LoginBudget,
    ) -> None:
        """Connects to nothing yet.

        connect  from a host's name, and what to ask before each login, to its connection
        clock    the time, UTC
        """
        self._connect = connect
        self.clock = clock
        self._budget = budget
        self._connections: dict[str, Connection] = {}
        self._lock = threading.Lock()

    def connection(self, host: str) -> Connection:
        """The host's connection, always the same one; whatever ``connect`` raises for a host it does not know."""
        with self._lock:
            if host not in self._connections:
                self._connections[host] = self._connect(host, lambda: self._budget.take(host, self.clock()))
            return self._connections[host]

    def logins(self, host: str, now: datetime) -> int:
        """Logins on ``host`` within the hour before ``now``."""
        return self._budget.logins(host, now)

    def close(self) -> None:
        """Close every connection; they open again when asked."""
        with self._lock:
            connections = list(self._connections.values())
        for connection in connections:
            connection.close()
