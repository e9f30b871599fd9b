"""Commands as a user or cron starts them, each beside the least that a process of this Python costs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from bench_parts.biglab import big_lab, now
from bench_parts.measure import Plan, Row, alternate

AUTOLAB = (str(Path(sys.executable).parent / "autolab"),)
SETTLE_S = 2.2  # a file counts as unchanged only when its time stamp is that old
LIST_AND_STAT = "import os, sys\nfor e in os.scandir(sys.argv[1]): e.stat(follow_symlinks=False)"
COUNT = """import collections, orjson, sys
state = orjson.loads(open(sys.argv[1], 'rb').read())
print(collections.Counter(e['status'] for e in state['experiments']))"""


def run(*words: str) -> Callable[[], None]:
    """A side that runs a process to its end."""

    def side() -> None:
        subprocess.run(words, check=True, capture_output=True)

    return side


def python(text: str, *args: str) -> Callable[[], None]:
    return run(sys.executable, "-c", text, *args)


def quiet_poll(plan: Plan) -> Iterator[Row]:
    """``autolab poll`` when nothing happened, which is nearly every minute of a cron's life."""
    with big_lab(plan.entries, git=True) as lab:
        lab.tell(0)
        time.sleep(SETTLE_S)
        poll = run(*AUTOLAB, "-C", str(lab.root), "-q", "poll")
        poll()
        time.sleep(SETTLE_S)
        poll()  # leaves word that there is nothing to do
        before = os.stat(lab.layout.state)
        rounds = min(plan.rounds, 8)  # every eleventh poll reads all again, on purpose
        times = alternate(
            rounds, {"autolab poll": poll, "list and stat": python(LIST_AND_STAT, str(lab.layout.dispatch))}
        )
        after = os.stat(lab.layout.state)
    untouched = (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    yield Row(
        f"poll with nothing to do, {plan.entries:,} entries",
        times,
        {"list and stat": 2.0},
        {"state.json is untouched": untouched},
        ("list and stat: a process of the same Python, os.scandir and stat of each file",),
    )


def commands(plan: Plan) -> Iterator[Row]:
    """``--help`` and ``status``."""
    times = alternate(plan.rounds, {"autolab --help": run(*AUTOLAB, "--help"), "python -c pass": python("pass")})
    fast = median(times["autolab --help"]) <= 0.150
    yield Row("autolab --help", times, {"python -c pass": 6.0}, {"at most 150 ms": fast}, ("both in one environment",))
    with big_lab(plan.entries, git=True) as lab:
        engine = lab.engine()
        engine.render(now(), force=True)
        engine.close()
        status = run(*AUTOLAB, "-C", str(lab.root), "status")
        sides = {"autolab status": status, "orjson and count": python(COUNT, str(lab.layout.state))}
        times = alternate(plan.rounds, sides)
    yield Row(f"autolab status, {plan.entries:,} entries", times, {"orjson and count": 1.5})
