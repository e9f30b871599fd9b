"""One connection per host, and how many logins an hour holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from autolab.hosts.local import LocalConnection
from autolab.hosts.pool import LoginBudget, PersonsLogins, Pool, ShortMemory

T0 = datetime(2030, 1, 1, tzinfo=UTC)


def pool_of(asked: dict[str, Callable[[], bool]], per_hour: int = 2) -> Pool:
    """A pool of local connections that notes, by host, what its connections ask before a login."""

    def connect(host: str, may_log_in: Callable[[], bool]) -> LocalConnection:
        asked[host] = may_log_in
        return LocalConnection(host)

    return Pool(connect, clock=lambda: T0, budget=LoginBudget(per_hour))


def test_a_host_has_one_connection_however_often_it_is_asked_for() -> None:
    pool = pool_of({})
    assert pool.connection("gpu7") is pool.connection("gpu7")
    assert pool.connection("gpu8") is not pool.connection("gpu7")


def test_each_host_has_a_login_budget_of_its_own() -> None:
    asked: dict[str, Callable[[], bool]] = {}
    pool = pool_of(asked)
    pool.connection("gpu7")
    pool.connection("gpu8")
    assert [asked["gpu7"]() for _ in range(3)] == [True, True, False]
    assert asked["gpu8"]()
    assert (pool.logins("gpu7", T0), pool.logins("gpu8", T0), pool.logins("gpu9", T0)) == (2, 1, 0)


def test_a_login_counts_for_an_hour() -> None:
    budget = LoginBudget(1)
    assert budget.take("gpu7", T0)
    assert not budget.take("gpu7", T0 + timedelta(minutes=59))
    assert budget.take("gpu7", T0 + timedelta(minutes=60))


def test_a_login_for_a_person_is_counted_and_never_refused() -> None:
    ledger = ShortMemory()
    person, budget = PersonsLogins(ledger), LoginBudget(1, ledger=ledger)
    assert [person.take("gpu7", T0), person.take("gpu7", T0)] == [True, True]
    assert (person.logins("gpu7", T0), budget.logins("gpu7", T0)) == (2, 2)
    assert not budget.take("gpu7", T0)


def test_a_closed_pool_answers_again_when_asked() -> None:
    pool = pool_of({})
    connection = pool.connection("gpu7")
    pool.close()
    assert pool.connection("gpu7") is connection


def test_a_host_may_have_a_budget_of_its_own() -> None:
    budget = LoginBudget(1, {"busy": 2})
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert [budget.take("busy", now) for _ in range(3)] == [True, True, False]
    assert [budget.take("other", now) for _ in range(2)] == [True, False]
