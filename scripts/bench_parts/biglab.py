"""A lab of many external experiments, made at once, and sidecars that say something new of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from autolab.engine.engine import Engine
from autolab.model.event import Added, LabMade
from autolab.model.settings import Settings
from autolab.model.state import DispatchState, Spec
from autolab.model.transitions import fold_all
from autolab.store.files import Files
from autolab.store.journal import Journal
from autolab.store.layout import Layout

LAB = "0badc0de" * 4


@dataclass(frozen=True)
class BigLab:
    """A project with ``ids`` and nothing said of them yet."""

    root: Path
    layout: Layout
    settings: Settings
    ids: list[str]

    def engine(self, what: str = "bench") -> Engine:
        return Engine.open(self.layout, self.settings, what=what, clock=now)

    def tell(self, round_: int, every: int = 1, *folders: Path) -> list[str]:
        """Every ``every``-th sidecar says something new, in the lab and in ``folders``; the files' names."""
        names = []
        for number, ident in enumerate(self.ids[::every]):
            text = orjson.dumps(sidecar(ident, number, round_))
            names.append(f"{ident}.status.json")
            for folder in (self.layout.dispatch, *folders):
                put(folder / names[-1], text)
        return names


def now() -> datetime:
    return datetime.now(UTC)


def put(path: Path, text: bytes) -> None:
    """By rename, as executors write."""
    temp = f"{path.parent}/.{path.name}.new"
    with open(temp, "wb") as file:
        file.write(text)
    os.replace(temp, path)


def sidecar(ident: str, number: int, round_: int) -> dict[str, object]:
    """The twelve keys of the sidecars that the original executors write."""
    return {
        "id": ident, "status": "running", "started": "2026-11-20T10:00:00Z", "host": f"gpu{number % 10}", "gpu": 1,
        "pid": 1000 + number + round_, "job_id": None, "finished": None, "wandb_run_id": None, "retry_count": 0,
        "notes": f"step {round_}",
    }  # fmt: skip


def spec(number: int) -> Spec:
    return Spec(
        id=f"exp{number}_cifar10_main_s{number % 5}", command=f"python train.py --seed {number}",
        expected_duration_hours=2.0, phase="Phase 8", group="main", method="m", dataset="cifar10", seed=number % 5,
        executor="external", result_file=f"experiments/results/e{number}.json",
    )  # fmt: skip


@contextmanager
def folder() -> Iterator[Path]:
    """A folder on a real disk, gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="autolab-bench-", dir="/var/tmp"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def big_lab(entries: int, git: bool = False) -> Iterator[BigLab]:
    """A lab of ``entries`` external experiments; ``git``: in a repository of its own."""
    with folder() as path:
        root = path / "project"
        (root / "dispatch").mkdir(parents=True)
        if git:
            subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
        document = {"project": "bench", "hosts": {"local": {"kind": "local", "slots": 4, "state_dir": f"{path}/state"}}}
        (root / "autolab.yaml").write_text(json.dumps(document))
        (root / "dispatch" / "lab.json").write_text(json.dumps({"format": 1, "lab": LAB}))
        layout = Layout.of(root, LAB)
        specs = [spec(number) for number in range(entries)]
        events = [LabMade(at=now(), project="bench", lab=LAB), *(Added(at=now(), id=s.id, spec=s) for s in specs)]
        state = fold_all(DispatchState(project="bench", lab=LAB), events)
        Journal(layout, Files()).begin(orjson.dumps(state), state.seq)
        yield BigLab(root, layout, Settings.model_validate(document), [s.id for s in specs])
