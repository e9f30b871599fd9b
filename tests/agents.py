"""Agents that know nothing of autolab but the files: each plays one executor, in a process of its own.

    python -m tests.agents PROJECT ID PART

They write ``dispatch/<ID>.status.json`` with the readers' keys, results and escalations, and read ``state.json`` and
what people are asked; some make the mistakes that such programs make. Standard library alone, as theirs are.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

WITHIN_S = 60
COLUMNS = "exp_id,method,dataset,group,metric,seed,value,host,gpu,finished_at"


class Agent:
    """One executor: its experiment, its sidecar, and what it reads of the lab."""

    def __init__(self, project: Path, ident: str) -> None:
        self.project, self.id = project, ident
        self.path = project / "dispatch" / f"{ident}.status.json"
        self.told: dict[str, Any] = {
            "id": ident, "status": "pending", "started": None, "host": None, "gpu": None, "pid": None, "job_id": None,
            "finished": None, "wandb_run_id": None, "retry_count": 0, "notes": "",
        }  # fmt: skip

    def say(self, **news: Any) -> None:
        """The whole sidecar, by a temporary file and a rename."""
        self.told |= news
        self.put(json.dumps(self.told, indent=2).encode())

    def put(self, data: bytes) -> None:
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        temporary.write_bytes(data)
        os.replace(temporary, self.path)

    def runs(self, **more: Any) -> None:
        self.say(status="running", started=now(), host="lab1", gpu=0, pid=os.getpid(), **more)

    def result(self, value: float = 0.5) -> None:
        path = self.project / "experiments" / "results" / f"{self.id}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{COLUMNS}\n{self.id},ours,c10,main,acc,0,{value},lab1,0,{now()}\n")

    def ends_well(self, **more: Any) -> None:
        self.result()
        self.say(status="done", finished=now(), **more)

    def entry(self) -> dict[str, Any]:
        """What the lab's state says of it now; every read of the state must be whole."""
        state = json.loads((self.project / "dispatch" / "state.json").read_text())
        return next((entry for entry in state["experiments"] if entry["id"] == self.id), {})

    def until(self, status: str) -> None:
        """Look at the state until it says so of this experiment."""
        self.wait(lambda: self.entry().get("status") == status, f"state.json says {status} of {self.id}")

    def until_log(self, word: str) -> None:
        log = self.project / "progress" / "lab.log"
        self.wait(lambda: log.exists() and word in log.read_text(), f"lab.log says {word!r}")

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        ends = time.monotonic() + WITHIN_S
        while not holds():
            if time.monotonic() > ends:
                raise SystemExit(f"{self.id}: not within {WITHIN_S} s: {what}")
            time.sleep(0.05)


def now() -> str:
    return datetime.now().isoformat(timespec="seconds")  # noqa: DTZ005 - local and without a zone, as theirs


# --- the parts -------------------------------------------------------------------------------------------------------


def good(agent: Agent) -> None:
    """By the book: pending, running, result, both addresses, done."""
    agent.say()
    agent.runs()
    agent.until("running")
    agent.say(wandb_run_id="https://wandb.ai/me/study/runs/1", hf_artifact_url="https://huggingface.co/me/study/tree/main/1")
    agent.ends_well()


def half(agent: Agent) -> None:
    """Truncates and writes in place, and is seen half way; then whole, with Windows' line ends and keys of its own."""
    text = json.dumps({**agent.told, "status": "running", "pid": os.getpid(), "mood": {"calm": True}}, indent=2)
    agent.path.write_bytes(text[: len(text) // 2].encode())
    agent.until_log(f"{agent.id}.status.json: not JSON")
    agent.path.write_bytes(text.replace("\n", "\r\n").encode())
    agent.until("running")
    agent.told |= {"mood": {"calm": False}, "pid": os.getpid()}
    agent.ends_well()


def stranger(agent: Agent) -> None:
    """Writes somebody else's id into its file, then its own."""
    agent.put(json.dumps({**agent.told, "id": "somebody-else", "status": "done"}).encode())
    agent.until_log("its id is 'somebody-else'")
    agent.runs()
    agent.until("running")
    agent.ends_well()


def dead(agent: Agent) -> None:
    """Uses a word that is none of the seven; what it said before holds until it says failed."""
    agent.runs()
    agent.until("running")
    agent.say(status="dead")
    agent.until_log(f"{agent.id}.status.json: status should be")
    assert agent.entry()["status"] == "running"
    agent.say(status="failed", finished=now(), notes="CUDA out of memory")


def quoted(agent: Agent) -> None:
    """All numbers in quotes, as a shell with jq writes them; and no word of attempt or seq."""
    agent.told |= {"pid": str(os.getpid()), "gpu": "0", "retry_count": "1", "job_id": "4711.server"}
    agent.say(status="running", host="gadi", started=now())
    agent.until("running")
    agent.ends_well()


def marked(agent: Agent) -> None:
    """Begins its file with a byte order mark, and never learns."""
    agent.put(b"\xef\xbb\xbf" + json.dumps({**agent.told, "status": "done"}).encode())


def boastful(agent: Agent) -> None:
    """Says done, and there is no result."""
    agent.say(status="done", finished=now(), host=None, gpu=None, pid=None, job_id=None)


def needy(agent: Agent) -> None:
    """Fails, and writes an escalation in the keyed form; later another one."""
    agent.runs()
    agent.until("running")
    page = agent.project / "progress" / f"escalate_{agent.id}.md"
    page.parent.mkdir(exist_ok=True)
    form = "exp_id: {}\nhost: lab1\nreason: {}\naction_needed: look at the disk\ntimestamp: {}\n"
    page.write_text(form.format(agent.id, "disk_full", now()))
    agent.until_log(f"ASKS: {agent.id}-1 escalated")
    agent.say(status="failed", finished=now())
    agent.until("failed")
    with page.open("a") as out:
        out.write("\n" + form.format(agent.id, "artifact_upload_failed", now()))


def resumed(agent: Agent) -> None:
    """Ran before the lab knew of it; ends when the lab shows it as running."""
    agent.until("running")
    agent.told |= json.loads(agent.path.read_text())
    agent.ends_well()


def meddling(agent: Agent) -> None:
    """Reads, changes and writes the sidecar of an experiment that autolab runs."""
    agent.until("running")
    said = json.loads(agent.path.read_text())
    agent.put(json.dumps({**said, "status": "done", "hf_artifact_url": "https://huggingface.co/me/ours"}).encode())


def lead(agent: Agent) -> None:
    """Polls the state as a lead does, until everything it knows has ended or is parked; every read is whole."""
    words = {"pending", "running", "done", "failed", "cancelled", "on_hold", "unreachable"}
    state = agent.project / "dispatch" / "state.json"

    def over() -> bool:
        entries = json.loads(state.read_text())["experiments"]
        assert {entry["status"] for entry in entries} <= words
        # The one with the mark stays as it is: nothing that it said could be read.
        return all(e["status"] not in {"pending", "running"} for e in entries if e["id"] != "marked")

    agent.wait(over, "everything has ended or is parked")


PARTS: dict[str, Callable[[Agent], None]] = {
    part.__name__: part
    for part in (good, half, stranger, dead, quoted, marked, boastful, needy, resumed, meddling, lead)
}

if __name__ == "__main__":
    PARTS[sys.argv[3]](Agent(Path(sys.argv[1]), sys.argv[2]))
