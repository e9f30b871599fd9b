"""A small lab of the test's own: a git project, its settings, an engine at work, and what its jobs wrote down.

    with SmallLab(tmp_path, {"local": {"kind": "local", "slots": 2}}) as lab:
        lab.add(an_experiment("a", "true"))
        with lab.engine() as at_work:
            at_work.until(lambda: at_work.status("a") == "done", "a is done")

As a program: ``python -m tests.labs serve|poll PROJECT [DEATH]`` is an engine in a process of its own, which may be
killed; DEATH is where it ends itself, see ``DyingDisk``.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from autolab.engine.engine import Engine
from autolab.engine.running import poll, serve
from autolab.engine.wakeup import Wakeup
from autolab.errors import Busy
from autolab.model.documents import (
    entry_document,
    host_document,
    parse_event,
    parse_state,
    question_document,
    stamp,
)
from autolab.model.ids import lab8
from autolab.model.state import DispatchState, Entry, HostState, Question
from autolab.model.transitions import fold_all
from autolab.store.files import Disk, Files
from autolab.store.inbox import Inbox
from autolab.store.journal import Journal
from autolab.store.layout import Layout
from autolab.store.settings import load_settings
from tests.labhosts import LabHosts, until

REPOSITORY = Path(__file__).parents[1]
POLICIES = {
    "look_fastest": "200ms",
    "look_slowest": "500ms",
    "look_held": "1s",
    "backoff": ["300ms"],
    "gone_again": "300ms",
    "result_grace": "500ms",
    "ask_after_misses": 1000,  # back-offs are so short here that silence would park what a test looks at
}
PATIENCE = {"misses": 100_000, "missed_share": 1.0}
GO = 'until [ -e "$AUTOLAB_PROJECT_DIR/go" ]; do sleep 0.05; done'  # a command that ends when the test says so
# Each command begins with it: who ran, once a line, where every attempt of the lab on that host writes.
MARK = 'echo "$AUTOLAB_ID $AUTOLAB_ATTEMPT" >>"$AUTOLAB_PROJECT_DIR/ledger"; '


class Clock:
    """Now, and how far a test set it forward."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


def an_experiment(ident: str, command: str = "true", **more: Any) -> dict[str, Any]:
    """A design whose command first writes into the ledger."""
    design = {"phase": "pilot", "group": "main", "method": "m", "dataset": "d", "seed": 0, "expected_duration_hours": 1}
    return {"id": ident, "command": MARK + command, **design, **more}


def a_table(ident: str, value: float = 0.5) -> dict[str, Any]:
    """Command and file of an experiment with a well-formed result."""
    path = f"experiments/results/{ident}.csv"
    row = f"{ident},m,d,main,acc,0,{value}"
    write = f"printf '%s\\n' exp_id,method,dataset,group,metric,seed,value {row} >{path}"
    return {"command": write, "result_file": path}


class SmallLab:
    """A lab whose settings are ``hosts`` and short waits; leaving it ends all that it started and left."""

    def __init__(
        self,
        folder: Path,
        hosts: Mapping[str, Mapping[str, Any]],
        *,
        lab_hosts: LabHosts | None = None,
        ssh_config: Path | None = None,
        policies: Mapping[str, Any] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.root, self._lab_hosts = folder / "project", lab_hosts
        self.name = f"al-{secrets.token_hex(4)}"
        self.root.mkdir(parents=True)
        subprocess.run(["git", "init", "-q", "-b", "main", str(self.root)], check=True)
        (self.root / "code.py").write_text("print('hi')\n")
        (self.root / ".gitignore").write_text("dispatch/\nprogress/\nexperiments/\n")
        self.hosts = {name: {**self._standard(folder, given), **given} for name, given in hosts.items()}
        config = ssh_config or (lab_hosts.config if lab_hosts else None)
        document = {
            "project": "small",
            "hosts": self.hosts,
            "policies": {**POLICIES, **(policies or {})},
            "patience": PATIENCE,
            **({"ssh": {"config": str(config)}} if config else {}),
            **(more or {}),
        }
        (self.root / "autolab.yaml").write_text(json.dumps(document, indent=2))
        (self.root / "dispatch").mkdir()
        lab = {"format": 1, "lab": secrets.token_hex(16)}
        (self.root / "dispatch" / "lab.json").write_text(json.dumps(lab))
        self._open()

    @classmethod
    def at(cls, root: Path) -> SmallLab:
        """The lab that another process made."""
        self = cls.__new__(cls)
        self.root, self._lab_hosts = root, None
        self._open()
        return self

    def _open(self) -> None:
        self.lab = json.loads((self.root / "dispatch" / "lab.json").read_text())["lab"]
        self.layout = Layout.of(self.root, self.lab)
        self.settings = load_settings(self.root, {})[0]
        self.clock = Clock()
        self._processes: list[subprocess.Popen[str]] = []

    def _standard(self, folder: Path, given: Mapping[str, Any]) -> dict[str, Any]:
        if given["kind"] == "local":
            return {"state_dir": str(folder / "state")}
        near = f"~/{self.name}"
        return {"state_dir": f"{near}/state", "dir": f"{near}/project", "logins_per_hour": 100_000}

    def __enter__(self) -> SmallLab:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait(10)
        until(lambda: not self._kill_jobs(), "every job of the lab has ended")
        shutil.rmtree(Path("~/.local/state/autolab").expanduser() / lab8(self.lab), ignore_errors=True)  # its lease

    def _kill_jobs(self) -> list[int]:
        """End what carries this lab's folder in its environment, here and in the hosts' namespaces."""
        word = f"/{lab8(self.lab)}/".encode()
        found = [pid for pid in _pids() if word in _environ(pid).get(b"AUTOLAB_RUN_DIR", b"")]
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return found

    # --- asking ----------------------------------------------------------------------------------------------------

    def wish(self, ask: str, **fields: Any) -> str:
        """Leave a wish in the inbox; its id."""
        return Inbox(self.layout, Files()).put({"ask": ask, "by": "me", **fields}, self.clock())

    def add(self, *designs: Mapping[str, Any]) -> None:
        self.wish("add", specs=list(designs))

    # --- running ---------------------------------------------------------------------------------------------------

    def open_engine(self, what: str = "poll", files: Files | None = None) -> Engine:
        return Engine.open(self.layout, self.settings, what=what, clock=self.clock, files=files)

    @contextlib.contextmanager
    def engine(self, files: Files | None = None) -> Iterator[AtWork]:
        """An engine that serves in a thread until the block ends; what stops it before is raised here."""
        at_work = AtWork(self.open_engine("daemon", files), self.clock)
        try:
            yield at_work
        finally:
            at_work.end()
        at_work.check()

    def process(
        self, mode: str = "serve", death: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """An engine in a process of its own."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.labs", mode, str(self.root), death],
            cwd=REPOSITORY,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._processes.append(process)
        return process

    def until_left(self, process: subprocess.Popen[str]) -> None:
        """Wait until it has ended itself, or until every experiment has ended."""

        def over() -> bool:
            with contextlib.suppress(FileNotFoundError):
                if all(entry["status"] in ("done", "failed", "cancelled") for entry in self.state()["experiments"]):
                    return bool(self.state()["experiments"])
            return process.poll() is not None

        until(over, "the engine has left", 30)
        process.kill()
        process.wait(10)

    # --- what is there ---------------------------------------------------------------------------------------------

    def ledger(self) -> Counter[str]:
        """``<id> <attempt>`` -> how often that command really began, over all hosts."""
        lines = [line for path in self._ledgers() if path.exists() for line in path.read_text().splitlines()]
        return Counter(lines)

    def ledger_of(self, host: str) -> list[str]:
        """The same of one host, in order."""
        path = self.project_on(host) / "ledger"
        return path.read_text().splitlines() if path.exists() else []

    def _ledgers(self) -> set[Path]:
        return {self.project_on(host) / "ledger" for host in self.hosts_given()}

    def hosts_given(self) -> Mapping[str, Any]:
        return self.settings.hosts

    def project_on(self, host: str) -> Path:
        """The folder on the host where its jobs write, as seen from here."""
        given = self.settings.hosts[host]
        if given.kind == "local":
            return Path(given.dir or f"{given.state_dir}/{lab8(self.lab)}/project")
        return self.seen_from_here(host, self.settings.project_dir(host, str(self.root)))

    def go(self, *hosts: str) -> None:
        """Let the commands that wait there end."""
        for host in hosts or self.settings.hosts:
            folder = self.project_on(host)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "go").touch()

    def run_folder(self, host: str, ident: str, attempt: int = 1) -> Path:
        """RUN of an attempt, as seen from here."""
        near = f"{self.settings.hosts[host].state_dir}/{lab8(self.lab)}/{ident}/a{attempt}"
        return self.seen_from_here(host, near)

    def seen_from_here(self, host: str, path: str) -> Path:
        if not path.startswith("~/") or self._lab_hosts is None:
            return Path(path)
        return self._lab_hosts.home_of(self.settings.ssh_alias(host) or host) / path[2:]

    def state(self) -> dict[str, Any]:
        """``dispatch/state.json``."""
        found: dict[str, Any] = json.loads(self.layout.state.read_bytes())
        return found

    def entries(self) -> dict[str, dict[str, Any]]:
        """Its experiments by id."""
        return {entry["id"]: entry for entry in self.state()["experiments"]}

    def replayed(self) -> DispatchState:
        """The state that the journal of record says."""
        journal = Journal(self.layout, Files())
        loaded = journal.load()
        assert loaded.problems == []
        state = parse_state(loaded.snapshot)
        fold_all(state, (parse_event(document) for document in loaded.events))
        journal.close()
        return state

    def events(self, kind: str = "", ident: str = "") -> list[dict[str, Any]]:
        """Events of the journal of record, of a kind, about an experiment."""
        journal = Journal(self.layout, Files())
        loaded = journal.load()
        journal.close()
        return [e for e in loaded.events if kind in ("", e["event"]) and ident in ("", e["id"])]

    def assert_replay_equals_state(self) -> None:
        """``state.json`` says what the journal says, as values."""
        state, shown = self.replayed(), self.state()
        said = {
            "project": state.project,
            "updated": stamp(state.updated),
            "lab": state.lab,
            "journal_seq": state.seq,
            "questions": [question_document(question) for question in state.questions.values()],
            "hosts": [host_document(host) for host in state.hosts.values()],
            "experiments": [entry_document(entry) for entry in state.entries.values()],
        }
        for document in (shown, said):
            for host in document["hosts"]:  # what the settings and the engine's own count add
                for key in ("slots", "logins_last_hour", "cpus", "mem_mib", "environment"):
                    host.pop(key, None)
        for key, value in json.loads(orjson.dumps(said)).items():
            assert shown[key] == value, f"{key}: {shown[key]} is not {value}"
        assert shown.keys() == said.keys() | {"format", "launching"}

    def assert_once_each(self, *attempts: str) -> None:
        """Exactly these commands began, once each; ``"a"`` is its first attempt."""
        wanted = {attempt if " " in attempt else f"{attempt} 1": 1 for attempt in attempts}
        ledger = self.ledger()
        assert ledger == wanted, f"not as wanted: {sorted((ledger - Counter(wanted)) + (Counter(wanted) - ledger))}"


class AtWork:
    """An engine that serves in a thread, and what it knew after its last tick."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock
        layout = engine.layout
        self._wakeup = Wakeup([layout.dispatch, layout.inbox, layout.drop_box], self._hint)
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self.entries: dict[str, Entry] = {}
        self.hosts: dict[str, HostState] = {}
        self.questions: dict[str, Question] = {}
        self._thread = threading.Thread(target=self._serve, name="engine under test", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            serve(self._engine, self._stop, self._seen)
        except BaseException as error:
            self._failure = error

    def _hint(self, name: str) -> None:
        self._engine.watcher.hint(name)
        self._engine.wake()

    def advance(self, seconds: float) -> None:
        """Set the clock forward."""
        self._clock.advance(seconds)
        self._engine.wake()

    def _seen(self, state: DispatchState) -> None:
        self._wakeup.renew()
        self.entries, self.hosts, self.questions = dict(state.entries), dict(state.hosts), dict(state.questions)

    def end(self) -> None:
        self._stop.set()
        self._engine.wake()
        self._thread.join(30)
        assert not self._thread.is_alive(), "the engine does not stop"
        self._wakeup.stop()
        self._engine.close()

    def check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def until(self, holds: Callable[[], bool], what: str, within_s: float = 30) -> None:
        """Wait for a condition. Nothing wakes the engine for it: that is the engine's own business."""

        def hold() -> bool:
            self.check()
            return holds()

        try:
            until(hold, what, within_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.told()}") from None

    def told(self) -> str:
        """Where everything stands, for a failed wait."""
        lines = [f"{e.id} a{e.attempt} {e.status} {e.substatus}: {e.why}" for e in self.entries.values()]
        lines += [f"{h.name} {h.status}: {h.why}" for h in self.hosts.values()]
        return "\n".join([*lines, *(f"? {q.id} {q.reason}: {q.seen}" for q in self.questions.values())])

    def status(self, ident: str) -> str:
        return self.entries[ident].status.value if ident in self.entries else ""

    def are(self, status: str, *idents: str) -> Callable[[], bool]:
        """A condition: all these (or all there are) have this status."""
        return lambda: bool(self.entries) and all(self.status(i) == status for i in (idents or self.entries))

    def until_are(self, status: str, *idents: str, within_s: float = 30) -> None:
        self.until(self.are(status, *idents), f"{', '.join(idents) or 'all'}: {status}", within_s)

    def until_host(self, name: str, status: str, within_s: float = 30) -> None:
        def holds() -> bool:
            return name in self.hosts and self.hosts[name].status.value == status

        self.until(holds, f"{name} is {status}", within_s)

    def until_asked(self, reason: str, about: str) -> Question:
        """Wait for an open question, and give it."""
        self.until(lambda: bool(self._asked(reason, about)), f"{reason} is asked about {about}")
        return self._asked(reason, about)[0]

    def _asked(self, reason: str, about: str) -> list[Question]:
        return [q for q in self.questions.values() if (q.reason, q.about) == (reason, about)]


class DyingDisk(Disk):
    """Ends the process as SIGKILL would. ``after:WORD``: when a journal line with WORD is durable; ``at:WORD``: before
    a change of a path that holds WORD; ``call:K``: before the K-th change."""

    def __init__(self, where: str) -> None:
        self._how, _, self._word = where.partition(":")
        self._written = False
        self._steps = 0

    def step(self, name: str, path: str) -> None:
        self._steps += 1
        if (self._how == "at" and self._word in path) or (self._how == "call" and self._steps > int(self._word)):
            os._exit(137)

    def write(self, fd: int, data: bytes | memoryview, path: str) -> int:
        done = super().write(fd, data, path)
        self._written |= self._how == "after" and "/journal/" in path and self._word.encode() in bytes(data)
        return done

    def fsync(self, fd: int, path: str) -> None:
        super().fsync(fd, path)
        self._die()

    def fdatasync(self, fd: int, path: str) -> None:
        super().fdatasync(fd, path)
        self._die()

    def _die(self) -> None:
        if self._written:
            os._exit(137)


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _environ(pid: int) -> dict[bytes, bytes]:
    try:
        pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(pair.split(b"=", 1) for pair in pairs if b"=" in pair)


def main(arguments: Sequence[str]) -> int:
    """An engine of the lab in a folder: one poll, or until TERM."""
    mode, root, death = (*arguments, "")[:3]
    lab = SmallLab.at(Path(root))
    try:
        engine = lab.open_engine(mode, Files(DyingDisk(death)) if death else None)
    except Busy as busy:
        print(busy.message)
        return 0
    stop = threading.Event()

    def end(*_: object) -> None:
        stop.set()
        engine.wake()

    signal.signal(signal.SIGTERM, end)
    try:
        if mode == "poll":
            print(poll(engine))
        else:
            serve(engine, stop)
    finally:
        engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
