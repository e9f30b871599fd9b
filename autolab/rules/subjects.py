"""What a question may be about beside an experiment: a host, a phase, a group; and which experiments that are."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from autolab.model.state import DispatchState, Entry

_STRANGE: Final = re.compile(r"[^A-Za-z0-9]+")
_LONGEST: Final = 40


def phase_of(entry: Entry) -> str:
    """``phase:<name>`` as questions and clocks name the phase of ``entry``."""
    return f"phase:{_word(entry.spec.phase)}"


def group_of(entry: Entry) -> str:
    """``group:<name>``: its group within its phase."""
    return group_name(entry.spec.group, entry.spec.phase)


def group_name(group: str, phase: str) -> str:
    """The same by the names of group and phase."""
    return f"group:{group}-{_word(phase)}"


def members(state: DispatchState, about: str) -> list[Entry]:
    """The experiments that ``about`` speaks of, archived ones left out of a phase or group; none for a host."""
    if about in state.entries:
        return [state.entries[about]]
    name_of = {"phase": phase_of, "group": group_of}.get(about.partition(":")[0])
    if name_of is None:
        return []
    return [entry for entry in state.entries.values() if not entry.archived and name_of(entry) == about]


def _word(text: str) -> str:
    """``text`` as part of a file's name; what had to be changed for that keeps apart by a few digits of its hash."""
    word = _STRANGE.sub("-", text).strip("-").lower()[:_LONGEST]
    if word == text:
        return word
    return f"{word or 'x'}-{hashlib.sha256(text.encode()).hexdigest()[:4]}"
