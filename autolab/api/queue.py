"""Why a queued experiment waits, in one line, from state.json alone. Pure: documents in, text out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from autolab.api import blocked, wants
from autolab.rules.subjects import group_name

Entry = Mapping[str, Any]
HOLDING = frozenset({"running", "unreachable"})
CLOSED = frozenset({"unreachable", "troubled", "refused", "quarantined", "drained"})


class Queue:
    """What there is to wait for: other experiments, slots, hosts."""

    def __init__(
        self,
        entries: Iterable[Entry],
        hosts: Iterable[Entry],
        used: Mapping[str, int],
        now: str,
        questions: Iterable[Entry] = (),
    ) -> None:
        """``used`` host -> open attempts; ``now`` as files write it: text sorts as time."""
        self._entries, self._used, self._now = entries, used, now
        self._pauses = {q["about"]: str(q["id"]) for q in questions if q.get("reason") == "group_failing"}
        self._hosts = {str(host.get("name")): host for host in hosts}

    def why(self, entry: Entry) -> str:
        """What ``entry`` waits for."""
        return (
            self._under_way(entry)
            or self._dependencies(entry)
            or self._pause(entry)
            or self._time(entry)
            or wants.stage(entry, self._stages)
            or self._room(entry)
            or "starts with the next tick"
        )

    def _under_way(self, entry: Entry) -> str:
        if entry.get("executor") == "external":
            return "waits for its own executor: autolab does not launch it"
        if substatus := entry.get("substatus"):
            host = entry.get("host")
            return f"{substatus} on {host}" if host else str(substatus)
        return ""

    def _pause(self, entry: Entry) -> str:
        group = group_name(str(entry.get("group")), str(entry.get("phase"))) if self._pauses else ""
        asked = self._pauses.get(group)
        return f"its group is paused until {asked} is answered" if asked else ""

    def _dependencies(self, entry: Entry) -> str:
        return blocked.dependencies(entry, self._by_id) if entry.get("depends_on") else ""

    @cached_property
    def _by_id(self) -> dict[str, Entry]:
        """Made when first asked for: most labs have no dependencies, and 10,000 experiments take a while."""
        return {entry["id"]: entry for entry in self._entries}

    @cached_property
    def _at_work(self) -> list[Entry]:
        return [entry for entry in self._entries if wants.is_at_work(entry)]

    @cached_property
    def _stages(self) -> dict[str, Entry]:
        return wants.open_stages(self._entries)

    def _time(self, entry: Entry) -> str:
        until = entry.get("not_before")
        return f"not before {until}" if until and until > self._now else ""

    def _room(self, entry: Entry) -> str:
        wanted = entry.get("host")
        there = [h for name, h in self._hosts.items() if not wanted or fnmatchcase(name, str(wanted))]
        if not there:
            return f"no host {wanted} was seen yet" if wanted and self._hosts else ""
        if gone := blocked.removed(there):
            return gone
        usable = [host for host in there if host.get("status") not in CLOSED]
        if not usable:
            return blocked.shut(there[0], len(there) - 1)
        if all(host_waits := [self._environment(host) for host in usable]):
            return f"waits for {host_waits[0]}"
        if all(self._is_full(host) for host in usable):
            return f"no free slot on {', '.join(str(host['name']) for host in usable[:3])}"
        return wants.resources(entry, [host for host in usable if not self._is_full(host)], self._at_work)

    def _environment(self, host: Entry) -> str:
        """What there is to wait for before anything is launched on ``host``; empty: nothing."""
        known = host.get("environment") or {}
        which, name = f"try {known.get('tries')} of {known.get('of')}", f"the environment of {host['name']}"
        match known.get("stage"):
            case "checking":
                return f"{name} (making it ready, {which})"
            case "wanted":
                return f"{name} ({which} {f'at {at}' if (at := known.get('not_before')) else 'comes next'})"
            case "failed":
                return f"{name}, which is not ready: {known.get('why')}"
            case _:
                return ""

    def _is_full(self, host: Entry) -> bool:
        slots = host.get("slots")
        return slots is not None and self._used.get(str(host["name"]), 0) >= slots


def slots_used(entries: Iterable[Entry]) -> Counter[str]:
    """Open attempts by host: what runs, and what is being launched."""
    return Counter(
        str(entry["host"])
        for entry in entries
        if entry.get("host") and (entry["status"] in HOLDING or (entry["status"] == "pending" and entry["substatus"]))
    )
