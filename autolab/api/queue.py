"""Why a queued experiment waits, in one line, from state.json alone. Pure: documents in, text out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

Entry = Mapping[str, Any]
HOLDING = frozenset({"running", "unreachable"})
CLOSED = frozenset({"unreachable", "troubled", "refused", "quarantined", "drained"})


class Queue:
    """What there is to wait for: other experiments, slots, hosts."""

    def __init__(self, statuses: Mapping[str, str], hosts: Iterable[Entry], used: Mapping[str, int], now: str) -> None:
        """``statuses`` id -> status; ``used`` host -> open attempts; ``now`` as files write it: text sorts as time."""
        self._statuses, self._used, self._now = statuses, used, now
        self._hosts = {str(host.get("name")): host for host in hosts}

    def why(self, entry: Entry) -> str:
        """What ``entry`` waits for."""
        return (
            self._under_way(entry)
            or self._dependencies(entry)
            or self._time(entry)
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

    def _dependencies(self, entry: Entry) -> str:
        needs = {d: self._statuses.get(d, "not there") for d in entry.get("depends_on") or ()}
        open_ones = [f"{name} ({status})" for name, status in needs.items() if status != "done"]
        if not open_ones:
            return ""
        more = f" and {len(open_ones) - 3} more" if len(open_ones) > 3 else ""
        return f"waits for {', '.join(open_ones[:3])}{more}"

    def _time(self, entry: Entry) -> str:
        until = entry.get("not_before")
        return f"not before {until}" if until and until > self._now else ""

    def _room(self, entry: Entry) -> str:
        wanted = entry.get("host")
        there = [h for name, h in self._hosts.items() if not wanted or fnmatchcase(name, str(wanted))]
        if not there:
            return f"no host {wanted} was seen yet" if wanted and self._hosts else ""
        usable = [host for host in there if host.get("status") not in CLOSED]
        if not usable:
            host = there[0]
            more = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
            return f"host {host['name']} {host.get('status')} since {host.get('since')}{more}"
        if all(self._is_full(host) for host in usable):
            return f"no free slot on {', '.join(str(host['name']) for host in usable[:3])}"
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
