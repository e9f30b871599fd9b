"""What stands in the way of a queued experiment for longer than a tick: others that ended badly, hosts that are shut.

Pure: documents of state.json in, one line out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Document = Mapping[str, Any]
BADLY: Final = frozenset({"failed", "cancelled"})
SHOWN: Final = 3


def dependencies(entry: Document, entries: Mapping[str, Document]) -> str:
    """Which of those that ``entry`` needs are not done, and which never will be unless a person acts; "": all are."""
    needs = {name: _status(entries, name) for name in entry.get("depends_on") or ()}
    waits = [name for name, status in needs.items() if status != "done"]
    if not waits:
        return ""
    if (ended := _ended_badly(waits, entries)) is not None:
        through = "" if ended in waits else f" (through {waits[0] if len(waits) == 1 else 'what it needs'})"
        return (
            f"does not run: it needs {ended}{through}, which {_word(_status(entries, ended))}; "
            f"autolab retry {ended}, or cancel this one"
        )
    more = f" and {len(waits) - SHOWN} more" if len(waits) > SHOWN else ""
    return f"waits for {', '.join(f'{name} ({needs[name]})' for name in waits[:SHOWN])}{more}"


def _ended_badly(names: list[str], entries: Mapping[str, Document]) -> str | None:
    """The nearest of ``names``, and of what these need in turn, that ended without being done."""
    seen, near = set(names), names
    while near:
        for name in near:
            if _status(entries, name) in BADLY:
                return name
        further = [d for name in near for d in entries.get(name, {}).get("depends_on") or () if d not in seen]
        near = [name for name in dict.fromkeys(further) if _status(entries, name) != "done"]
        seen.update(near)
    return None


def _status(entries: Mapping[str, Document], name: str) -> str:
    return str(entries[name]["status"]) if name in entries else "not there"


def _word(status: str) -> str:
    return "was cancelled" if status == "cancelled" else status


def shut(host: Document, others: int = 0) -> str:
    """Why nothing new goes to ``host`` now, and when it is tried again; ``others`` are shut too."""
    why = f": {host['why']}" if host.get("why") else ""
    again = f"; tried again at {host['not_before']}" if host.get("not_before") else ""
    more = f" (and {others} more)" if others else ""
    return f"host {host['name']} {host.get('status')} since {host.get('since')}{why}{again}{more}"


def removed(hosts: list[Document]) -> str:
    """That none of these hosts stands in autolab.yaml any more; "": one does, or there is none."""
    gone = [str(host["name"]) for host in hosts if "slots" in host and host["slots"] is None]
    if not gone or len(gone) < len(hosts):
        return ""
    return f"host {', '.join(gone[:SHOWN])} is not in autolab.yaml any more"
