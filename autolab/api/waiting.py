"""Waiting for experiments: looks at state.json again and again, and never at a host."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from autolab.api.place import Placed, read_state
from autolab.api.select import select
from autolab.api.view import ENDED, PARKED
from autolab.errors import NeedsPerson, NotYet

if TYPE_CHECKING:
    from autolab.api.experiment_results import WaitReport

UNTIL: Final = ("done", "ended", "parked")
LOOK_S: Final = 0.3


def between_looks(every_s: float, within_s: float | None = None) -> Iterator[None]:
    """One turn at once and one each ``every_s``, for ever or until ``within_s`` have passed."""
    ends = None if within_s is None else time.monotonic() + within_s
    while True:
        yield
        left = every_s if ends is None else min(every_s, ends - time.monotonic())
        if left <= 0:
            return
        time.sleep(left)


def wait_for(
    place: Placed, words: Iterable[str] = (), *, until: str = "ended", timeout_s: float | None = None
) -> WaitReport:
    """Wait until all that ``words`` name (default: all) have ended, are done, or are parked or ended.

    ``done`` is over, too, when one has failed. Waiting for ``done`` or ``ended`` is given up where only a person can
    move what is left.
    raises  NotYet after ``timeout_s``; NeedsPerson; UnknownName for a name that is not there
    """
    words = list(words) or ["all"]
    last: list[Mapping[str, Any]] = []
    seen: object = None
    for _ in between_looks(LOOK_S, timeout_s):
        signature = _signature(place)
        if signature != seen or seen is None:
            seen = signature
            state = read_state(place)
            meant = set(select(state["experiments"], words))
            last = [entry for entry in state["experiments"] if entry["id"] in meant]
            if _is_over(last, until):
                return _report(last)
            if until != "parked":
                _ask_for_person(state, last)
    open_ones = [entry["id"] for entry in last if entry["status"] not in ENDED]
    raise NotYet(
        f"{len(open_ones)} of {len(last)} have not ended after {timeout_s:g} s: {', '.join(open_ones[:5])}",
        hint="autolab status says what each waits for",
    )


def _is_over(entries: Iterable[Mapping[str, Any]], until: str) -> bool:
    statuses = {entry["status"] for entry in entries}
    if until == "done" and statuses & {"failed", "cancelled"}:
        return True  # it cannot come about any more
    return statuses <= (ENDED | PARKED if until == "parked" else ENDED)


def _ask_for_person(state: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]) -> None:
    """Everything that is left is parked, and nothing of it is known to run: only a person can move it."""
    left = [entry for entry in entries if entry["status"] not in ENDED]
    if any(entry["status"] != "on_hold" or entry.get("process_alive") for entry in left):
        return
    asked = {question["about"]: question["id"] for question in state.get("questions") or ()}
    names = [asked[entry["id"]] for entry in left if entry["id"] in asked]
    if names:
        raise NeedsPerson(f"what is left waits for an answer: {', '.join(names[:5])}", hint="autolab ask list")
    held = ", ".join(entry["id"] for entry in left[:5])
    raise NeedsPerson(f"what is left is held: {held}", hint="autolab release lets it go on")


def _report(entries: Iterable[Mapping[str, Any]]) -> WaitReport:
    by_status: dict[str, list[str]] = {}
    for entry in entries:
        by_status.setdefault(entry["status"], []).append(entry["id"])
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "done": by_status.get("done", []),
        "failed": [*by_status.get("failed", []), *by_status.get("cancelled", [])],
        "parked": [ident for name in sorted(PARKED) for ident in by_status.get(name, [])],
    }


def _signature(place: Placed) -> tuple[int, ...] | None:
    try:
        seen = place.layout.state.stat()
    except FileNotFoundError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns
