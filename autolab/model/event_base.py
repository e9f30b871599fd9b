"""What every event is: the fields all of them have, and how one changes the current attempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from autolab.model.evolve import evolved
from autolab.model.state import End, Entry

Changes = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """``at`` is our clock when it was folded; ``why`` is one line for people; ``actor`` who made it so."""

    name: ClassVar[str] = ""
    at: datetime
    id: str = ""
    attempt: int = 0
    actor: str = "autolab"
    why: str = ""

    def changes(self, entry: Entry) -> Changes:
        """What this does to the entry beside its status; every event leaves its ``why`` there."""
        return {}


def of_run(entry: Entry, **facts: Any) -> Changes:
    """Changes of the current attempt; an event that needs one and finds none changes nothing."""
    return {"run": evolved(entry.run, facts)} if entry.run is not None else {}


def close(entry: Entry, end: End) -> Changes:
    return of_run(entry, end=end) if entry.open_run is not None else {}
