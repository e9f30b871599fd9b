"""A lab of three SSH hosts, from an empty folder to checked results."""

from __future__ import annotations

import shlex
import signal
from collections import Counter

from tests.labhosts import LabHosts
from transcript_parts.session import Session, count, prepare

SETTINGS = """\
project: study
ssh: {config: hosts.conf}

hosts:
  lab1: {kind: ssh, slots: 2}
  lab2: {kind: ssh, slots: 2}
  lab3: {kind: ssh, slots: 2}

defaults: {phase: pilot, group: main, expected_duration_hours: 0.1}
"""

EXPERIMENTS = """\
experiments:
  - matrix: {method: [plain, momentum], dataset: [moons, rings], seed: [0, 1, 2]}
    name: fit
    command: python3 train.py --method {method} --dataset {dataset} --seed {seed} --out experiments/results/{id}.csv
    result_file: experiments/results/{id}.csv

  - id: fit-broken
    method: plain
    dataset: spirals
    seed: 0
    command: python3 train.py --method plain --dataset spirals --seed 0 --out experiments/results/fit-broken.csv
    result_file: experiments/results/fit-broken.csv
"""

TRAIN = '''\
"""Fits a small classifier by stochastic gradient descent; needs nothing but Python."""
import argparse, math, os, pathlib, random, time

parser = argparse.ArgumentParser()
for name in ("method", "dataset", "out"):
    parser.add_argument(f"--{name}")
parser.add_argument("--seed", type=int)
args = parser.parse_args()
chance = random.Random(f"{args.dataset} {args.seed}")


def moons(n):
    for _ in range(n):
        kind, turn = chance.random() < 0.5, chance.uniform(0, math.pi)
        x, y = math.cos(turn), math.sin(turn)
        yield (1 - x if kind else x) + chance.gauss(0, 0.2), (0.5 - y if kind else y) + chance.gauss(0, 0.2), kind


def rings(n):
    for _ in range(n):
        kind, turn = chance.random() < 0.5, chance.uniform(0, 2 * math.pi)
        radius = (1.0 if kind else 0.5) + chance.gauss(0, 0.15)
        yield radius * math.cos(turn), radius * math.sin(turn), kind


points = list({"moons": moons, "rings": rings}[args.dataset](1000))
ended = time.monotonic() + 20
weights, speed = [0.0] * 6, [0.0] * 6
while time.monotonic() < ended:
    for x, y, kind in chance.sample(points[:500], 50):
        seen = (1, x, y, x * x, y * y, x * y)
        error = 1 / (1 + math.exp(-sum(w * s for w, s in zip(weights, seen)))) - kind
        for i, s in enumerate(seen):
            speed[i] = (0.9 * speed[i] if args.method == "momentum" else 0) + error * s
            weights[i] -= 0.01 * speed[i]
    time.sleep(0.5)
right = sum((sum(w * s for w, s in zip(weights, (1, x, y, x * x, y * y, x * y))) > 0) == k for x, y, k in points[500:])
ident = os.environ["AUTOLAB_ID"]
pathlib.Path(args.out).write_text(
    "exp_id,method,dataset,group,metric,seed,value\\n"
    f"{ident},{args.method},{args.dataset},main,accuracy,{args.seed},{right / 500}\\n"
)
print(f"accuracy {right / 500}")
'''
# Every command writes down that it began, beside the code: this is how we know afterwards that none ran twice.
LEDGER = """\
with open(os.environ["AUTOLAB_PROJECT_DIR"] + "/began", "a") as began:
    began.write(os.environ["AUTOLAB_ID"] + "\\n")
"""


def ssh_lab(at: Session, lab: LabHosts) -> None:
    """From `init` to the results, with a cut link and a killed daemon in between; about two minutes."""
    head, _, rest = TRAIN.partition("chance = ")
    prepare(at, lab, {"train.py": f"{head}{LEDGER}chance = {rest}", "experiments.yaml": EXPERIMENTS})
    print("# A lab of three SSH hosts, from an empty folder to checked results")
    at.say(
        "Printed by `scripts/transcript ssh-lab`: three real sshd hosts, started for it on one machine.\n"
        "In between the link to one host is cut and the daemon is killed. The project's folder holds\n"
        "a training script, a list of experiments, and `hosts.conf`, an OpenSSH configuration with\n"
        "the aliases lab1, lab2 and lab3."
    )
    at.say("## A lab")
    at.run("autolab init")
    (at.folder / "autolab.yaml").write_text(SETTINGS)
    at.run("cat autolab.yaml experiments.yaml")
    at.run("git add -A && git commit -qm 'A study' && git log --oneline")
    at.run("autolab host test")
    at.run("autolab add --dry-run experiments.yaml")
    at.run("autolab add experiments.yaml")
    at.say("## The daemon at work")
    at.start_daemon()
    at.until(lambda e: count(e, "running") == 6 and count(e, "running", "lab2") == 2, "six run")
    at.run("autolab status")
    cut = sorted(i for i, e in at.entries().items() if e["status"] == "running" and e["host"] == "lab2")
    at.say(
        "## The link to lab2 is cut"
        + (": every packet to it and from it vanishes" if lab.isolated else ": its sshd is killed")
    )
    if lab.isolated:
        lab.drop("lab2")
    else:
        lab.kill_sshd("lab2")
        lab.cut("lab2")
    at.until(lambda e: count(e, "unreachable") == 2, "lab2 is unreachable")
    at.run("autolab status")
    at.run("autolab host list")
    at.say("Nothing failed and nothing was launched again: what runs on lab2 is unknown, and said to be.")
    at.say("## The daemon is killed")
    at.until(lambda e: count(e, "running") >= 2, "others run")
    at.kill_daemon(signal.SIGKILL)
    at.run("autolab status")
    at.say("The link comes back, and on the hosts everything goes on. Then a new daemon looks at what became of it.")
    if lab.isolated:
        lab.undrop("lab2")
    else:
        lab.start("lab2")
    at.start_daemon()
    at.say("## To the end")
    at.run("autolab wait --timeout 6m", expect=1)
    at.run("autolab status")
    question = next(str(e["question"]) for e in at.entries().values() if e.get("question"))
    at.run("cat progress/escalate_fit-broken.md")
    at.run(f"autolab decide {question} accept --note 'there are no spirals yet'")
    at.run(f"autolab history {shlex.quote(cut[0])}")
    at.run("autolab ps --all")
    at.run("tail -n +2 -q experiments/results/*.csv | sort")
    at.run("cat progress/lab.log")
    at.run("autolab replay")
    at.run("git log --oneline")
    at.kill_daemon(signal.SIGTERM)
    at.run("cat daemon.log")
    at.say("## Each command ran once")
    began = Counter(
        line for name in lab.names for line in at.run(f"autolab host exec {name} -- cat autolab/study/began").split()
    )
    if sorted(began) != sorted(at.entries()) or set(began.values()) != {1}:
        raise SystemExit(f"not once each: {began}")
    at.say(f"{len(began)} experiments, {sum(began.values())} commands that began.")
