"""The connections of a process, one per host, and how often each host was logged in to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from autolab.hosts.connection import Connection

BUDGET_WINDOW = timedelta(hours=1)


class Ledger(Protocol):
    """Where logins are kept, so that they count in the next process too."""

    def logins(self, host: str, since: datetime) -> int:
        """How many ``host`` saw after ``since``."""
        ...

    def add(self, host: str, at: datetime) -> None: ...


class ShortMemory:
    """A ledger that ends with its process."""

    def __init__(self) -> None:
        self._at: list[tuple[str, datetime]] = []

    def logins(self, host: str, since: datetime) -> int:
        return sum(name == host and at > since for name, at in self._at)

    def add(self, host: str, at: datetime) -> None:
        self._at.append((host, at))


class Budget(Protocol):
    """Asked before each login."""

    def logins(self, host: str, now: datetime) -> int:
        """Logins on ``host`` within the hour before ``now``."""
        ...

    def take(self, host: str, now: datetime) -> bool:
        """Whether one more may be; it is counted then."""
        ...


class LoginBudget:
    """How many logins hosts saw within the last hour, and whether one more fits. No clock of its own."""

    def __init__(
        self, per_hour: int = 60, of_hosts: Mapping[str, int] | None = None, ledger: Ledger | None = None
    ) -> None:
        """``of_hosts``: the number for hosts that have one of their own; ``ledger``: default, this process's memory."""
        self._per_hour, self._of_hosts = per_hour, dict(of_hosts or {})
        self._ledger = ledger or ShortMemory()
        self._lock = threading.Lock()

    def logins(self, host: str, now: datetime) -> int:
        with self._lock:
            return self._ledger.logins(host, now - BUDGET_WINDOW)

    def take(self, host: str, now: datetime) -> bool:
        """Count one more login, if it fits."""
        with self._lock:
            fits = self._ledger.logins(host, now - BUDGET_WINDOW) < self._of_hosts.get(host, self._per_hour)
            if fits:
                self._ledger.add(host, now)
            return fits


class PersonsLogins:
    """Logins that nobody may refuse, because a person asked for them; they count all the same."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def logins(self, host: str, now: datetime) -> int:
        return self._ledger.logins(host, now - BUDGET_WINDOW)

    def take(self, host: str, now: datetime) -> bool:
        self._ledger.add(host, now)
        return True


class Pool:
    """One connection per host, made when first asked for. Safe to use from several threads."""

    def __init__(
        self,
        connect: Callable[[str, Callable[[], bool]], Connection],
        clock: Callable[[], datetime],
        budget: Budget,
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
