"""How many log in to one address at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from autolab.errors import HostUnreachable
from autolab.hosts.login import LOGINS_AT_ONCE, Doors


@pytest.mark.rule("N11")
def test_three_log_in_to_an_address_at_once_and_the_others_follow() -> None:
    doors = Doors()
    inside: list[int] = []
    most: list[int] = []
    together = threading.Barrier(LOGINS_AT_ONCE)

    def log_in(number: int) -> None:
        with doors.through("gpu7:22", 10):
            inside.append(number)
            most.append(len(inside))
            together.wait(10)
            inside.remove(number)

    with ThreadPoolExecutor(9) as threads:
        list(threads.map(log_in, range(9)))
    assert max(most) == LOGINS_AT_ONCE


@pytest.mark.rule("N11")
def test_who_finds_no_place_in_time_has_not_reached_the_host_and_other_hosts_are_not_kept_waiting() -> None:
    doors = Doors()
    with ExitStack() as under_way:
        for _ in range(LOGINS_AT_ONCE):
            under_way.enter_context(doors.through("gpu7:22", 0))
        under_way.enter_context(doors.through("gpu8:22", 0))
        with pytest.raises(HostUnreachable, match="still under way"):
            under_way.enter_context(doors.through("gpu7:22", 0))
