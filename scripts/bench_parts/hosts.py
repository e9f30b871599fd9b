"""Hosts over SSH: a look at a thousand running jobs, and a thousand jobs that do nothing, to their recorded ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from autolab.engine.engine import Engine
from autolab.engine.running import serve
from autolab.executors.dialects.process import Process
from autolab.executors.executor import Executor
from autolab.hosts.ssh import SshConnection
from autolab.model.action import Code, Driver, Job, StageOrder
from autolab.model.event import Added
from autolab.model.state import TERMINAL, DispatchState, Spec
from bench_parts.biglab import LAB, folder, now
from bench_parts.measure import Plan, Row, alternate
from tests.labhosts import LabHosts
from tests.labs import SmallLab

JOBS, PER_HOST = 1_000, 100


def look(plan: Plan) -> Iterator[Row]:
    """A look at 1,000 running jobs on 10 hosts, connections open on both sides."""
    with folder() as path, LabHosts(JOBS // PER_HOST) as hosts, ThreadPoolExecutor(16) as pool:
        archive = _archive(path)
        parts = {name: _jobs_on(hosts, name, archive) for name in hosts.names}
        for _ in pool.map(_launch, parts.values()):
            pass
        masters = [_master(hosts, name, path) for name in hosts.names]

        def ask() -> None:
            for seen in pool.map(lambda part: part[0].look(part[2]), parts.values()):
                assert sum(one.claim is not None and one.exit is None for one in seen.values()) == PER_HOST

        def bare() -> None:
            calls = [subprocess.Popen([*words, "true"], stdin=subprocess.DEVNULL) for words in masters]
            assert all(call.wait() == 0 for call in calls)

        try:
            times = alternate(plan.rounds, {"autolab": ask, "ten bare ssh calls": bare})
        finally:
            for words in masters:
                subprocess.run([*words, "-O", "exit"], capture_output=True, check=False)
    yield Row(
        f"a look at {JOBS:,} running jobs on {len(parts)} hosts",
        times,
        {"ten bare ssh calls": 2.0},
        settings=(
            "autolab: 10 requests at once, one a host",
            "ssh: ControlMaster open, all ten `ssh HOST true` at once",
        ),
    )


def _master(hosts: LabHosts, name: str, path: Path) -> list[str]:
    words = ["ssh", "-F", str(hosts.config), "-o", f"ControlPath={path}/{name}.mux", name]
    subprocess.run([*words[:-1], "-o", "ControlMaster=yes", "-fN", name], check=True)
    return words


def _archive(path: Path) -> Path:
    (path / "train.py").write_text("print('hello')\n")
    with tarfile.open(path / "code.tar", "w") as tar:
        tar.add(path / "train.py", "train.py")
    return path / "code.tar"


Part = tuple[Executor, list[StageOrder], list[Job]]


def _jobs_on(hosts: LabHosts, name: str, archive: Path) -> Part:
    home = hosts.user.pw_dir if hosts.isolated else str(hosts.home_of(name))
    state = f"{home}/state/{LAB[:8]}"
    jobs = [
        Job(LAB, f"{name}-{n}", 1, f"{state}/{name}-{n}/a1", "alabcdefghijkl", "f00d", f"{home}/project", None, 0)
        for n in range(PER_HOST)
    ]
    code = Code("d1", f"{state}/code/d1", archive, {})
    orders = [StageOrder(job, code, "sleep 900\n", {}, "{}") for job in jobs]
    return Executor(SshConnection(name, name, hosts.config), Process(), now), orders, jobs


def _launch(part: Part) -> None:
    executor, orders, jobs = part
    staged = executor.stage(orders)
    assert all(one.staged_boot for one in staged.values()), staged
    executor.start(jobs, Driver(1, "bench"))
    ends_at = time.monotonic() + 60
    while not all(one.claim for one in executor.look(jobs).values()):
        assert time.monotonic() < ends_at, "not all began"
        time.sleep(0.2)


def throughput(plan: Plan) -> Iterator[Row]:
    """1,000 jobs that do nothing on 4 hosts with 8 slots each, until the last end is recorded."""
    rounds = min(plan.rounds, int(os.environ.get("BENCH_PARALLEL_ROUNDS", plan.rounds)))
    with folder() as path, LabHosts(4) as hosts:
        count = iter(range(1_000_000))
        sides: dict[str, Callable[[], float | None]] = {"autolab": lambda: _lab_run(path / f"lab{next(count)}", hosts)}
        if shutil.which("parallel"):
            sides["GNU parallel"] = lambda: _parallel(path / f"parallel{next(count)}", hosts)
        times = alternate(rounds, sides, warm=False)
    yield Row(
        f"{JOBS:,} jobs that do nothing on 4 hosts, 8 slots each",
        times,
        {"GNU parallel": 0.1} if "GNU parallel" in sides else {},
        settings=(
            "autolab: default settings; claim, exit record, sidecars, logs, journal and state of every job",
            "GNU parallel: --sshlogin 8/HOST for each, --joblog, --results"
            + ("" if "GNU parallel" in sides else "; not installed here: skipped"),
        ),
    )


def _lab_run(path: Path, hosts: LabHosts) -> float:
    """Seconds from the engine's first tick to the state.json in which the last one is done."""
    on = {name: {"kind": "ssh", "slots": 8} for name in hosts.names}
    with SmallLab(path, on, lab_hosts=hosts, policies={}) as lab:
        settings = lab.settings
        engine = Engine.open(lab.layout, settings, what="bench", clock=now)
        engine.record.commit([Added(at=now(), id=s.id, spec=s) for s in map(_noop, range(JOBS))])
        stop = threading.Event()

        def look(state: DispatchState) -> None:
            if all(entry.status in TERMINAL for entry in state.entries.values()):
                stop.set()

        begun = time.perf_counter()
        serve(engine, stop, look)
        took = time.perf_counter() - begun
        words = {entry.status.value for entry in engine.state.entries.values()}
        engine.close()
        assert words == {"done"}, words
        return took


def _noop(number: int) -> Spec:
    return Spec(
        id=f"e{number}", command="true", expected_duration_hours=0.1, phase="p", group="g", method="m", dataset="d",
        seed=number,
    )  # fmt: skip


def _parallel(path: Path, hosts: LabHosts) -> None:
    path.mkdir()
    logins = [word for name in hosts.names for word in ("--sshlogin", f"8/{name}")]
    subprocess.run(
        ["parallel", "--will-cite", "--ssh", f"ssh -F {hosts.config}", *logins, "--joblog", f"{path}/log",
         "--results", f"{path}/results", "true", "{}", ":::", *map(str, range(JOBS))],
        check=True, capture_output=True, stdin=subprocess.DEVNULL, env={**os.environ, "HOME": str(path)},
    )  # fmt: skip
