"""How much a lab's repository grows in a week."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from autolab.engine.engine import Engine
from bench_parts.biglab import big_lab, now, put, sidecar
from bench_parts.measure import Plan, Row

DAYS, ENTRIES, EVERY = 7, 1_000, timedelta(minutes=10)
CHANGED = 10  # sidecars that say something new in each ten minutes


def seven_days(plan: Plan) -> Iterator[Row]:
    """Seven days by a clock of the benchmark's own: sidecars change, the state is committed every ten minutes."""
    with big_lab(ENTRIES, git=True) as lab:
        clock = _Clock(now())
        engine = Engine.open(lab.layout, lab.settings, what="bench", clock=clock)
        start = _mib(lab.root / ".git")
        greatest, commits, head = 0.0, 0, ""
        ref = lab.root / ".git" / "refs" / "autolab" / "state"
        for step in range(int(timedelta(days=DAYS) / EVERY)):
            clock.at += EVERY
            for each in range(CHANGED):
                ident = lab.ids[(step * CHANGED + each) * 7 % ENTRIES]
                put(lab.layout.sidecar(ident), orjson.dumps(sidecar(ident, each, step)))
                engine.watcher.hint(f"{ident}.status.json")
            engine.tick(clock(), launch=False)
            engine.render(clock(), force=True)
            ends_at = time.monotonic() + 10
            while (tip := ref.read_text() if ref.exists() else "") == head and time.monotonic() < ends_at:
                time.sleep(0.002)
            commits += tip != head
            head = tip
            if step % 36 == 35:
                greatest = max(greatest, _mib(lab.root / ".git"))
        engine.close()
        grown = _mib(lab.root / ".git") - start
    yield Row(
        f"{DAYS} simulated days at {ENTRIES:,} entries",
        limits={
            f"the repository grew by {grown:.1f} MiB (at most {greatest - start:.1f} in between), at most 200": max(
                grown, greatest - start
            )
            <= 200
        },
        settings=(f"{CHANGED} sidecars changed every 10 minutes, {commits} commits of the state, journal included",),
    )


class _Clock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def _mib(folder: Path) -> float:
    """What the files below take on the disk."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.lstat().st_blocks * 512
        except FileNotFoundError:  # a lock or a temporary file of git's
            continue
    return total / 2**20
