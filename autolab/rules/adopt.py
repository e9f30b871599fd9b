"""Attempts that hosts hold and the journal lacks, taken in by a new driver: what happened without our knowing.

Processes that a person adopts are another thing: see ``processes``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from autolab.errors import StoreDamaged
from autolab.model import ids
from autolab.model.documents import parse
from autolab.model.event import (
    Added,
    CancelAsked,
    Ended,
    Event,
    Held,
    LaunchIntended,
    Noted,
    Released,
    Requeued,
    RetryAsked,
)
from autolab.model.holding import AttemptDocument, Holding
from autolab.model.plan import HostPlan
from autolab.model.state import TERMINAL, DispatchState, End, EndHow, Entry, Remark, Run, Status
from autolab.rules.questions import ask_about, withdraw

CLOSED = "the driver before went on to a later attempt"


@dataclass(frozen=True, slots=True)
class Found:
    """An attempt as a host holds it."""

    host: HostPlan
    dir: str
    document: AttemptDocument

    @property
    def key(self) -> tuple[str, int]:
        return self.document.id, self.document.attempt

    def run(self, now: datetime) -> Run:
        """The attempt as the journal would have it; nothing of what became of it is known here."""
        said = self.document
        return Run(
            number=said.attempt,
            host=self.host.name,
            dir=self.dir,
            project_dir=said.project_dir or self.host.project_dir,
            token=said.token,
            spec_hash=said.spec_hash,
            code=said.code,
            command=said.command,
            env=said.env,
            gpus=said.gpus,
            intended_at=said.intended_at or now,
        )


@dataclass(frozen=True, slots=True)
class Strange:
    """A folder of an attempt whose ``spec.json`` says nothing that holds."""

    host: str
    run: str
    why: str

    def __str__(self) -> str:
        return f"{self.host}: {self.run}/spec.json: {self.why}"


def read(host: HostPlan, holding: Holding, lab: str) -> tuple[list[Found], list[Strange]]:
    """The attempts of one host, and the folders that are not known to be any."""
    found: list[Found] = []
    strange: list[Strange] = []
    for run, text in holding.documents.items():
        try:
            document = parse(AttemptDocument, json.loads(text))
            problem = _problem(document, run, lab)
        except (ValueError, RecursionError, StoreDamaged) as error:
            problem = str(error)
        if problem:
            strange.append(Strange(host.name, run, problem))
        else:
            found.append(Found(host, f"{host.run_root}/{run}", document))
    return found, strange


def _problem(document: AttemptDocument, run: str, lab: str) -> str:
    if document.lab != lab:
        return f"of another lab, {document.lab}"
    if f"{document.id}/a{document.attempt}" != run or document.spec.id != document.id or not ids.is_id(document.id):
        return "of another attempt than its folder"
    if document.token != ids.token(lab, document.id, document.attempt):
        return "its token is not that of the attempt"
    return ""


def adopt(state: DispatchState, found: Iterable[Found], now: datetime) -> Iterator[Event]:
    """What the journal lacks; fold each event into ``state`` before the next is asked for.

    Attempts of one experiment come in the order of their numbers: one that is lower than the current one is over.
    """
    for first, *others in _in_order(found):
        entry = state.entries.get(first.document.id)
        if entry is None:
            why = f"found on {first.host.name}"
            yield Added(at=now, id=first.document.id, actor="takeover", why=why, spec=first.document.spec)
            entry = state.entries[first.document.id]
        if first.document.attempt > entry.attempt:
            yield from _taken_in(state, entry, first, now)
        elif first.document.attempt == entry.attempt and _differs(entry, first):
            yield from _conflict(state, first, now)
        for other in others:
            yield from _conflict(state, other, now)


def beware(state: DispatchState, strange: Iterable[Strange], now: datetime) -> Iterator[Event]:
    """What waits and may run unknown to us, in a folder that does not say what it is, is held for a person."""
    for one in strange:
        ident, _, number = one.run.partition("/a")
        entry = state.entries.get(ident)
        if entry is not None and entry.status is Status.PENDING and int(number) > entry.attempt:
            why = f"{one}: it may have run there; release it if it did not"
            yield Held(at=now, id=ident, attempt=entry.attempt, actor="takeover", why=why)


def _in_order(found: Iterable[Found]) -> list[list[Found]]:
    """By experiment and number, those that are the same attempt together: the one where its own document puts it first.

    Two hosts of one state folder tell of the same attempt twice, and that is no conflict.
    """
    groups: dict[tuple[str, int], list[Found]] = {}
    for one in sorted(found, key=lambda f: (*f.key, f.host.name != f.document.host)):
        same = groups.setdefault(one.key, [])
        if not any(one.document == other.document for other in same):
            same.append(one)
    return list(groups.values())


def _differs(entry: Entry, found: Found) -> bool:
    return entry.run is not None and entry.run.spec_hash != found.document.spec_hash


def _taken_in(state: DispatchState, entry: Entry, found: Found, now: datetime) -> Iterator[Event]:
    """The experiment is brought to where an attempt may begin, and this one has begun."""
    stood = entry.decision
    yield from withdraw(state, entry.id, now, CLOSED)
    yield from _made_ready(state, state.entries[entry.id], now)
    run = found.run(now)
    why = f"found on {found.host.name}"
    yield LaunchIntended(at=now, id=entry.id, attempt=run.number, actor="takeover", run=run, why=why)
    if stood is not None and entry.status not in TERMINAL and state.entries[entry.id].decision is None:
        yield from _stands_again(entry, run, stood, now)


def _made_ready(state: DispatchState, entry: Entry, now: datetime) -> Iterator[Event]:
    common: dict[str, Any] = {"at": now, "id": entry.id, "attempt": entry.attempt, "actor": "takeover", "why": CLOSED}
    if entry.status in TERMINAL:
        yield RetryAsked(**common)
        return
    if entry.open_run is not None:
        yield Ended(**common, end=End(how=EndHow.SAID, at=now, detail=CLOSED))
    entry = state.entries[entry.id]
    if entry.closed_run is not None:
        yield Requeued(**common, kind="", remedy=CLOSED, charged=False)
    elif entry.status is not Status.PENDING:
        yield Released(**common)


def _stands_again(entry: Entry, run: Run, stood: Remark, now: datetime) -> Iterator[Event]:
    """A person's word outlives the way to the attempt."""
    common: dict[str, Any] = {"at": now, "id": entry.id, "attempt": run.number, "actor": stood.by, "why": stood.why}
    if stood.what == "hold":
        yield Held(**common)
    elif stood.what == "cancel":
        yield CancelAsked(**common)


def _conflict(state: DispatchState, found: Found, now: datetime) -> Iterator[Event]:
    """Two attempts of one number: a person says which of them counts."""
    ident, number = found.key
    entry = state.entries.get(ident)
    seen = f"{found.host.name} holds another attempt {number} of {ident} in {found.dir}: {found.document.command}"
    if entry is not None and entry.open_run is not None and entry.attempt == number:
        did = "nothing: it is neither ended nor launched again"
        yield from ask_about(state, entry, "unknown_end", now, seen=seen, did=did)
    else:
        yield Noted(at=now, id=ident, attempt=number, kind="conflict", why=seen)
