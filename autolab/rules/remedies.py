"""What a kind of failure changes of the next attempt: its command's parameters and its variables, never any code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from autolab.model.failure import Kind

_SHELL: Final = re.compile(r"[;&|<>()`\n#]|\$\(")  # what makes a command more than one simple command


@dataclass(frozen=True, slots=True)
class Change:
    """The next attempt's command (empty: as before), its further variables, and each change in words."""

    command: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    said: tuple[str, ...] = ()


def change_of(kind: Kind, command: str, env: Mapping[str, str]) -> Change | None:
    """What ``kind`` changes of a ``command`` that ran with ``env``; None: there is nothing that it could change."""
    said: list[str] = []
    after = command
    if (less := halved(after, kind.halve, kind.floor)) is not None:
        after, words = less
        said.append(words)
    for name, value in kind.values.items():
        if (other := replaced(after, name, value)) is not None:
            after, words = other
            said.append(words)
    if kind.add and (longer := _longer(after, kind.add)) is not None:
        after = longer
        said.append(f"{' '.join(kind.add)} added")
    new = {name: value for name, value in kind.env.items() if env.get(name) != value}
    said += [f"{name}: {env.get(name, 'not set')} -> {value}" for name, value in new.items()]
    return Change(after if after != command else "", new, tuple(said)) if said else None


def halved(command: str, names: tuple[str, ...], floor: int = 1) -> tuple[str, str] | None:
    """``command`` with the first of ``names`` whose whole number is above ``floor`` halved, and that in words."""
    for name in names:
        for at in _values(command, name):
            if at[0].isdecimal() and len(at[0]) < 16 and (before := int(at[0])) > floor:
                after = max(before // 2, floor)
                return f"{command[: at[1]]}{after}{command[at[2] :]}", f"{name}: {before} -> {after}"
    return None


def replaced(command: str, name: str, value: str) -> tuple[str, str] | None:
    """``command`` with the value of ``name`` replaced, and that in words; None: it is not there, or has that value."""
    for before, start, stop in _values(command, name):
        if not _same(before, value):
            return f"{command[:start]}{value}{command[stop:]}", f"{name}: {before} -> {value}"
    return None


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return one == other


def _values(command: str, name: str) -> Iterator[tuple[str, int, int]]:
    """Each plain value of ``name`` in ``command`` and where it stands: ``--flag 3``, ``--flag=3``, ``a.key=3``."""
    between, before = (r"(?:=|[ \t]+)", r"(?<!\S)") if name.startswith("-") else ("=", r"(?<![\w-])\+{0,2}(?:\w+\.)*")
    for at in re.finditer(rf"{before}{re.escape(name)}{between}([\w.+-]+)(?![^\s;&|)'\"])", command):
        yield at[1], at.start(1), at.end(1)


def _longer(command: str, words: tuple[str, ...]) -> str | None:
    """``command`` with ``words`` behind it; None: it is more than one simple command, or has the first of them."""
    if _SHELL.search(command):
        return None
    try:
        parts = shlex.split(command)
    except ValueError:
        return None
    name = words[0].partition("=")[0]
    if any(part == name or part.startswith(f"{name}=") for part in parts):
        return None
    return f"{command.rstrip()} {' '.join(words)}"
