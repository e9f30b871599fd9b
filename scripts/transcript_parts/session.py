"""A user at a terminal, and what the terminal shows, as markdown."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.labhosts import LabHosts, until

VENV = Path(sys.prefix) / "bin"
Entries = dict[str, dict[str, object]]


class Session:
    """A user at a terminal in the project's folder."""

    def __init__(self, home: Path) -> None:
        self.home, self.folder = home, home / "study"
        self.env = {**os.environ, "HOME": str(home), "COLUMNS": "110", "PATH": f"{VENV}:{os.environ['PATH']}"}
        self.daemon: subprocess.Popen[bytes] | None = None

    def say(self, text: str) -> None:
        print(f"\n{text}\n", flush=True)

    def run(self, command: str, expect: int | None = 0) -> str:
        """Type ``command``, show what it prints, and give its output; ``expect`` None: whatever its exit code."""
        done = subprocess.run(
            command,
            shell=True,
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
        )
        text = done.stdout.replace(str(self.home), "~").rstrip()
        end = "" if done.returncode == 0 else f"[exit code {done.returncode}]\n"
        print(f"```console\n$ {command}\n{text}{chr(10) if text else ''}{end}```", flush=True)
        if expect is not None and done.returncode != expect:
            raise SystemExit(f"{command}: exit code {done.returncode}, not {expect}")
        return done.stdout

    def start_daemon(self) -> None:
        with (self.folder / "daemon.log").open("ab") as log:
            self.daemon = subprocess.Popen(["autolab", "daemon"], cwd=self.folder, env=self.env, stdout=log, stderr=log)
        print(f"```console\n$ autolab daemon >daemon.log 2>&1 &\n[1] {self.daemon.pid}\n```", flush=True)

    def kill_daemon(self, number: signal.Signals) -> None:
        assert self.daemon is not None
        self.daemon.send_signal(number)
        self.daemon.wait(30)
        print(f"```console\n$ kill -{number.name.removeprefix('SIG')} {self.daemon.pid}\n```", flush=True)

    def entries(self) -> Entries:
        try:
            state = json.loads((self.folder / "dispatch" / "state.json").read_bytes())
        except FileNotFoundError:
            return {}
        return {entry["id"]: entry for entry in state["experiments"]}

    def questions(self) -> list[dict[str, object]]:
        """The open questions, as state.json lists them."""
        state = json.loads((self.folder / "dispatch" / "state.json").read_bytes())
        return list(state["questions"])

    def until(self, holds: Callable[[Entries], bool], what: str, within_s: float = 120) -> None:
        until(lambda: holds(self.entries()), what, within_s)


@contextmanager
def session() -> Iterator[Session]:
    with tempfile.TemporaryDirectory(prefix="autolab-transcript-") as home:
        made = Session(Path(home))
        made.folder.mkdir()
        try:
            yield made
        finally:
            if made.daemon is not None:
                made.daemon.kill()
                made.daemon.wait()


def prepare(at: Session, lab: LabHosts, files: Mapping[str, str]) -> None:
    """A git repository that holds ``files`` and, ignored, the configuration that reaches the hosts."""
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=at.folder, check=True)
    for key, value in (("user.name", "A. Researcher"), ("user.email", "a@example.org")):
        subprocess.run(["git", "config", key, value], cwd=at.folder, check=True)
    for name, text in files.items():
        (at.folder / name).write_text(text)
    (at.folder / ".gitignore").write_text("daemon.log\nhosts.conf\n")
    (at.folder / "hosts.conf").write_text(lab.config.read_text())


def count(entries: Entries, status: str, host: str = "") -> int:
    """How many stand at ``status``, on ``host`` if one is named."""
    return sum(e["status"] == status and host in ("", e.get("host")) for e in entries.values())
