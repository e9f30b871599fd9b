"""The daemon as a process: one sidecar's way into the state, memory, idleness, and how cost grows with the lab."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import orjson

from bench_parts.biglab import BigLab, big_lab, now, put, sidecar
from bench_parts.commands import AUTOLAB
from bench_parts.measure import Plan, Row

CALM_S = 2.2  # views of a lab where events keep coming are two seconds apart, so that each sample begins in calm
SAMPLES = 20
IDLE_S = 60


@contextmanager
def daemon(lab: BigLab) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon at work, its first scan behind it."""
    with open(lab.root.parent / "daemon.log", "wb") as log:
        process = subprocess.Popen([*AUTOLAB, "-C", str(lab.root), "-q", "daemon"], stdout=log, stderr=log)
    try:
        _until(lab.layout.state.exists)
        time.sleep(CALM_S)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _until(holds: object, within_s: float = 60) -> None:
    ends_at = time.monotonic() + within_s
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < ends_at, "not in time"
        time.sleep(0.001)


def one_rename(plan: Plan) -> Iterator[Row]:
    """From the rename of one sidecar to the state.json that says so."""
    took: list[float] = []
    with big_lab(plan.entries) as lab:
        lab.tell(0)
        with daemon(lab):
            for number in range(SAMPLES * max(1, plan.rounds // 5)):
                mark = f"mark {number}"
                ident = lab.ids[number * 97 % len(lab.ids)]
                text = orjson.dumps({**sidecar(ident, number, 1), "notes": mark})
                before = os.stat(lab.layout.state).st_ino
                begun = time.perf_counter()
                put(lab.layout.dispatch / f"{ident}.status.json", text)
                _until(lambda before=before: os.stat(lab.layout.state).st_ino != before)  # type: ignore[misc]
                took.append(time.perf_counter() - begun)
                assert mark.encode() in lab.layout.state.read_bytes()
                time.sleep(CALM_S)
    worst = sorted(took)[int(len(took) * 0.99)]
    yield Row(
        f"one sidecar renamed until state.json has it, {plan.entries:,} entries",
        {"autolab daemon": took},
        limits={
            f"median {median(took) * 1e3:.0f} ms, at most 100 ms": median(took) <= 0.1,
            f"p99 {worst * 1e3:.0f} ms, at most 300 ms": worst <= 0.3,
        },
        settings=(f"{len(took)} samples, {CALM_S} s apart; state.json is renamed after its sync",),
    )


def idle_daemon(plan: Plan) -> Iterator[Row]:
    """What the daemon holds, and what it uses while nothing happens."""
    with big_lab(plan.entries) as lab:
        lab.tell(0)
        with daemon(lab) as process:
            fresh = _resident_mib(process.pid)
            for round_ in range(1, 4):
                lab.tell(round_)
                time.sleep(5)
            busy = _resident_mib(process.pid)
            peak = _peak_mib(process.pid)
            time.sleep(10)
            before = _ticks(process.pid)
            time.sleep(IDLE_S)
            idle = _ticks(process.pid) - before
    yield Row(
        f"daemon at {plan.entries:,} entries",
        limits={
            f"memory {busy:.0f} MiB after 3 storms (fresh {fresh:.0f}, peak {peak:.0f}), at most 120": busy <= 120,
            f"{idle} clock ticks of CPU in {IDLE_S} idle seconds, of 10 ms each": idle <= 1,
        },
        settings=("memory: resident; every 30 s the daemon reads through the folder once, whatever it was told",),
    )


def sizes(plan: Plan) -> Iterator[Row]:
    """CPU of a fold of all sidecars by the size of the lab."""
    cost: dict[int, float] = {}
    for entries in (100, 1_000, 10_000):
        with big_lab(entries) as lab:
            engine = lab.engine()
            engine.render(now(), force=True)
            took = []
            for round_ in range(plan.rounds):
                lab.tell(round_)
                engine.watcher.scan_soon()
                begun = time.process_time()
                engine.tick(now(), launch=False)
                engine.render(now(), force=True)
                took.append(time.process_time() - begun)
            cost[entries] = median(took)
            engine.close()
    growth = cost[10_000] / cost[1_000]
    told = ", ".join(f"{entries:,}: {seconds * 1e3:.1f} ms" for entries, seconds in cost.items())
    yield Row("CPU by size, all changed", limits={f"{told}; ten times the lab costs {growth:.1f} times": growth <= 13})


def _resident_mib(pid: int) -> float:
    return _status(pid, "VmRSS") / 1024


def _peak_mib(pid: int) -> float:
    return _status(pid, "VmHWM") / 1024


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def _ticks(pid: int) -> int:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[11]) + int(words[12])
