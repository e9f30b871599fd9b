"""A lab of three hosts with cards, left alone for half an hour with 40 experiments, a third of which misbehave."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.labhosts import LabHosts
from transcript_parts.session import Session, prepare

STUDY: Final = Path(__file__).parent / "study"
ALONE_S: Final = 1800

SETTINGS = """\
project: study
ssh: {config: hosts.conf}

hosts:
  lab1: {kind: ssh, slots: 4, gpus: auto}
  lab2: {kind: ssh, slots: 4, gpus: auto}
  lab3: {kind: ssh, slots: 4, gpus: auto}

defaults:
  phase: pilot
  group: main
  expected_duration_hours: 0.05     # three minutes
  resources: {gpus: 1}

patience: {silent_log: 4m}
"""

TRAIN = "--method {method} --dataset {dataset} --seed {seed} --out experiments/results/{id}.csv"
ALIKE = "--method plain --dataset moons --seed 7 --out experiments/results/"


@dataclass(frozen=True)
class Trouble:
    """An experiment that misbehaves, how it must stand once all was answered, and what is answered to what.

    asks    the reason of the question that it ends in, "" for none
    answer  what the person says to it
    """

    kind: str
    ends: str
    asks: str = ""
    answer: str = ""
    more: str = ""
    what: str = ""


TROUBLES: Final = {
    "oom-once": Trouble("memory", "done", more="--batch-size 128", what="needs a quarter of its batch"),
    "oom-always": Trouble(
        "memory", "failed", "retries_exhausted", "accept", "--batch-size 8 --fits 0", "fits at no batch size"
    ),
    "nan": Trouble("nan", "done", more="--grad-clip 100", what="diverges unless gradients are clipped at 1"),
    "module": Trouble("module", "failed", "missing_module", "accept", what="imports what is not installed"),
    "data": Trouble("data", "done", "undiagnosed_crash", "retry", what="looks for data that a person must bring"),
    "connection": Trouble("connection", "done", what="loses its connection once"),
    "killed": Trouble("killed", "done", what="is killed once"),
    "silent": Trouble("silent", "done", what="prints nothing for seven minutes, and then ends well"),
    "slow": Trouble("none", "done", more="--seconds 480", what="takes nearly three times as long as expected"),
    "endless": Trouble("endless", "cancelled", "timeout", "stop", what="never ends, and ignores TERM"),
    "no-result": Trouble("no_result", "failed", "result_missing", "accept", what="ends well and writes nothing"),
    "bad-result": Trouble("bad_result", "failed", "result_invalid", "accept", what="writes a table that lacks columns"),
    "survivor": Trouble("survivor", "done", what="leaves a process behind"),
    "words": Trouble("words", "done", what="prints `nan` and `CUDA out of memory`, and is well"),
}


def experiments() -> str:
    """``experiments.yaml``: 24 are well, 14 misbehave, one waits for one of these, one is too large."""
    text = f"""\
experiments:
  - matrix: {{method: [plain, momentum], dataset: [moons, rings], seed: [0, 1, 2, 3, 4, 5]}}
    name: fit
    command: python3 train.py {TRAIN} --seconds 100
    result_file: experiments/results/{{id}}.csv
"""
    for ident, trouble in TROUBLES.items():
        text += f"""
  - id: {ident}            # {trouble.what}
    method: plain
    dataset: moons
    seed: 7
    command: python3 trouble.py {trouble.kind} {ALIKE}{ident}.csv {trouble.more}
    result_file: experiments/results/{ident}.csv
"""
    return (
        text
        + f"""
  - id: after              # waits for one that fails
    depends_on: [oom-always]
    method: plain
    dataset: moons
    seed: 7
    command: python3 train.py {ALIKE}after.csv
    result_file: experiments/results/after.csv

  - id: too-large          # wants more cards than any host has
    resources: {{gpus: 3}}
    method: plain
    dataset: moons
    seed: 7
    command: python3 train.py {ALIKE}too-large.csv
    result_file: experiments/results/too-large.csv
"""
    )


WELL: Final = 24
LEFT: Final = {"after": "cancelled", "too-large": "cancelled"}


def alone(at: Session, lab: LabHosts) -> None:
    """From `init` over half an hour alone to answered questions; 40 minutes, and root for hosts of their own."""
    if not lab.isolated:
        raise SystemExit("hosts that can be cut off and restarted need root: run it as root")
    _make(at, lab)
    at.say("## Left alone")
    at.run("autolab init")
    (at.folder / "autolab.yaml").write_text(SETTINGS)
    at.run("cat autolab.yaml")
    at.run("git add -A && git commit -qm 'A study' && git log --oneline")
    at.run("autolab check")
    at.run("autolab host gpus")
    at.run("autolab add experiments.yaml")
    at.start_daemon()
    at.say("The person goes home. What happens to the lab meanwhile, beside what its experiments do:")
    _half_an_hour(at, lab)
    at.say("## Half an hour later")
    at.run("autolab status")
    at.run("autolab ask list")
    problems = _answer(at)
    at.say("## Once the last has ended")
    at.run("autolab wait --timeout 6m", expect=None)
    at.run("autolab status")
    at.run("autolab ps --all")
    for ident in ("oom-once", "nan", "slow", "survivor"):
        at.run(f"autolab history {ident}")
    at.run("cat progress/lab.log")
    at.run("autolab replay")
    at.kill_daemon(signal.SIGTERM)
    if problems := [*problems, *_problems(at, lab)]:
        raise SystemExit("\n".join(problems))


def _make(at: Session, lab: LabHosts) -> None:
    files = {name: (STUDY / name).read_text() for name in ("began.py", "train.py", "trouble.py")}
    prepare(at, lab, {**files, "experiments.yaml": experiments()})
    tools = lab.dir / "tools"
    tools.mkdir()
    tool = tools / "nvidia-smi"
    tool.write_text((STUDY / "nvidia-smi").read_text())
    tool.chmod(0o755)
    for name in lab.names:
        lab.configure(name, f"SetEnv PATH={tools}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
    print("# A lab of three SSH hosts, left alone for half an hour")
    at.say(
        "Printed by `scripts/transcript alone`: three real sshd hosts, started for it on one machine, each with two\n"
        "cards that a stand-in for `nvidia-smi` shows: it lists as their users the processes that were given them.\n"
        "Every command writes down that it began, and locks its card: a card that is shared, or a command that is\n"
        "started twice, would show. The project's folder holds a training script, one that misbehaves, `hosts.conf`\n"
        "with the aliases lab1, lab2 and lab3, and 40 experiments: 24 are well, 14 misbehave each in its own way, one\n"
        "waits for one that fails, and one wants more cards than any host has."
    )
    at.run("cat experiments.yaml")


def _half_an_hour(at: Session, lab: LabHosts) -> None:
    begun = time.monotonic()
    stranger: list[subprocess.Popen[bytes]] = []

    def somebody_takes_a_card() -> None:
        card = lab.inside("lab1", str(lab.dir / "tools" / "nvidia-smi"), "-L").split("UUID: ")[1].partition(")")[0]
        stranger.append(lab.begin_inside("lab1", "sh", "-c", "sleep 420; true", card))

    def killed() -> None:
        at.kill_daemon(signal.SIGKILL)

    def restarted() -> None:
        lab.stop("lab2")
        lab.start("lab2")

    story: list[tuple[int, str, Callable[[], Any]]] = [
        (60, "somebody else's process takes a card of lab1, for seven minutes", somebody_takes_a_card),
        (180, "the link to lab3 is cut: every packet to it and from it vanishes", lambda: lab.drop("lab3")),
        (420, "the link to lab3 is back", lambda: lab.undrop("lab3")),
        (540, "lab2 is restarted: all that ran there is gone", restarted),
        (720, "the daemon is killed", killed),
        (780, "cron, or systemd, starts another", at.start_daemon),
    ]
    for after_s, what, happens in story:
        _sleep_until(begun + after_s)
        at.say(f"- after {after_s // 60} minutes: {what}")
        happens()
    _sleep_until(begun + ALONE_S)


def _sleep_until(instant: float) -> None:
    time.sleep(max(0.0, instant - time.monotonic()))


def _answer(at: Session) -> list[str]:
    """What a person does who comes in: read each question, answer it. Gives what should not be so."""
    at.say("A person reads the questions one by one. This is the first, as the file shows it:")
    asked = at.questions()
    wanted = {ident: trouble for ident, trouble in TROUBLES.items() if trouble.asks}
    first = next(q for q in asked if q["about"] in wanted)
    at.run(f"cat progress/escalate_{first['about']}.md")
    at.run(f"autolab ask show {first['id']}")
    data = at.folder / "data"
    data.mkdir()
    for name in ("lab1", "lab2", "lab3"):
        at.run(f"autolab host exec {name} -- mkdir -p autolab/study/data/spirals")
    problems = []
    for question in asked:
        trouble = wanted.get(str(question["about"]))
        if trouble is None or question["reason"] != trouble.asks:
            problems.append(f"nobody expected {question['id']}: {question['reason']}: {question['seen']}")
            at.run(f"autolab ask show {question['id']}")
        else:
            at.run(f"autolab decide {question['id']} {trouble.answer} --note 'the morning after'")
    problems += [f"nothing was asked about {i}" for i in sorted(wanted.keys() - {str(q["about"]) for q in asked})]
    at.run("autolab cancel after too-large --reason 'they will not run'")
    return problems


def _problems(at: Session, lab: LabHosts) -> list[str]:
    """Whatever is not as it should be: every ending is the right one, nothing ran twice, no card was shared."""
    at.say("## Every ending is the right one")
    ends = {ident: trouble.ends for ident, trouble in TROUBLES.items()} | LEFT
    entries = at.entries()
    problems = [
        f"{ident} is {entry['status']}, not {ends.get(ident, 'done')}"
        for ident, entry in entries.items()
        if entry["status"] != ends.get(ident, "done")
    ]
    if len(entries) != WELL + len(ends):
        problems.append(f"there are {len(entries)} experiments")
    lines = [at.run(f"autolab host exec {name} -- cat autolab/study/began").splitlines() for name in lab.names]
    began = Counter(line for each in lines for line in each if line)
    problems += [f"{line} began {count} times" for line, count in began.items() if count > 1]
    logs = "".join(path.read_text(errors="replace") for path in (at.folder / "experiments/logs").glob("*.log"))
    if "is another job's" in logs:
        problems.append("two jobs were given one card")
    if not problems:
        at.say(
            f"{len(entries)} experiments: {dict(Counter(str(e['status']) for e in entries.values()))}.\n"
            f"{len(began)} attempts began, none of them twice; no card was shared. {os.cpu_count()} cores ran it all."
        )
    return problems
