"""A state made from what ``state.json`` shows people, where nothing better is left of a lab's record.

It shows designs, ends and counts; it does not show which folder an attempt runs in, nor its claim. So what may be under
way goes back to where its last attempt was not known yet: when the hosts say what they hold, that attempt is taken in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from autolab.errors import StoreDamaged
from autolab.model.documents import parse
from autolab.model.state import (
    TERMINAL,
    DispatchState,
    Entry,
    HostState,
    HostStatus,
    Option,
    Question,
    Spec,
    Status,
)
from autolab.rules.hosts import BY_PERSON

Document = Mapping[str, Any]
_DESIGN: Final = frozenset(field.name for field in fields(Spec)) - {"extra", "env", "resume", "gpu"}
_KEPT: Final = ("since", "why", "retry_count", "not_before", "result", "archived")


def salvaged(document: Document, lab: str, asked: Mapping[str, int], now: datetime) -> tuple[DispatchState, list[str]]:
    """The state that ``document`` tells of, and what it cannot tell, in words.

    asked  about -> the greatest number of a question that was ever asked about it
    """
    state = DispatchState(project=str(document.get("project", "")), lab=lab, updated=now)
    state.seq = int(document.get("journal_seq") or 0)
    unknown: list[str] = []
    under_way: list[str] = []
    for shown in document["experiments"]:
        try:
            entry = _entry(shown)
        except (StoreDamaged, KeyError, TypeError, ValueError) as error:
            ident = shown.get("id") if isinstance(shown, Mapping) else shown
            unknown.append(f"experiment {ident}: {error}")
            continue
        state.entries[entry.id] = entry
        if entry.status is Status.PENDING and _attempt(shown) > entry.attempt:
            under_way.append(f"{entry.id}.{_attempt(shown)}")
    state.asked.update(asked)
    for question in _questions(document, state):
        state.questions[question.id] = question
    state.hosts.update(_hosts(document))
    if under_way:
        unknown.append(f"whether these attempts ended, which only their hosts know: {', '.join(under_way)}")
    unknown.append("`env` and `resume` of designs, which state.json does not show")
    return state, unknown


def _entry(shown: Document) -> Entry:
    status, attempt = Status(shown["status"]), _attempt(shown)
    external = shown.get("executor") == "external"
    spec = parse(Spec, {**{key: shown[key] for key in _DESIGN if key in shown}, "extra": {}})
    kept = {key: shown[key] for key in _KEPT if shown.get(key) is not None}
    base = {"spec": spec, "added_at": shown["since"], "since": shown["since"], **kept}
    if status in TERMINAL or external:
        more = {name: shown.get(name) or "" for name in ("kind", "question")}
        more["finished_at"] = shown.get("finished")
        return parse(Entry, {**base, **more, "status": status, "attempt": attempt})
    open_ = attempt > 0 and (status is not Status.PENDING or bool(shown.get("substatus")))
    return parse(Entry, {**base, "status": Status.PENDING, "attempt": attempt - 1 if open_ else attempt})


def _attempt(shown: Document) -> int:
    return int(shown.get("attempt") or 0)


def _questions(document: Document, state: DispatchState) -> Iterator[Question]:
    """Those about what has ended; what was asked about an attempt is asked again once its host has spoken."""
    for shown in document.get("questions") or ():
        entry = state.entries.get(str(shown.get("about")))
        if entry is not None and entry.status in TERMINAL:
            options = tuple(Option(name=str(o["name"]), effect=str(o["effect"])) for o in shown["options"])
            same = {name: shown[name] for name in ("id", "about", "reason", "seen")}
            more = {"did": "", "options": options, "asked_at": shown["asked"], "attempt": entry.attempt}
            yield parse(Question, {**same, **more})


def _hosts(document: Document) -> dict[str, HostState]:
    """What a person said of hosts; the rest is learned anew."""
    found: dict[str, HostState] = {}
    for shown in document.get("hosts") or ():
        if shown.get("status") in BY_PERSON:
            name = str(shown["name"])
            found[name] = HostState(name=name, status=HostStatus(shown["status"]), why=str(shown.get("why") or ""))
    return found
