"""Sidecars into the durable state, in a warm engine: all of them changed, and one in a hundred."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from autolab.engine.engine import Engine
from autolab.engine.memory import spare_the_collector
from bench_parts.biglab import BigLab, big_lab, now
from bench_parts.measure import Plan, Row, alternate
from bench_parts.peers import durable_write, original_merge, plain_merge

COMMON = (
    "autolab: a warm engine as the daemon runs it; journal with one sync, state.json synced and renamed",
    "original merge: the loop that labs ran before, json, no sync; on a copy of the same state.json and sidecars",
)


def _peer(lab: BigLab, name: str) -> Path:
    """A copy of the state for another merge to work on."""
    project = lab.root.parent / name
    shutil.copytree(lab.layout.dispatch, project / "dispatch")
    return project


def _ready(lab: BigLab) -> Engine:
    engine = lab.engine()
    engine.render(now(), force=True)
    spare_the_collector()
    return engine


def all_changed(plan: Plan) -> Iterator[Row]:
    """A fold of all sidecars, each of which says something new."""
    with big_lab(plan.entries) as lab:
        engine = _ready(lab)
        original, plain = _peer(lab, "original"), _peer(lab, "plain")

        def fold() -> None:
            engine.watcher.scan_soon()
            assert len(engine.tick(now(), launch=False).events) >= plan.entries
            engine.render(now(), force=True)

        times = alternate(
            plan.rounds,
            {
                "autolab": fold,
                "original merge": lambda: _(original_merge(original)),
                "plain merge": lambda: plain_merge(plain),
            },
            lambda number: _(lab.tell(number, 1, original / "dispatch", plain / "dispatch")),
        )
        engine.close()
    yield Row(
        f"fold of {plan.entries:,} entries, all changed",
        times,
        {"original merge": 0.06, "plain merge": 2.0},
        settings=(*COMMON, "plain merge: index by id, orjson both ways, os.open and os.read, one synced write"),
    )


def few_changed(plan: Plan) -> Iterator[Row]:
    """A fold of the one sidecar in a hundred that file events spoke of."""
    with big_lab(plan.entries) as lab:
        engine = _ready(lab)
        lab.tell(0)
        engine.watcher.scan_soon()
        engine.tick(now(), launch=False)
        engine.render(now(), force=True)
        original = _peer(lab, "original")
        bare = lab.root.parent / "bare.json"
        names: list[str] = []

        def change(number: int) -> None:
            names[:] = lab.tell(number + 1, 100, original / "dispatch")
            for name in names:
                engine.watcher.hint(name)

        def fold() -> None:
            assert len(engine.tick(now(), launch=False).events) == len(names)
            engine.render(now(), force=True)

        content = lab.layout.state.read_bytes()
        times = alternate(
            plan.rounds,
            {
                "autolab": fold,
                "original merge": lambda: _(original_merge(original)),
                "bare durable write": lambda: durable_write(bare, content),
            },
            change,
        )
        engine.close()
    yield Row(
        f"fold of {plan.entries:,} entries, 1 % changed",
        times,
        {"original merge": 0.01, "bare durable write": 6.0},
        settings=(*COMMON, f"bare durable write: the same {len(content):,} bytes, sync, rename, sync of the folder"),
    )


def _(_value: object) -> None:
    """A side is timed for what it does, not for what it gives."""
