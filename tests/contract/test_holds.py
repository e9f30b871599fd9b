"""What a host says it holds of a lab, in every shell and with busybox's tools alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from autolab.errors import CommandFailed, UnreadableReply
from autolab.executors.dialects.process import Process
from autolab.model.action import Driver
from autolab.model.command import Reply
from autolab.model.holding import Holding
from autolab.model.observation import Look
from tests.bench import DRIVER, LAB, SHELLS, Bench, until

OTHER = Driver(2, "clone-b")


@pytest.fixture(params=SHELLS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A host of each kind; nothing of ours may be left running on it."""
    if request.param in {"busybox", "applets"} and not shutil.which("busybox"):
        pytest.skip("busybox is missing")
    bench = Bench(tmp_path / "a b", request.param)
    yield bench
    until(lambda: not bench.processes())


def lab_dir(bench: Bench) -> str:
    return f"{bench.state}/{LAB[:8]}"


def test_a_host_that_never_heard_of_the_lab_holds_nothing_and_makes_nothing(bench: Bench) -> None:
    assert bench.executor.holds(lab_dir(bench)) == Holding()
    assert not bench.state.exists()


def test_every_attempt_is_told_with_its_document_and_who_is_followed(bench: Bench) -> None:
    bench.ended(bench.run("one"))
    bench.staged(bench.order("two", attempt=10), bench.order("two", attempt=9))
    bench.executor.fence([bench.order("never").job])
    for name in ("a b", "one/a0", "one/ax", "link"):
        Path(lab_dir(bench), name).mkdir(exist_ok=True)
    Path(lab_dir(bench), "one/a7").symlink_to(Path(lab_dir(bench), "one/a1"))
    held = bench.executor.holds(lab_dir(bench))
    assert held == Holding(1, "clone-a", dict.fromkeys(("one/a1", "two/a10", "two/a9"), b'{"spec": 1}'))


def test_after_a_host_follows_another_driver_the_old_one_starts_nothing(bench: Bench) -> None:
    bench.ended(bench.run("one"))
    (job,) = bench.staged(bench.order("two", cmd=f"echo ran >>'{bench.ledger}'"))
    held = bench.executor.holds(lab_dir(bench), OTHER)
    assert (held.driver, held.clone, sorted(held.documents)) == (2, "clone-b", ["one/a1", "two/a1"])
    assert bench.executor.start([job], DRIVER)["two"].look is Look.NOT_DRIVER
    assert bench.lines() == []
    assert bench.executor.holds(lab_dir(bench), DRIVER).clone == "clone-b"


def test_a_folder_that_is_no_folder_is_not_taken_for_an_empty_one(bench: Bench) -> None:
    bench.state.mkdir()
    Path(lab_dir(bench)).write_text("")
    with pytest.raises(CommandFailed, match="cannot be entered"):
        bench.executor.holds(lab_dir(bench))


def test_half_an_answer_is_no_answer(bench: Bench) -> None:
    bench.ended(bench.run("one"))
    dialect = Process()
    whole = bench.connection.ask(dialect.holds(lab_dir(bench), None))
    assert dialect.read_holds(whole).documents
    archive = whole.out.index(b"\nfiles\n") + len(b"\nfiles\n")
    for size in (0, 9, archive - 2, archive, archive + 100, archive + 515):
        with pytest.raises(UnreadableReply):
            dialect.read_holds(Reply(whole.out[:size], 0))
    with pytest.raises(UnreadableReply, match="nothing that was asked"):
        dialect.read_holds(Reply(whole.out.replace(b"holds one", b"keeps one"), 0))
