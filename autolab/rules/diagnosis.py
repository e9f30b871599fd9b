"""How an attempt ended badly: one kind, by an ordered table; and what each kind is answered with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from autolab.model.state import End, EndHow

TAIL_MAX: Final = 64 * 1024  # bytes of log that a diagnosis reads; lines are cut to LINE_MAX
LINE_MAX: Final = 2000


class Remedy(StrEnum):
    """What autolab does by itself about a kind of failure."""

    AGAIN = "again"  # the same command after a while
    HALVE = "halve"  # a flag's number of the next attempt is halved
    OFFLINE = "offline"  # the tracker's variable is set to offline
    ASK = "ask"  # never blindly again: a person decides


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table.

    pattern   what a line of the log's tail looks like; None: by exit status or by how it ended alone
    statuses  exit statuses that mean it without any log line
    wait_s    before the next attempt
    by_host   not charged to the experiment
    """

    name: str
    remedy: Remedy
    pattern: re.Pattern[str] | None = None
    statuses: frozenset[int] = frozenset()
    wait_s: float = 0.0
    by_host: bool = False


def _lines(*alternatives: str) -> re.Pattern[str]:
    """Forms anchored to how such a line begins, so that a text *about* an error is none."""
    return re.compile("|".join(f"(?:{a})" for a in alternatives))


_TRACE = r"^(?:[\w.]+\.)?"  # a Python exception line: its class, perhaps with the module before it

# First match wins. Sources: messages of CPython 3.11-3.13, PyTorch 2.x, NCCL, requests/urllib3, wandb, glibc strerror.
KINDS: Final[tuple[Kind, ...]] = (
    Kind(
        "cuda_oom",
        Remedy.HALVE,
        _lines(_TRACE + r"(?:OutOfMemoryError|RuntimeError): .*CUDA out of memory", r"^.*CUDA error: out of memory\b"),
    ),
    Kind(
        "disk_full",
        Remedy.AGAIN,
        _lines(_TRACE + r"OSError: \[Errno 28\]", r"^.*: No space left on device$"),
        wait_s=600.0,
        by_host=True,
    ),
    Kind("missing_module", Remedy.ASK, _lines(_TRACE + r"(?:ModuleNotFoundError|ImportError): ")),
    Kind("nan_loss", Remedy.ASK, _lines(r"^(?:.*\b)?(?:train_)?loss\s*[=:]\s*nan\b")),
    Kind(
        "tracker_offline",
        Remedy.OFFLINE,
        _lines(
            _TRACE + r"(?:CommError|UsageError): .*(?:wandb|api\.wandb\.ai)", r"^wandb: ERROR .*(?:network|connect)"
        ),
    ),
    Kind(
        "connection",
        Remedy.AGAIN,
        _lines(
            _TRACE + r"(?:Connection(?:Refused|Reset|Aborted)?Error|ConnectTimeout|ReadTimeout|URLError|gaierror): ",
            r"^.*: (?:Connection refused|Connection reset by peer|Temporary failure in name resolution)$",
        ),
        statuses=frozenset({75}),  # EX_TEMPFAIL of sysexits.h
        wait_s=30.0,
    ),
    Kind("environment", Remedy.ASK, statuses=frozenset({78, 126, 127})),  # EX_CONFIG, not executable, not found
    Kind("killed", Remedy.AGAIN, statuses=frozenset({137, 143}), wait_s=30.0),
)
UNDIAGNOSED: Final = Kind("undiagnosed", Remedy.ASK)
RESULT_MISSING: Final = Kind("result_missing", Remedy.ASK)
RESULT_INVALID: Final = Kind("result_invalid", Remedy.ASK)
_BY_END: Final = {
    EndHow.REFUSED: Kind("launch_refused", Remedy.AGAIN, wait_s=10.0, by_host=True),
    EndHow.FENCED: Kind("never_started", Remedy.AGAIN, by_host=True),
    EndHow.HOST_RESTART: Kind("host_restart", Remedy.AGAIN, by_host=True),
    EndHow.WITHDRAWN: Kind("host_unreachable", Remedy.AGAIN, by_host=True),
    EndHow.LOST: Kind("lost", Remedy.AGAIN, wait_s=30.0),
    EndHow.ABANDONED: Kind("abandoned", Remedy.AGAIN, by_host=True),
}


def diagnose(end: End, tail: str, result: str) -> Kind | None:
    """The kind of failure, or None for an end that needs none: status 0, and its result (if declared) is good.

    tail    the last bytes of this attempt's own log
    result  "", none, fresh, stale, absent, invalid: what was found of the declared result
    """
    if end.how in _BY_END:
        return _BY_END[end.how]
    if end.status == 0:
        return {"absent": RESULT_MISSING, "stale": RESULT_MISSING, "invalid": RESULT_INVALID}.get(result)
    lines = [line[:LINE_MAX] for line in tail[-TAIL_MAX:].splitlines()]
    for kind in KINDS:
        if end.status in kind.statuses or (kind.pattern and any(kind.pattern.search(line) for line in lines)):
            return kind
    return UNDIAGNOSED


BATCH_FLAGS: Final = ("--batch-size", "--batch_size", "--train-batch-size", "--per_device_train_batch_size", "-b")


def halved(command: str, flags: tuple[str, ...] = BATCH_FLAGS) -> str | None:
    """``command`` with the first of ``flags`` that carries a whole number above 1 halved; None: none does."""
    for flag in flags:
        found = re.search(rf"(?<!\S){re.escape(flag)}(?:=|\s+)(\d+)(?!\S)", command)
        if found and int(found[1]) > 1:
            start, stop = found.span(1)
            return f"{command[:start]}{int(found[1]) // 2}{command[stop:]}"
    return None
