"""What an experiment asks of hosts beside a slot, and does not find: its stage, GPUs, cores, memory. Documents in, text
out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Document = Mapping[str, Any]
AT_WORK: Final = frozenset({"running", "unreachable"})
SHOWN: Final = 3  # of hosts, and of cards of each


def open_stages(entries: Iterable[Document]) -> dict[str, Document]:
    """Phase -> the experiment of its lowest stage that has not passed."""
    first: dict[str, Document] = {}
    for entry in entries:
        passed = entry["status"] in ("done", "cancelled") or (entry["status"] == "failed" and not entry.get("question"))
        if passed or entry.get("archived"):
            continue
        phase = str(entry.get("phase", ""))
        if phase not in first or (entry.get("stage") or 1) < (first[phase].get("stage") or 1):
            first[phase] = entry
    return first


def stage(entry: Document, stages: Mapping[str, Document]) -> str:
    """The stage that must pass before that of ``entry``; "": it is its turn."""
    before = stages.get(str(entry.get("phase", "")))
    if before is None or (before.get("stage") or 1) >= (entry.get("stage") or 1):
        return ""
    question = before.get("question")
    answer = f": autolab decide {question} answers it" if question and before["status"] == "failed" else ""
    return f"waits for stage {before.get('stage') or 1}: {before['id']} is {before['status']}{answer}"


def resources(entry: Document, hosts: Sequence[Document], at_work: Sequence[Document]) -> str:
    """Cores, memory or GPUs that none of ``hosts`` has free; "": nothing is known to be short.

    at_work  experiments that hold something somewhere
    """
    wants = entry.get("resources") or {}
    for key, what in (("cpus", "cores"), ("mem_mib", "MiB of memory")):
        wanted = wants.get(key) or 0
        if not hosts or any(host.get(key) is None for host in hosts):
            continue
        left = {str(host["name"]): host[key] - _sum(at_work, str(host["name"]), key) for host in hosts}
        if all(free < wanted for free in left.values()):
            said = ", ".join(f"{name} has {free} free" for name, free in list(left.items())[:SHOWN])
            return f"{wanted} {what} wanted: {said}"
    return _gpus(entry, hosts, at_work) if wants.get("gpus") else ""


def _gpus(entry: Document, hosts: Sequence[Document], at_work: Sequence[Document]) -> str:
    wanted, mib = int(entry["resources"]["gpus"]), entry["resources"].get("gpu_mem_mib")
    named = str(entry["gpu"]) if isinstance(entry.get("gpu"), int) else None
    said: dict[str, list[str]] = {}  # what there is -> the hosts where it is so
    for host in hosts:
        told, free = _cards(host, named, at_work)
        if free >= wanted:
            return f"waits until a GPU of {host['name']} has well over {mib} MiB free" if mib else ""
        said.setdefault(told, []).append(str(host["name"]))
    parts = [f"{_some(names)}: {told}" for told, names in said.items()]
    return f"{wanted} GPU{'' if wanted == 1 else 's'} wanted: {_some(parts, '; ')}"


def _cards(host: Document, named: str | None, at_work: Sequence[Document]) -> tuple[str, int]:
    """What there is of GPUs on a host, and how many are free. Why a card of ours is not is seen where it runs."""
    if problem := host.get("gpus_problem"):
        return str(problem), 0
    if (cards := host.get("gpus")) is None:
        return "not asked yet", 0
    holders = _holders(str(host["name"]), at_work)
    kept = {card["index"]: f"held by {holders[card['index']]}" if card["index"] in holders else card["why"]
            for card in cards}  # fmt: skip
    if named is not None and kept.get(named):
        return f"GPU {named} {kept[named]}", 0
    free = sum(not why for why in kept.values())
    others = [f"GPU {index} {why}" for index, why in kept.items() if why and index not in holders]
    return _some([f"{free} of {len(kept)} free", *others]), free


def _some(words: Sequence[str], between: str = ", ") -> str:
    """The first few of ``words``, and how many more there are."""
    more = [f"and {len(words) - SHOWN} more"] if len(words) > SHOWN else []
    return between.join([*words[:SHOWN], *more])


def is_at_work(entry: Document) -> bool:
    return entry["status"] in AT_WORK or (entry["status"] == "pending" and bool(entry.get("substatus")))


def _sum(at_work: Iterable[Document], host: str, key: str) -> int:
    return sum((one.get("resources") or {}).get(key) or 0 for one in at_work if one.get("host") == host)


def _holders(host: str, at_work: Iterable[Document]) -> dict[str, str]:
    """Card -> the experiment of ours on it."""
    held = ((str(one["gpu"]), one["id"]) for one in at_work if one.get("host") == host and one.get("gpu") is not None)
    return {index: ident for cards, ident in held for index in cards.split(",")}
