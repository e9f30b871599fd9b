"""What stands there: ``status``, ``ps``, ``show``. Reads state.json as a plain document and nothing else of weight."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from autolab.api.place import Placed, read_state
from autolab.api.queue import Queue, slots_used
from autolab.api.select import select, the_one
from autolab.store.files import Files
from autolab.store.locks import who
from autolab.store.logins import LoginLedger

if TYPE_CHECKING:
    from autolab.api.experiment_results import ExperimentLine, ListReport, ShowReport
    from autolab.api.host_results import HostLine
    from autolab.api.question_results import QuestionLine
    from autolab.api.results import EngineLine, StatusReport

LIMIT: Final = 50
NO_LOGINS: Final[Mapping[str, int]] = {}
ENDED_SHOWN: Final = 5
PARKED: Final = frozenset({"on_hold", "unreachable"})
ENDED: Final = frozenset({"done", "failed", "cancelled"})
Document = Mapping[str, Any]


def status(place: Placed, limit: int = LIMIT) -> StatusReport:
    """The lab at a glance: open questions first. At most ``limit`` experiments a group; ``counts`` has them all."""
    state = read_state(place)
    groups: dict[str, list[Document]] = {}
    for entry in state["experiments"]:
        groups.setdefault(entry["status"], []).append(entry)
    open_ones = [e for name, found in groups.items() if name not in ENDED for e in found]
    used = slots_used(open_ones)
    queue = Queue(state["experiments"], state.get("hosts") or (), used, _now(), state.get("questions") or ())
    running = groups.get("running", [])
    return {
        "at": _now(),
        "project": str(state.get("project", "")),
        "updated": state.get("updated"),
        "engine": engine(place),
        "launching": state.get("launching"),
        "questions": [question_line(question) for question in state.get("questions") or ()],
        "running": [_line(entry) for entry in running[:limit]],
        "queued": [_line(entry, queue.why(entry)) for entry in groups.get("pending", [])[:limit]],
        "parked": [_line(e) for name in sorted(PARKED) for e in groups.get(name, [])][:limit],
        "ended": [_line(entry) for entry in _last_ended(groups)],
        "counts": {name: len(found) for name, found in sorted(groups.items())},
        "hosts": host_lines(state, used, logins_last_hour(place)),
    }


def is_cut(report: StatusReport) -> bool:
    """Whether a group of ``report`` holds fewer than there are."""
    counts = report["counts"]
    parked = sum(counts.get(name, 0) for name in PARKED)
    return (
        counts.get("running", 0) > len(report["running"])
        or counts.get("pending", 0) > len(report["queued"])
        or parked > len(report["parked"])
    )


def ps(
    place: Placed,
    words: Iterable[str] = (),
    statuses: Iterable[str] = (),
    *,
    ended: bool = False,
    limit: int = LIMIT,
) -> ListReport:
    """Experiments, one a line: those not ended, unless they are named, asked for by status, or ``ended`` says all."""
    state = read_state(place)
    words, statuses = list(words), list(statuses)
    if words or statuses:
        named = set(select(state["experiments"], words, statuses))
        found = [entry for entry in state["experiments"] if entry["id"] in named]
    else:
        found = [entry for entry in state["experiments"] if ended or entry["status"] not in ENDED]
    queue = _queue(state)
    lines = [_line(e, queue.why(e) if e["status"] == "pending" else None) for e in found[: limit or None]]
    return {"at": _now(), "experiments": lines, "total": len(found)}


def show(place: Placed, ident: str) -> ShowReport:
    """Everything about one experiment; ``last`` is the one added last. raises UnknownName."""
    state = read_state(place)
    entry = the_one(state["experiments"], ident)
    if entry["status"] == "pending":
        entry = {**entry, "why": _queue(state).why(entry)}
    questions = [question_line(q) for q in state.get("questions") or () if q.get("about") == entry["id"]]
    return {"at": _now(), "experiment": dict(entry), "questions": questions, "files": _files(place, entry)}


def _files(place: Placed, entry: Document) -> dict[str, str]:
    """Its files that are there, by what they are, relative to the project."""
    layout, ident = place.layout, entry["id"]
    paths = {
        "log page": layout.log(ident),
        "sidecar": layout.sidecar(ident),
        "reports": layout.run_file(ident),
        "escalation": layout.escalation(ident),
    }
    if entry.get("result_file"):
        paths["result"] = layout.root / str(entry["result_file"])
    return {what: str(path.relative_to(layout.root)) for what, path in paths.items() if path.exists()}


def engine(place: Placed) -> EngineLine | None:
    """Who is the engine now, as far as can be told without a lock; None: nobody."""
    holder = who(place.layout, Files())
    if holder is None:
        return None
    return {"what": holder.what, "pid": holder.pid, "host": holder.host, "since": holder.since}


def logins_last_hour(place: Placed) -> dict[str, int]:
    """Logins by host within the last hour, by every process of this clone."""
    return LoginLedger(place.layout, Files()).counts(datetime.now(UTC) - timedelta(hours=1))


def host_lines(
    state: Document, used: Mapping[str, int] | None = None, logins: Mapping[str, int] = NO_LOGINS
) -> list[HostLine]:
    """The hosts of a state, with how many slots are taken, and how often they were logged in to within the hour."""
    used = slots_used(state["experiments"]) if used is None else used
    return [
        {
            "name": str(host.get("name", "")),
            "status": str(host.get("status", "")),
            "since": host.get("since"),
            "why": str(host.get("why") or ""),
            "slots": host.get("slots"),
            "used": used.get(str(host.get("name")), 0),
            "logins_last_hour": logins.get(str(host.get("name")), 0),
        }
        for host in state.get("hosts") or ()
    ]


def question_line(question: Document) -> QuestionLine:
    """An open question with the command that answers it; its first option stands in, or the default."""
    options = question.get("options") or []
    choice = question.get("default") or (options[0]["name"] if options else "OPTION")
    return {
        "id": str(question["id"]),
        "about": str(question.get("about", "")),
        "reason": str(question.get("reason", "")),
        "asked": question.get("asked"),
        "seen": str(question.get("seen", "")),
        "options": [{"name": str(o["name"]), "effect": str(o.get("effect", ""))} for o in options],
        "default": question.get("default"),
        "due": question.get("due"),
        "command": f"autolab decide {question['id']} {choice}",
    }


def counts(state: Document) -> dict[str, int]:
    """How many experiments have each status."""
    return dict(sorted(Counter(entry["status"] for entry in state["experiments"]).items()))


def _queue(state: Document) -> Queue:
    entries = state["experiments"]
    return Queue(entries, state.get("hosts") or (), slots_used(entries), _now(), state.get("questions") or ())


def _last_ended(groups: Mapping[str, list[Document]]) -> list[Document]:
    ended = [(entry.get("since") or "", entry["id"], entry) for name in ENDED for entry in groups.get(name, ())]
    return [entry for *_, entry in heapq.nlargest(ENDED_SHOWN, ended)]


def _line(entry: Document, why: str | None = None) -> ExperimentLine:
    return {
        "id": entry["id"],
        "status": entry["status"],
        "substatus": entry.get("substatus") or "",
        "host": entry.get("host"),
        "gpu": entry.get("gpu"),
        "since": entry.get("since"),
        "attempt": entry.get("attempt") or 0,
        "retries": entry.get("retry_count") or 0,
        "method": str(entry.get("method", "")),
        "dataset": str(entry.get("dataset", "")),
        "seed": entry.get("seed") or 0,
        "why": str(entry.get("why") or "") if why is None else why,
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
