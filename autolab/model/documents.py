"""Models to and from what stands on disk. Writing is orjson's; reading checks every field (pydantic, imported late)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from autolab.errors import StoreDamaged
from autolab.model.event import EVENTS, Event
from autolab.model.observation import Authority
from autolab.model.state import TERMINAL, DispatchState, Entry, HostState, Question, Run, Spec, Status

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = 1  # of state.json and dispatch/lab.json; a greater one is refused without a change
T = TypeVar("T")


@lru_cache(maxsize=1024)  # of ten thousand entries of a view, most share their instants: those of the ticks
def stamp(at: datetime | None) -> str | None:
    """An instant as every file of ours writes it: ``2026-11-20T10:44:12Z``."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


_ADAPTERS: dict[type, TypeAdapter[Any]] = {}  # built once each: a schema takes milliseconds


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    from pydantic import TypeAdapter  # 80 ms that only those who read documents should pay

    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def parse(kind: type[T], document: Any) -> T:
    """``document`` as a ``kind``; raises StoreDamaged naming the field that does not fit."""
    return _as(kind, lambda adapter: adapter.validate_python(document))


def _as(kind: type[T], read: Callable[[TypeAdapter[T]], T]) -> T:
    from pydantic import ValidationError

    try:
        return read(_adapter(kind))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreDamaged(f"{kind.__name__}: {where}: {first['msg']}") from error


def parse_event(document: Mapping[str, Any]) -> Event:
    """A journal line as the event it is; raises StoreDamaged for an unknown kind or a field that does not fit."""
    kind = EVENTS.get(str(document.get("event")))
    if kind is None:
        raise StoreDamaged(
            f"unknown event {document.get('event')!r} at seq {document.get('seq')}",
            hint="the journal may have been written by a newer autolab",
        )
    return parse(kind, {k: v for k, v in document.items() if k not in {"seq", "event", "crc"}})


def parse_state(text: bytes) -> DispatchState:
    """A snapshot as the state it is.

    Its text is never held as Python's objects, only its records are: half the time and memory, and one string for a
    word that ten thousand experiments share.
    """
    return _as(DispatchState, lambda adapter: adapter.validate_json(text))


_FROM_THE_TOP = tuple(authority.value for authority in Authority)  # Authority lists the highest first


def best(entry: Entry, key: str) -> Any:
    """What the highest authority says of ``key`` in the current attempt; None where nobody says anything."""
    layers = entry.layers
    if len(layers) == 1:  # nearly always: a fifth of the time
        return next(iter(layers.values())).values.get(key)
    for authority in _FROM_THE_TOP if layers else ():
        if (layer := layers.get(authority)) is not None and key in layer.values:
            return layer.values[key]
    return None


def said_by(entry: Entry, authority: Authority, key: str) -> Any:
    """What ``authority`` says of ``key`` in the current attempt; None where it says nothing."""
    layer = entry.layers.get(authority.value)
    return None if layer is None else layer.values.get(key)


def _said(entry: Entry) -> Mapping[str, Any]:
    """``best`` of every key of which anything is said, in one go."""
    layers = entry.layers
    if len(layers) == 1:
        return next(iter(layers.values())).values
    said: dict[str, Any] = {}
    for authority in reversed(_FROM_THE_TOP):
        if (layer := layers.get(authority)) is not None:
            said |= layer.values
    return said


# Keys of a sidecar that a view shows as they were said, besides those the engine itself knows.
_SHOWN = ("wandb_run_id", "wandb_artifact", "hf_artifact_url", "job_id", "job_id_number")
# Keys of sidecars that are ours to interpret and not for the view.
_OURS = frozenset({"id", "status", "attempt", "seq", "writer", "sighting", "collected", "log_tail", "started",
                   "finished", "host", "gpu", "pid", "retry_count", "notes"})  # fmt: skip


def entry_document(entry: Entry) -> dict[str, Any]:
    """An entry as ``dispatch/state.json`` shows it: readers' keys first, then ours, then whatever else was given."""
    said = _said(entry)
    document = _for_readers(entry, said)
    document.update(_of_ours(entry))
    for key in _SHOWN:
        if (value := said.get(key)) is not None:
            document[key] = value
    if entry.run is not None and entry.run.commit:
        document["git_commit"] = entry.run.commit
    for key, value in entry.spec.extra.items():
        document.setdefault(key, value)
    for key, value in said.items():
        if key not in _OURS:
            document.setdefault(key, value)
    return document


def _for_readers(entry: Entry, said: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that programs written for such a state look for, in their order."""
    spec, run, where = entry.spec, entry.run, said
    if run is not None and run.judged and entry.status is Status.PENDING:
        run, where = None, {}  # it waits anew: where the last attempt ran says nothing of the next
    return {
        "id": spec.id,
        "status": entry.status.value,
        "command": spec.command,
        "expected_duration_hours": spec.expected_duration_hours,
        "phase": spec.phase,
        "group": spec.group,
        "method": spec.method,
        "dataset": spec.dataset,
        "seed": spec.seed,
        "host": run.host if run else where.get("host") or spec.host,
        "gpu": _gpu(spec, run, where),
        "pid": run.claim.pid if run and run.claim else where.get("pid"),
        "job_id": None,
        "started": stamp(run.started_at) if run else where.get("started"),
        "finished": stamp(entry.finished_at),
        "wandb_run_id": None,
        "retry_count": _retries(entry, said),
        "max_retries": spec.max_retries,
        "notes": said.get("notes") or spec.notes,
        "priority": spec.priority,
        "stage": spec.stage,
        "result_file": spec.result_file,
        "checkpoint_dir": spec.checkpoint_dir,
    }


def _of_ours(entry: Entry) -> dict[str, Any]:
    """What autolab adds to them."""
    spec, run = entry.spec, entry.run
    return {
        "executor": spec.executor,
        "depends_on": list(spec.depends_on),
        "resources": spec.resources,
        "attempt": entry.attempt,
        "substatus": entry.substatus,
        "since": stamp(entry.since),
        "why": entry.why,
        "question": entry.question or None,
        "kind": entry.kind or None,
        "not_before": stamp(entry.not_before),
        "result": entry.result,
        "archived": entry.archived,
        "process_alive": _process_alive(entry),
        "code": run.code if run else None,
        "code_base": run.base or None if run else None,
        "vram_mib": run.vram_mib if run else None,
        "vram_basis": run.vram_basis if run else "",
        "peak_vram_mib": run.peak_mib if run else None,
        "exit_status": run.end.status if run and run.end else None,
        "decision": None if entry.decision is None else entry.decision.what,
    }


def _retries(entry: Entry, said: Mapping[str, Any]) -> int:
    """What was charged to it; an external executor counts by itself."""
    told = said.get("retry_count") if entry.spec.executor == "external" else None
    return entry.retry_count if told is None else int(told)


def _gpu(spec: Spec, run: Run | None, said: Mapping[str, Any]) -> Any:
    """What readers call gpu: one index, or several as text; None: no card."""
    gpus = run.gpus if run else ()
    if not gpus:
        told = said.get("gpu")
        return spec.gpu if told is None else told
    return int(gpus[0]) if len(gpus) == 1 and gpus[0].isdigit() else ",".join(gpus)


def _process_alive(entry: Entry) -> bool | None:
    """Whether something of it is believed to run: None where nobody knows."""
    run = entry.open_run
    if run is None and (entry.spec.executor != "external" or entry.status in TERMINAL):
        return False
    if run is None or run.claim is None:
        return None
    unheard = entry.status.value == "unreachable" or entry.substatus == "unreachable"
    return None if unheard or run.gone_at else True


def question_document(question: Question) -> dict[str, Any]:
    """An open question as state.json lists it."""
    return {
        "id": question.id,
        "about": question.about,
        "reason": question.reason,
        "asked": stamp(question.asked_at),
        "seen": question.seen,
        "again": question.again,
        "options": [{"name": option.name, "effect": option.effect} for option in question.options],
        "default": question.default,
        "due": stamp(question.due_at),
    }


def host_document(host: HostState, slots: int | None = None, logins: int | None = None) -> dict[str, Any]:
    """A host as state.json lists it."""
    return {
        "name": host.name,
        "status": host.status.value,
        "since": stamp(host.since),
        "why": host.why,
        "slots": slots,
        "logins_last_hour": logins,
        "misses": host.misses,
        "not_before": stamp(host.not_before),
        "gpus": None if host.cards is None else list(host.cards.cards),
        "gpus_problem": host.cards.problem if host.cards is not None else "",
    }
