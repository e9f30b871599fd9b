"""Work on a host that belongs to no experiment, begun at most once and carried to its end by the same claim as those.

An errand is an attempt in a lab of its own (``probing.LAB``): staged, claimed, looked at, its exit record read. Asked
for again under its name, after a cut or by another engine, it goes on where it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from autolab.executors.dialects.dialect import Seen
from autolab.executors.probing import DRIVER, LAB, Launcher, lab_dir
from autolab.executors.runner import script
from autolab.model.action import Code, Job, StageOrder
from autolab.model.observation import Liveness, Look

LOOK_S: Final = 5.0
LATE: Final = "it did not end in time"
CAME_TO_NOTHING: Final = "it ended and left no word of how"


class Carrier(Launcher, Protocol):
    """What of an executor an errand needs."""

    def signal(self, jobs: Sequence[Job]) -> dict[str, Seen]: ...

    def tail(self, job: Job, offset: int = 0, max_bytes: int = 65536) -> bytes: ...


def name_of(*parts: object) -> str:
    """The errand's name: the same for the same parts."""
    return f"probe-{hashlib.sha256(chr(0).join(map(str, parts)).encode()).hexdigest()[:16]}"


def order(
    name: str, state_dir: str, code: Code, text: str, env: dict[str, str], project_dir: str | None = None
) -> StageOrder:
    """The errand ``name`` that runs ``text`` in ``code``; without ``project_dir`` with a folder of its own for that."""
    folder = f"{lab_dir(state_dir)}/{name}"
    job = Job(LAB, name, 1, f"{folder}/a1", "probe", "probe", project_dir or f"{folder}/project")
    return StageOrder(job, code, text, env, "{}\n")


def ready_text(texts: dict[str, str], mark: str, *, probe_s: float, create_s: float, install_s: float) -> str:
    """The errand that makes an environment ready. ``texts``: of the steps probe, create and install."""
    limits = f"al_probe_s={int(probe_s)} al_create_s={int(create_s)} al_install_s={int(install_s)}\n"
    return _documents(texts) + document("mark", mark) + limits + script("ready.sh") + "al_ready\n"


def dry_text(first: str, second: str, own: Iterable[str], seconds: float) -> str:
    """The errand that tries a command: ``first``, and ``second`` where it does not know the flag of that."""
    texts = _documents({"first": first, "second": second}) + document("own", "\n".join(own))
    return texts + f"al_dry_s={int(seconds)}\n" + script("ready.sh") + script("dryrun.sh") + "al_dry\n"


def _documents(texts: dict[str, str]) -> str:
    return "".join(document(name, text) for name, text in texts.items())


def document(name: str, text: str) -> str:
    """A shell function ``al_<name>`` that prints ``text`` as it is; the delimiter is a hash of what it closes."""
    body = text if not text or text.endswith("\n") else f"{text}\n"
    end = "AL" + hashlib.sha256(body.encode("utf-8", "surrogateescape")).hexdigest()[:40]
    return f"al_{name}() {{\ncat <<'{end}'\n{body}{end}\n}}\n"


def carry_out(
    executor: Carrier, given: StageOrder, within_s: float, clock: Callable[[], datetime], goes_on: Callable[[], bool]
) -> Seen:
    """Bring the errand to its end; ``look`` SEEN with ``exit`` set, or what kept it from that in ``reason``.

    goes_on  False: somebody wants to leave; what was begun goes on on the host, and is found there next time
    """
    job, ends_at = given.job, clock() + timedelta(seconds=within_s)
    seen = executor.stage([given])[job.id]
    if seen.look is not Look.SEEN or _is_over(seen):
        return _whole(executor, job, seen)
    seen = executor.start([job], DRIVER)[job.id]
    while seen.look is Look.SEEN and not _is_over(seen) and goes_on():
        if clock() >= ends_at:
            executor.signal([job])
            return replace(executor.look([job])[job.id], reason=LATE)
        seen = executor.look([job], hold_s=LOOK_S)[job.id]
    return _whole(executor, job, seen)


def _is_over(seen: Seen) -> bool:
    """It ended, or nothing of it can end: never claimed, staged by another boot, gone without a record."""
    if seen.exit is not None or seen.refused or seen.garbled or seen.fenced:
        return True
    if seen.claim is None:
        return bool(seen.staged_boot and seen.staged_boot != seen.host.boot_id) or seen.refusals > 0
    return seen.child is Liveness.GONE and seen.runner is Liveness.GONE and not seen.others


def _whole(executor: Carrier, job: Job, seen: Seen) -> Seen:
    """With its log, which a look brings along once."""
    if seen.look is not Look.SEEN:
        return seen
    if seen.exit is None:
        return replace(seen, reason=seen.refused or seen.garbled or seen.reason or CAME_TO_NOTHING)
    return seen if seen.log is not None else replace(seen, log=executor.tail(job))
