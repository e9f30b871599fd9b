"""Durations and memory as people write them, with their unit: ``10s``, ``1h30m``, ``02:00:00``, ``32GB``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|[smhdw])")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_CLOCK: Final = re.compile(r"(?:(\d{1,4})-)?(\d{1,4}):([0-5]\d):([0-5]\d)")
_MEMORY: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])(?:i?B)?", re.IGNORECASE)
_MIB: Final = {"K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0 * 1024.0}
LONGEST: Final = timedelta(days=3660)
MOST_MIB: Final = 1 << 40


def parse_duration(text: object) -> timedelta:
    """A length of time: numbers with units (``90s``, ``1h30m``, ``2d``), or ``HH:MM:SS``, ``D-HH:MM:SS``.

    raises  ValueError saying what is wrong: no unit, not above zero, longer than ten years
    """
    if isinstance(text, timedelta):
        found = text
    elif isinstance(text, (int, float)) and not isinstance(text, bool):
        raise ValueError(f"a duration needs a unit: write {text}s, {text}m or {text}h")
    elif not isinstance(text, str):
        raise ValueError("a duration is written like 10s, 5m, 2h, 1h30m or 02:00:00")
    else:
        found = timedelta(seconds=_seconds(text.strip()))
    if not timedelta(0) < found <= LONGEST:
        raise ValueError("a duration must be above zero and at most ten years")
    return found


def _seconds(text: str) -> float:
    if clock := _CLOCK.fullmatch(text):
        days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return ((days * 24.0 + hours) * 60 + minutes) * 60 + seconds
    if not text or _PART.sub("", text).strip():
        raise ValueError(f"{text[:40]!r} is no duration: write it like 10s, 5m, 2h, 1h30m or 02:00:00")
    return min(sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text)), 1e10)


def render_duration(length: timedelta) -> str:
    """``length`` in the largest units that say it exactly: ``1h30m``."""
    left = round(length.total_seconds() * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_memory(text: object) -> int:
    """MiB, rounded up, of ``32GB``, ``512 MiB``, ``1.5T``; a K, M, G or T is 1024 of the one below it.

    raises  ValueError saying what is wrong
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        raise ValueError(f"memory needs a unit: write {text}MB or {text}GB")
    found = _MEMORY.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError("memory is written like 512MB, 32GB or 1.5TB")
    mib = -int(-float(found[1]) * _MIB[found[2].upper()] // 1)
    if not 0 < mib <= MOST_MIB:
        raise ValueError("memory must be above zero")
    return mib


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(render_duration, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["10s", "5m", "2h", "1h30m", "02:00:00"]}),
]
MemoryMib = Annotated[
    int,
    BeforeValidator(parse_memory),
    PlainSerializer(lambda mib: f"{mib}MB", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["512MB", "32GB"]}),
]
