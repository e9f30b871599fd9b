"""What of a lab on its hosts is needed no more: attempts that are over, with everything of them here, and old."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from autolab.model.state import DispatchState, EndHow

# Ends after which the host may hold something that belongs here (rules/outcome.py) ...
_COLLECTED: Final = frozenset({EndHow.EXIT, EndHow.LOST, EndHow.HOST_RESTART})
# ... and ends that prove nothing: an attempt that a person gave up may live.
_KEPT: Final = frozenset({EndHow.ABANDONED, EndHow.SAID, EndHow.ACCOUNTING})


@dataclass(slots=True)
class Attempt:
    """One attempt as the journal tells it."""

    host: str
    run: str  # <ID>/a<n> below the lab's folder there
    root: str
    code: str
    how: str = ""
    ended_at: str = ""
    collected: bool = False


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Of one host, below ``root``: attempts whose files may go, and code that must stay."""

    root: str
    runs: tuple[str, ...] = ()
    code: frozenset[str] = field(default_factory=frozenset)


def attempts_of(events: Iterable[Mapping[str, Any]]) -> list[Attempt]:
    """Every attempt that was ever intended, from the journal's lines."""
    found: dict[tuple[str, int], Attempt] = {}
    for event in events:
        key = (str(event.get("id")), int(event.get("attempt") or 0))
        match event.get("event"):
            case "launch_intended":
                run = event["run"]
                root, _, name = str(run["dir"]).rpartition(f"/{key[0]}/")
                found[key] = Attempt(run["host"], f"{key[0]}/{name}", root, run["code"])
            case "ended" if key in found:
                found[key].how, found[key].ended_at = str(event["end"]["how"]), str(event["at"])
            case "collected" if key in found:
                found[key].collected = True
            case _:
                pass
    return list(found.values())


def leftovers(attempts: Iterable[Attempt], state: DispatchState, before: datetime) -> dict[str, Leftovers]:
    """By host: what ended before that instant and has nothing left to bring; all other attempts keep their code."""
    judging = {f"{e.id}/a{e.run.number}" for e in state.entries.values() if e.run is not None and not e.run.judged}
    runs: dict[str, list[str]] = {}
    code: dict[str, set[str]] = {}
    roots: dict[str, str] = {}
    for attempt in attempts:
        roots[attempt.host] = attempt.root
        if attempt.run not in judging and _is_over(attempt, before):
            runs.setdefault(attempt.host, []).append(attempt.run)
        else:
            code.setdefault(attempt.host, set()).add(attempt.code)
    for name, known in state.readiness.items():
        code.setdefault(name, set()).add(known.code)
    return {
        name: Leftovers(root, tuple(runs.get(name, ())), frozenset(code.get(name, ()))) for name, root in roots.items()
    }


def _is_over(attempt: Attempt, before: datetime) -> bool:
    if not attempt.how or attempt.how in _KEPT or datetime.fromisoformat(attempt.ended_at) >= before:
        return False
    return attempt.collected or attempt.how not in _COLLECTED
