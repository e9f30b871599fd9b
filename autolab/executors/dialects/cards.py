"""A host's answer about its GPUs -> cards. One reader for each vendor's tool; what makes no sense is unknown, not free.

Sources of the forms: NVIDIA's manual of nvidia-smi (query options, MIG user guide), AMD's of amd-smi (``--json``),
outputs of mx-smi 2.1 and 2.3 and of gnvitop 0.3; recorded ones with their addresses in ``tests/data/cards``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from autolab.errors import UnreadableReply
from autolab.model.card import Card, CardReport, CardUser, Reservation
from autolab.model.command import Reply

MOST: Final = 1024  # cards of one host
_SEPARATOR: Final = "\x1f"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_LOST: Final = re.compile(r"Unable to determine the device handle for (?:GPU|gpu) ?(.{0,80}?)(?:\. |$)")


@dataclass(slots=True)
class _Said:
    """An answer, taken apart. ``parts``: name -> lines of the tool and its exit status (None: cut off)."""

    probe: str = ""
    parts: dict[str, tuple[list[str], int | None]] = field(default_factory=dict)
    uses: list[str] = field(default_factory=list)
    owners: dict[int, tuple[str, str]] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)

    def lines(self, part: str) -> list[str]:
        """What the tool said; raises ValueError with its words where it failed or was cut off."""
        lines, status = self.parts.get(part, ([], None))
        if status != 0:
            words = next((line for line in lines if line.strip()), "it did not answer")
            raise ValueError(words if status is None or status > 0 else "it was cut off")
        return lines

    def document(self, part: str) -> Any:
        try:
            return json.loads("\n".join(self.lines(part)))
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"no JSON: {error}"[:200]) from error


def read_cards(reply: Reply, at: datetime, host: Sequence[str] = ()) -> CardReport:
    """The cards of the host that answered; raises UnreadableReply where the answer is none of our scripts'.

    host  names the host may go by, for a tool that speaks of several
    """
    lines = reply.out.decode("utf-8", "replace").split("\n")
    if lines[:1] != ["autolab 1"] or lines[-2:] != ["over", ""]:
        raise UnreadableReply("the answer is cut short", reply.out)
    said = _taken_apart(lines[2:-2])
    if said.probe in ("", "none"):
        return CardReport(at=at)
    try:
        cards = _READERS[said.probe](said, host)
        _checked(cards)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        return CardReport(said.probe, (), f"{said.probe}: {_clean(str(error)) or 'garbage'}", at)
    problem = "" if "users" not in said.parts else "the processes on its cards cannot be listed"
    found = tuple(_with_users(card, said) for card in cards)
    return CardReport(said.probe, found, problem and f"{said.probe}: {problem}", at)


def _taken_apart(lines: Sequence[str]) -> _Said:
    said = _Said()
    current: list[str] = []
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "|":
            current.append(rest)
        elif word == "probe":
            said.probe = rest
        elif word == "part":
            current = []
            said.parts[rest] = (current, None)
        elif word == "use":
            said.uses.append(rest)
        elif word == "owner":
            pid, user, token = [*rest.split(" "), "", ""][:3]
            said.owners[int(pid)] = (_clean(user), _clean(token))
        elif word == "held":
            said.held.append(rest)
    for name, (content, _) in list(said.parts.items()):
        last = content[-1].split() if content else []
        if len(last) == 2 and last[0] == "status" and last[1].isdecimal():
            said.parts[name] = (content[:-1], int(last[1]))
    return said


def _checked(cards: Sequence[Card]) -> None:
    if len(cards) > MOST:
        raise ValueError(f"{len(cards)} cards")
    for what in ("index", "key"):
        if len({getattr(card, what) for card in cards}) != len(cards):
            raise ValueError(f"an {what} stands twice")
    for card in cards:
        if card.uuid and not _NAME.fullmatch(card.uuid):
            raise ValueError(f"a card is called {card.uuid[:60]!r}")


def _with_users(card: Card, said: _Said) -> Card:
    users = []
    for line in said.uses:
        key, pid, mib = [*line.split(" "), "", ""][:3]
        if key == card.key and pid.isdecimal():
            user, token = said.owners.get(int(pid), ("", ""))
            users.append(CardUser(int(pid), user, _number(mib), token))
    held = [_reservation(line.split(_SEPARATOR)) for line in said.held]
    name = (card.uuid or card.key).replace("/", "-")
    return replace(card, users=tuple(users), reserved=tuple(one for called, one in held if called == name))


def _reservation(parts: Sequence[str]) -> tuple[str, Reservation]:
    name, user, lab, ident, attempt, nonce, share = [*map(_clean, parts), *[""] * 7][:7]
    return name, Reservation(user, lab, ident, _number(attempt) or 0, nonce, _number(share))


# --- the vendors' tools ----------------------------------------------------------------------------------------------


def _nvidia(said: _Said, host: Sequence[str]) -> list[Card]:
    lines, status = said.parts.get("gpus", ([], None))
    lost = [found[1].strip(" :") for line in lines if (found := _LOST.match(line))]
    rows = [row for line in lines if len(row := [cell.strip() for cell in line.split(",")]) >= 6 and row[0].isdigit()]
    if not rows or (status != 0 and not lost):
        if [line.strip() for line in lines if line.strip()] == ["No devices were found"]:
            return []
        said.lines("gpus")
        raise ValueError(next((line for line in lines if line.strip()), "it lists nothing"))
    cards: list[Card] = []
    for index, uuid, model, total, used, use, *mig in rows:
        if mig and mig[0] == "Enabled":
            cards += _instances(said, index, model)
        else:
            cards.append(_nvidia_card(index, uuid, model, total, used, use))
    if lost:
        # A card that fell off the bus can take others with it: the driver itself says that it knows less than there is.
        cards = [replace(card, problem=card.problem or f"the driver lost card {lost[0]}"[:80]) for card in cards]
    return cards


def _nvidia_card(index: str, uuid: str, model: str, total: str, used: str, use: str) -> Card:
    if not uuid.startswith("GPU-"):
        raise ValueError(f"card {index} has the UUID {uuid[:60]!r}")
    memory, taken, busy = _number(total), _number(used), _number(use)
    problem = ""
    if memory is None or taken is None or busy is None:
        unread = next(cell for cell in (total, used, use) if _number(cell) is None)
        problem = f"the tool says {_clean(unread)[:40] or 'nothing'} for its memory or use"
    return Card(index, uuid, _clean(model), uuid, memory, taken, busy, problem)


_LISTED: Final = re.compile(r"\s+MIG (\S+)\s+Device\s+(\d+): \(UUID: (MIG-[0-9A-Za-z/-]+)\)\s*")
_SHARE: Final = re.compile(r"\|\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+\|\s+(\d+)MiB\s*/\s*(\d+)MiB\s*\|.*")


def _instances(said: _Said, index: str, model: str) -> list[Card]:
    """The MIG instances of a card: their UUIDs from the list, their memory from the table, matched by device number."""
    shares = {(row[1], row[4]): row for line in said.lines("table") if (row := _SHARE.fullmatch(line.rstrip()))}
    cards, here = [], False
    for line in said.lines("list"):
        if line.startswith("GPU "):
            here = line.startswith(f"GPU {index}:")
        elif here and (found := _LISTED.fullmatch(line)):
            profile, device, uuid = found.groups()
            row = shares.get((index, device))
            key = f"{index}/{row[2]}/{row[3]}" if row else uuid
            problem = "" if row else "the tool does not say how much memory it has"
            used, memory = (int(row[5]), int(row[6])) if row else (None, None)
            name = f"{_clean(model)} MIG {profile}"
            cards.append(Card(f"{index}:{device}", key, name, uuid, memory, used, None, problem))
    return cards


def _amd(said: _Said, host: Sequence[str]) -> list[Card]:
    rows = _by_gpu(said.document("list"))
    static, metric = _by_gpu(said.document("static")), _by_gpu(said.document("metric"))
    cards = []
    for index, listed in rows.items():
        asic, now = static.get(index, {}).get("asic", {}), metric.get(index, {})
        memory, use = now.get("mem_usage", {}), now.get("usage", {})
        total, used = _mib(memory.get("total_vram")), _mib(memory.get("used_vram"))
        busy = _amount(use.get("gfx_activity") if isinstance(use, dict) else None)
        problem = "" if None not in (total, used, busy) else "the tool says N/A for its memory or use"
        uuid = _amd_uuid(asic.get("asic_serial"))
        model = _clean(str(asic.get("market_name", listed.get("bdf", ""))))
        cards.append(Card(str(index), f"amd-{index}", model, uuid, total, used, busy, problem))
    return cards


def _by_gpu(document: Any) -> dict[int, dict[str, Any]]:
    """Newer versions put the list under ``gpu_data``."""
    rows = document["gpu_data"] if isinstance(document, dict) else document
    return {int(row["gpu"]): row for row in rows}


def _amd_uuid(serial: object) -> str:
    """How ROCR_VISIBLE_DEVICES calls a card: ``GPU-`` and its 16 digits; "" where the card has no such number."""
    found = re.fullmatch(r"0x([0-9A-Fa-f]{16})", str(serial))
    return f"GPU-{found[1].lower()}" if found and int(found[1], 16) else ""


def _amount(value: Any) -> float | None:
    """A number, or ``{"value": 3, "unit": "%"}``; anything else is not known."""
    given = value.get("value") if isinstance(value, dict) else value
    return _number(str(given)) if given is not None else None


def _mib(value: Any) -> int | None:
    amount = _amount(value)
    unit = str(value.get("unit", "MB")) if isinstance(value, dict) else "MB"
    scale = {"B": 1 / (1 << 20), "KB": 1 / 1024, "MB": 1.0, "GB": 1024.0}.get(unit)
    return None if amount is None or scale is None else int(amount * scale)


_METAX: Final = re.compile(r"GPU#(\d+)\s+(\S.*?)\s+([0-9A-Fa-f:.]{7,16})\s+(\S.*?)\s*(?:\(UUID: ([^)]+)\))?\s*")
_BUS: Final = re.compile(r"\|(.*)\|\s*([0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-9])\s*\|\s*(\d+)%.*\|")
_USED: Final = re.compile(r"\|.*\|\s*(\d+)/(\d+) MiB\s*\|.*\|")


def _metax(said: _Said, host: Sequence[str]) -> list[Card]:
    table = said.lines("table")
    told: dict[str, tuple[int, int, int]] = {}
    for line, below in pairwise(table):
        if (first := _BUS.fullmatch(line.strip())) and (second := _USED.fullmatch(below.strip())):
            told[first[2].lower()] = (int(first[3]), int(second[1]), int(second[2]))
    cards = []
    for line in said.lines("list"):
        if found := _METAX.fullmatch(line.strip()):
            index, model, bus, state, uuid = found.groups()
            use, used, memory = told.get(bus.lower(), (None, None, None))
            problem = "" if state == "Available" else f"the tool says {_clean(state)[:60]}"
            if use is None:
                problem = problem or "the tool does not say how busy it is"
            cards.append(Card(index, f"metax-{index}", _clean(model), (uuid or "").strip(), memory, used, use, problem))
    if not cards:
        raise ValueError("it lists no card in a form that is known")
    return cards


def _gnvitop(said: _Said, host: Sequence[str]) -> list[Card]:
    """``[{"host": ..., "gpus": [{"index", "model", "available", "utilization"}]}]``: ours is the one with our name."""
    hosts = said.document("agent")
    names = {str(one.get("host") or one.get("hostname") or ""): one for one in hosts}
    mine = next((names[name] for name in (*host, "localhost") if name in names), None)
    if mine is None:
        mine = hosts[0] if len(hosts) == 1 else None
    if mine is None:
        raise ValueError(f"it speaks of {', '.join(sorted(names))[:120]} and not of this host")
    cards = []
    for row in mine["gpus"]:
        index = int(row["index"])
        free = row.get("available") is True
        total, used = _mib(row.get("memory_total")), _mib(row.get("memory_used"))
        cards.append(
            Card(str(index), f"gpu-{index}", _clean(str(row.get("model", ""))), str(row.get("uuid") or ""), total, used,
                 _amount(row.get("utilization")), "" if free else "gnvitop says it is not available")
        )  # fmt: skip
    return cards


_READERS: Final[Mapping[str, Callable[[_Said, Sequence[str]], list[Card]]]] = {
    "nvidia-smi": _nvidia,
    "amd-smi": _amd,
    "mx-smi": _metax,
    "gnvitop": _gnvitop,
}


def _number(text: str) -> int | None:
    """A whole number of at most nine digits, from its decimal form; None for ``N/A``, ``ERR!`` and the like."""
    found = re.fullmatch(r"\s*(\d{1,9})(?:\.\d{1,9})?\s*%?\s*", text)
    return int(found[1]) if found else None


def _clean(text: str) -> str:
    """One line without control characters: it goes into logs and tables."""
    return "".join(c if c.isprintable() else "?" for c in text.strip())[:200]
