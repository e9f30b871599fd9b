"""A host proved by doing there what jobs need: a claim, an exit record, a log, a fence."""

from __future__ import annotations

import secrets
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from autolab.executors.dialects.dialect import Check, Seen
from autolab.model.action import Code, Driver, Job, StageOrder
from autolab.model.observation import Look

LAB: Final = "00probe0" * 4  # a lab of its own: no driver's number and no attempt of a real lab is near
DRIVER: Final = Driver(1, "probe")


class Launcher(Protocol):
    """What of an executor a proof needs."""

    def stage(self, orders: Sequence[StageOrder]) -> dict[str, Seen]: ...

    def start(self, jobs: Sequence[Job], driver: Driver, hold_s: float = 0) -> dict[str, Seen]: ...

    def look(self, jobs: Sequence[Job], hold_s: float = 0.0) -> dict[str, Seen]: ...

    def fence(self, jobs: Sequence[Job], by: str = "autolab") -> dict[str, Seen]: ...


def lab_dir(state_dir: str) -> str:
    """Where proofs leave their folders; those older than an hour are swept by the next one."""
    return f"{state_dir.rstrip('/')}/{LAB[:8]}"


def claims(executor: Launcher, state_dir: str, scratch: Path) -> list[Check]:
    """One job that runs and one that is fenced, step by step; stops at the first step that fails."""
    with tarfile.open(scratch / "empty.tar", "w"):
        pass
    id = f"probe-{secrets.token_hex(4)}"
    order = _order(id, 1, state_dir, scratch / "empty.tar")
    staged = executor.stage([order])[id]
    if not staged.staged_boot:
        return [_failed("stage", staged)]
    started = executor.start([order.job], DRIVER)[id]
    if started.claim is None:
        return [_said("stage"), _failed("claim", started)]
    ended = executor.look([order.job], hold_s=10)[id]
    if ended.exit is None or ended.exit.status != 3 or ended.log != b"proved\n":
        return [_said("stage"), _said("claim"), _failed("exit", ended)]
    fenced = executor.fence([_order(id, 2, state_dir, scratch / "empty.tar").job])[id]
    fence = _said("fence") if fenced.fenced else _failed("fence", fenced)
    return [_said("stage"), _said("claim"), _said("exit"), fence]


def _order(id: str, attempt: int, state_dir: str, archive: Path) -> StageOrder:
    lab = lab_dir(state_dir)
    job = Job(LAB, id, attempt, f"{lab}/{id}/a{attempt}", "probe", "probe", f"{lab}/{id}")
    return StageOrder(job, Code("empty", f"{lab}/code/empty", archive), "echo proved\nexit 3\n", {}, "{}\n")


def _said(name: str) -> Check:
    return Check(name, ok=True)


def _failed(name: str, seen: Seen) -> Check:
    words = [seen.reason, seen.garbled, seen.refused]
    if seen.refusals:
        words.append("a child refused: see refused.* in the attempt's folder")
    if seen.look is not Look.SEEN:
        words.insert(0, seen.look.value)
    return Check(name, ok=False, detail="; ".join(word for word in words if word) or "it did not come about")
