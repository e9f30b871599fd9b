"""A second look costs a word for each attempt that runs as before, and tells in full whatever is not as it was."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from autolab.executors.executor import Executor
from autolab.hosts.connection import Connection
from autolab.model.action import Job
from autolab.model.command import Reply, Request
from autolab.model.observation import Liveness, Look
from tests.bench import SHELLS, Bench, until


class Overheard:
    """A connection and the last answer over it."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self.host = connection, connection.host
        self.reply = Reply(b"", 0)

    def ask(self, request: Request, into: BinaryIO | None = None) -> Reply:
        self.reply = self._connection.ask(request, into)
        return self.reply

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(params=SHELLS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param in {"busybox", "applets"} and not shutil.which("busybox"):
        pytest.skip("busybox is missing")
    bench = Bench(tmp_path / "a b", request.param, grace_s=2)
    yield bench
    until(lambda: not bench.processes())


def test_a_second_look_tells_in_full_only_what_changed(bench: Bench) -> None:
    wire = Overheard(bench.connection)
    host = Executor(wire, bench.dialect, bench.clock)
    names = ("still", "ended", "orphan", "forged", "gone", "pipe")
    jobs = {id: bench.run(id, f"echo; while [ ! -e '{bench.root}/{id}' ]; do sleep 0.05; done; exit 4") for id in names}
    first = host.look(list(jobs.values()))
    assert all(one.runs for one in first.values())
    until(lambda: all(one.log_size == 1 for one in host.look(list(jobs.values())).values()))
    again = host.look(list(jobs.values()))
    assert {id: one.claim for id, one in again.items()} == {id: one.claim for id, one in first.items()}
    assert all(one.look is Look.SEEN and one.at > first[id].at for id, one in again.items())
    assert wire.reply.out.count(b"\nsame ") == len(names)
    assert b"claim" not in wire.reply.out

    claims = {id: one.claim for id, one in first.items() if one.claim}
    (bench.root / "ended").touch()
    os.kill(claims["orphan"].runner_pid, signal.SIGKILL)
    forge(jobs["forged"])
    Path(jobs["gone"].dir, "claim").unlink()
    os.mkfifo(f"{jobs['pipe'].dir}/exit.{claims['pipe'].nonce}.json")
    bench.ended(jobs["ended"])
    seen = host.look(list(jobs.values()), hold_s=5)
    assert wire.reply.out.count(b"\nsame ") == 1
    assert (seen["still"].claim, seen["still"].runs) == (first["still"].claim, True)
    assert seen["ended"].exit is not None
    assert (seen["orphan"].child, seen["orphan"].runner) == (Liveness.ALIVE, Liveness.GONE)
    assert seen["forged"].claim is not None
    assert seen["forged"].claim.nonce != claims["forged"].nonce
    assert (seen["gone"].run, seen["gone"].claim) == (True, None)
    assert (seen["pipe"].exit, bool(seen["pipe"].garbled)) == (None, True)
    for claim in claims.values():
        end(claim.pid, claim.runner_pid)


def forge(job: Job) -> None:
    """Another's claim, of the same length, in the place of the first."""
    path = Path(job.dir, "claim")
    record = json.loads(path.read_text()) | {"nonce": "f" * 32}
    path.unlink()
    path.write_text(json.dumps(record, separators=(",", ":")) + "\n")


def end(*pids: int) -> None:
    for pid in pids:
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def test_a_look_that_stays_open_waits_for_those_that_run_as_before(bench: Bench) -> None:
    gate = bench.root / "gate"
    jobs = [
        bench.run("quick", f"while [ ! -e '{gate}' ]; do sleep 0.05; done"),
        bench.run("slow", f"while [ ! -e '{gate}.2' ]; do sleep 0.05; done"),
    ]
    bench.executor.look(jobs)
    gate.touch()
    seen = bench.executor.look(jobs, hold_s=20)
    assert seen["quick"].exit is not None
    assert seen["slow"].runs
    Path(f"{gate}.2").touch()
    assert bench.executor.look(jobs, hold_s=20)["slow"].exit is not None
