"""Whether this clone sits at the wheel: known at once where the lease lies on this machine, asked where on a host."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Protocol

from autolab.errors import AutolabError, DiskFailed, OutsideFailed, StoreDamaged
from autolab.executors.executor import Executor
from autolab.store.lease import Lease, Leases, Standing, lease_of


class Seat(Protocol):
    """What an engine knows of the lease."""

    @property
    def known(self) -> bool:
        """Whether the anchor has been heard, or could not be."""
        ...

    def standing(self) -> Standing:
        """Where this clone stands, as far as is known now."""
        ...

    def due_at(self) -> datetime | None:
        """When the anchor is to be asked; None: never, or it is being asked."""
        ...

    def asking(self) -> Callable[[], None]:
        """The work of asking it, for a lane; it is not due again before that is done."""
        ...


class LocalSeat:
    """The lease lies here and is read whenever it matters: it may change hands while an engine runs."""

    known = True

    def __init__(self, leases: Leases, now: datetime) -> None:
        """Takes the lease where nobody ever did. raises StoreDamaged: it cannot be read"""
        self._leases = leases
        self._begun = leases.standing(now)

    def standing(self) -> Standing:
        return Standing(self._begun.number, self._begun.clone, self._leases.problem(self._begun.clone))

    def due_at(self) -> datetime | None:
        return None

    def asking(self) -> Callable[[], None]:
        raise AssertionError("never due")


class RemoteSeat:
    """The lease lies on a host. What that one confirmed holds until it says otherwise; before that, nothing starts.

    No answer takes nothing away: whoever takes the lease has every host follow a greater number first, and what this
    clone then still wants to start is refused there.
    """

    def __init__(
        self,
        leases: Leases,
        host: str,
        clock: Callable[[], datetime],
        again: timedelta,
        backoff: Sequence[timedelta],
    ) -> None:
        """``again``: between two questions; ``backoff``: after those that were not answered, the last repeats."""
        self._leases, self._host, self._clock, self._again, self._backoff = leases, host, clock, again, backoff
        self._lock = threading.Lock()
        self._standing = Standing(0, leases.clone(), f"{host} was not asked yet who drives this lab")
        self._due: datetime | None = clock()
        self._misses = 0
        self.known = False

    def standing(self) -> Standing:
        with self._lock:
            return self._standing

    def due_at(self) -> datetime | None:
        with self._lock:
            return self._due

    def asking(self) -> Callable[[], None]:
        with self._lock:
            self._due = None
        return self._ask

    def _ask(self) -> None:
        try:
            told = self._leases.standing(self._clock())
        except DiskFailed:
            raise
        except AutolabError as error:
            self._unanswered(error)
        else:
            with self._lock:
                self._standing, self._misses, self.known = told, 0, True
                self._due = self._clock() + self._again

    def _unanswered(self, error: AutolabError) -> None:
        with self._lock:
            wait = self._backoff[min(self._misses, len(self._backoff) - 1)]
            self._misses, self.known, self._due = self._misses + 1, True, self._clock() + wait
            if not self._standing.number or not isinstance(error, OutsideFailed):
                why = error.message.removeprefix(f"{self._host}: ")
                problem = f"{self._host} does not say who drives this lab, and nothing is launched until it does: {why}"
                self._standing = Standing(0, self._standing.clone, problem)


class HostAnchor:
    """The lease in a host's state folder, taken there by a link that only one clone can make."""

    def __init__(self, executor: Callable[[], Executor], host: str, folder: str) -> None:
        """``folder``: the lab's on that host; nothing is asked yet."""
        self._executor, self._host, self._folder = executor, host, folder

    def read(self) -> Lease | None:
        return self._lease(*self._executor().lease(self._folder))

    def write(self, lease: Lease) -> Lease:
        written = self._lease(*self._executor().lease(self._folder, lease.number, json.dumps(asdict(lease))))
        assert written is not None
        return written

    def _lease(self, number: int, line: str) -> Lease | None:
        if not number:
            return None
        where = f"{self._host}: {self._folder}/lease/{number}"
        try:
            document = json.loads(line)
        except ValueError as error:
            raise StoreDamaged(f"{where} cannot be read: {error}") from error
        if not isinstance(document, dict):
            raise StoreDamaged(f"{where} holds no object")
        return lease_of({**document, "number": number}, where)


class NoAnchor:
    """The anchor that lab.json names and autolab.yaml does not."""

    def __init__(self, host: str) -> None:
        self._host = host

    def read(self) -> Lease | None:
        raise self._missing()

    def write(self, lease: Lease) -> Lease:
        raise self._missing()

    def _missing(self) -> OutsideFailed:
        return OutsideFailed(
            f"{self._host}: dispatch/lab.json says that the lease lies there, and autolab.yaml does not name that host",
            hint=f"put it back, or `autolab lease move --to HOST --give-up {self._host} --reason ...`",
        )
