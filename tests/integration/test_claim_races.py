"""Stage, start and fence against each other, many times: the command runs once or never, and everyone agrees which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from autolab.executors.dialects.dialect import Seen
from autolab.model.action import Driver, StageOrder
from tests.bench import DRIVER, Bench, until

ROUNDS = 200


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    until(lambda: not bench.processes())


def raced(*calls: Callable[[], dict[str, Seen]]) -> None:
    """All ``calls`` at the same moment."""
    barrier = Barrier(len(calls))

    def go(call: Callable[[], dict[str, Seen]]) -> None:
        barrier.wait()
        call()

    with ThreadPoolExecutor(len(calls)) as pool:
        list(pool.map(go, calls))


def orders(bench: Bench) -> list[StageOrder]:
    return [bench.order(f"e{n:03}", f"echo e{n:03} >>'{bench.ledger}'") for n in range(ROUNDS)]


@pytest.mark.rule("P20")
@pytest.mark.timeout(300)
def test_a_fence_and_a_start_never_both_win(bench: Bench) -> None:
    wanted = orders(bench)
    jobs = bench.staged(*wanted)
    for job in jobs:
        raced(lambda: bench.executor.start([job], DRIVER), lambda: bench.executor.fence([job]))  # noqa: B023
    until(lambda: all(one.fenced or one.exit for one in bench.executor.look(jobs).values()))
    seen = bench.executor.look(jobs)
    ran = sorted(id for id, one in seen.items() if one.exit)
    assert sorted(bench.lines()) == ran
    assert not any(one.fenced and (one.claim or one.exit) for one in seen.values())


@pytest.mark.rule("P20")
@pytest.mark.timeout(300)
def test_a_fence_and_a_late_packet_of_staging_never_both_make_the_folder(bench: Bench) -> None:
    wanted = orders(bench)[: ROUNDS // 2]
    bench.staged(bench.order("warm"))
    for order in wanted:
        raced(lambda: bench.executor.stage([order]), lambda: bench.executor.fence([order.job]))  # noqa: B023
    jobs = [order.job for order in wanted]
    seen = bench.executor.start(jobs, DRIVER)
    assert all(one.fenced and one.exit is None for one in seen.values())
    assert bench.lines() == []
    assert not [path for path in Path(jobs[0].dir).parents[1].iterdir() if path.name.startswith(".stage")]


@pytest.mark.timeout(300)
def test_two_drivers_at_once_leave_one_that_is_followed(bench: Bench) -> None:
    for number in range(1, 60, 2):
        (job,) = bench.staged(bench.order(f"n{number}", "true"))
        raced(
            lambda: bench.executor.start([job], Driver(number + 1, "b")),  # noqa: B023
            lambda: bench.executor.start([job], Driver(number, "a")),  # noqa: B023
        )
        until(lambda: bench.see(job).exit)  # noqa: B023
    folder = Path(job.dir).parents[1] / "driver"
    assert max(int(path.name) for path in folder.iterdir() if path.name.isdigit()) == 60
