"""A host to launch on: this machine, a folder of its own, any POSIX shell, any set of tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from autolab.executors.dialects.dialect import Seen
from autolab.executors.dialects.process import Process
from autolab.executors.executor import Executor
from autolab.hosts.local import LocalConnection
from autolab.model.action import Code, Driver, Job, StageOrder
from tests import labhosts

LAB = "0badc0de" * 4
DRIVER = Driver(1, "clone-a")
SHELLS = ("dash", "bash", "busybox", "applets")


def until(condition: Callable[[], object], within_s: float = 20) -> None:
    """Come back when ``condition`` holds; fails after ``within_s``."""
    labhosts.until(lambda: bool(condition()), "what the test waits for", within_s)


class Bench:
    """Orders for one lab in ``root``, an executor to give them to, and what the commands left there.

    tools  shell text by name, of programs that stand before the machine's own in PATH
    shell  dash, bash, busybox (its shell and nothing but its applets in PATH), applets (dash and busybox's applets)
    """

    def __init__(
        self, root: Path, shell: str = "dash", grace_s: int = 10, tools: Mapping[str, str] | None = None
    ) -> None:
        self.root = root
        self.state = root / "state dir"
        self.project = root / "project"
        self.ledger = root / "ledger"
        self.project.mkdir(parents=True)
        self._archive = _archive(root)
        words, prefix = _shell(root, shell)
        if tools:
            prefix = _with_tools(root / "tools", tools, prefix)
        self.connection = LocalConnection("here", (*prefix, *words, "-s"))
        self.dialect = Process(shell=" ".join(words), grace_s=grace_s)
        self.executor = Executor(self.connection, self.dialect, self.clock)

    @staticmethod
    def clock() -> datetime:
        """Now."""
        return datetime.now(UTC)

    def order(self, id: str = "one", cmd: str = "true", attempt: int = 1, **more: object) -> StageOrder:
        """An order for ``id``; ``more``: env, result_file, log_from, digest, cards."""
        dir = f"{self.state}/{LAB[:8]}/{id}/a{attempt}"
        result, log_from = more.get("result_file"), more.get("log_from", 0)
        job = Job(LAB, id, attempt, dir, "alabcdefghijkl", "f00d", str(self.project), result, log_from)  # type: ignore[arg-type]
        cards = more.get("cards", ())
        job = replace(job, cards=cards, card_probe="nvidia-smi", card_dir=str(self.root / "cards"))  # type: ignore[arg-type]
        digest = str(more.get("digest", "d1"))
        links = {"results/out": f"{self.project}/results/out"}
        code = Code(digest, f"{self.state}/{LAB[:8]}/code/{digest}", self._archive, links)
        env = more.get("env", {})
        return StageOrder(job, code, f"{cmd}\n", env, '{"spec": 1}')  # type: ignore[arg-type]

    def staged(self, *orders: StageOrder) -> list[Job]:
        """The jobs of ``orders``, all of them staged."""
        seen = self.executor.stage(orders)
        assert all(one.staged_boot for one in seen.values()), seen
        return [order.job for order in orders]

    def run(self, id: str = "one", cmd: str = "true", **more: object) -> Job:
        """One job, staged and started."""
        (job,) = self.staged(self.order(id, cmd, **more))  # type: ignore[arg-type]
        self.executor.start([job], DRIVER)
        return job

    def see(self, job: Job) -> Seen:
        return self.executor.look([job])[job.id]

    def ended(self, job: Job) -> Seen:
        """The sighting of ``job`` that has its exit record."""
        until(lambda: self.see(job).exit)
        return self.see(job)

    def lines(self) -> list[str]:
        """What the commands appended to the ledger."""
        return self.ledger.read_text().splitlines() if self.ledger.exists() else []

    def processes(self) -> list[str]:
        """Processes on this machine that carry our folder in what they were started with, save this test's own."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(self.state).encode() in words or (b"autolab-runner" in words and _works_in(entry, self.state)):
                found.append(f"{entry.name} {words[:80]!r}")
        return found


def _with_tools(folder: Path, tools: Mapping[str, str], before: tuple[str, ...]) -> tuple[str, ...]:
    folder.mkdir()
    for name, text in tools.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    path = before[-1].removeprefix("PATH=") if before else os.environ["PATH"]
    return ("/usr/bin/env", f"PATH={folder}:{path}")


def _works_in(entry: Path, folder: Path) -> bool:
    try:
        return (entry / "cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


def _archive(root: Path) -> Path:
    source = root / "source"
    source.mkdir()
    (source / "train.py").write_text("print('hello')\n")
    archive = root / "code.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(source / "train.py", "train.py")
    return archive


def _shell(root: Path, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if name in {"dash", "bash"}:
        return (str(shutil.which(name)),), ()
    applets = root / "applets"
    applets.mkdir()
    busybox = str(shutil.which("busybox"))
    subprocess.run([busybox, "--install", "-s", str(applets)], check=True)
    for taken in ("busybox", "bash"):
        (applets / taken).unlink(missing_ok=True)
    words = (busybox, "sh") if name == "busybox" else (str(shutil.which("dash")),)
    return words, ("/usr/bin/env", f"PATH={applets}")
