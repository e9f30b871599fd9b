"""Work on hosts in two lanes each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from autolab.engine.lanes import Lane, Lanes
from tests.labhosts import until

SOON = 10.0


class Gate:
    """Work that says that it began, and ends when it is let go."""

    def __init__(self) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.began.set()
        assert self.may_end.wait(SOON)


@pytest.fixture
def ended() -> threading.Semaphore:
    """Released once for each piece of work that ended."""
    return threading.Semaphore(0)


@pytest.fixture
def lanes(ended: threading.Semaphore) -> Iterator[Lanes]:
    lanes = Lanes(ended.release)
    yield lanes
    lanes.close()


def no_work() -> None:
    pass


def test_the_acting_lane_does_one_thing_after_another_in_order(lanes: Lanes, ended: threading.Semaphore) -> None:
    done: list[int] = []
    at_once = threading.Semaphore(1)

    def work(number: int) -> Callable[[], None]:
        def do() -> None:
            assert at_once.acquire(blocking=False)
            done.append(number)
            at_once.release()

        return do

    for number in range(100):
        lanes.put("h1", Lane.ACT, work(number))
    lanes.finish("h1", SOON)
    assert done == list(range(100))
    assert lanes.full(Lane.ACT) == frozenset()  # which would raise what failed


def test_three_looks_are_open_at_a_time_and_no_fourth(lanes: Lanes, ended: threading.Semaphore) -> None:
    gates = [Gate() for _ in range(4)]
    for gate in gates[:2]:
        lanes.put("h1", Lane.LOOK, gate)
    assert lanes.full(Lane.LOOK) == frozenset()
    for gate in gates[2:]:
        lanes.put("h1", Lane.LOOK, gate)
    assert lanes.full(Lane.LOOK) == {"h1"}
    assert all(gate.began.wait(SOON) for gate in gates[:3])
    assert not gates[3].began.is_set()
    gates[0].may_end.set()
    assert gates[3].began.wait(SOON)
    for gate in gates:
        gate.may_end.set()
    lanes.finish("h1", SOON)
    assert lanes.open == 0


def test_an_open_look_or_another_host_holds_up_no_act(lanes: Lanes, ended: threading.Semaphore) -> None:
    look, act = Gate(), Gate()
    lanes.put("h1", Lane.LOOK, look)
    lanes.put("h2", Lane.ACT, act)
    lanes.put("h1", Lane.ACT, no_work)
    assert ended.acquire(timeout=SOON)
    assert (lanes.full(Lane.ACT), lanes.open) == ({"h2"}, 2)
    look.may_end.set()
    act.may_end.set()


def test_what_a_lane_could_not_handle_is_raised_to_the_loop(lanes: Lanes, ended: threading.Semaphore) -> None:
    def fail() -> None:
        raise OSError("the disk is gone")

    lanes.put("h1", Lane.ACT, fail)
    assert ended.acquire(timeout=SOON)
    for lane in Lane:
        with pytest.raises(OSError, match="the disk is gone"):
            lanes.full(lane)


def test_the_first_failure_is_the_one_that_is_raised_and_the_lane_goes_on(
    lanes: Lanes, ended: threading.Semaphore
) -> None:
    def fail(why: str) -> Callable[[], None]:
        def do() -> None:
            raise OSError(why)

        return do

    did = threading.Event()
    for work in (fail("first"), fail("second"), did.set):
        lanes.put("h1", Lane.ACT, work)
    assert did.wait(SOON)
    with pytest.raises(OSError, match="first"):
        lanes.full(Lane.ACT)


def test_finishing_waits_for_that_host_alone_and_no_longer_than_it_may(
    lanes: Lanes, ended: threading.Semaphore
) -> None:
    here, there = Gate(), Gate()
    lanes.put("h1", Lane.ACT, here)
    lanes.put("h2", Lane.ACT, there)
    lanes.finish("h1", 0.01)
    assert lanes.open == 2
    waiting = threading.Thread(target=lanes.finish, args=("h1", SOON))
    waiting.start()
    here.may_end.set()
    waiting.join(SOON)
    assert not waiting.is_alive()
    assert lanes.open == 1
    there.may_end.set()


def test_closed_lanes_leave_no_thread(lanes: Lanes, ended: threading.Semaphore) -> None:
    name = "host-of-this-test"
    for lane in Lane:
        lanes.put(name, lane, no_work)
    lanes.close()
    until(lambda: not [t for t in threading.enumerate() if t.name.startswith(name)], "the lanes' threads have ended")
