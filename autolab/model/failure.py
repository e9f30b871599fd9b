"""Kinds of failure: what each looks like, and what autolab does about it. Rows of one ordered table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from autolab.model.state import EndHow


class Remedy(StrEnum):
    """What autolab does by itself about a kind of failure."""

    AGAIN = "again"  # the same command, after a wait
    ELSEWHERE = "elsewhere"  # the same command, on another host where there is one; not charged: the host's fault
    CHANGE = "change"  # a parameter of the next attempt; where nothing can be changed a person is asked
    ASK = "ask"  # never again by itself


SIGNALS: Final[Mapping[str, int]] = {
    "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10,
    "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "XCPU": 24, "XFSZ": 25,
}  # fmt: skip
NAME_OF: Final = {number: name for name, number in SIGNALS.items()}
READ: Final = frozenset({EndHow.EXIT, EndHow.LOST, EndHow.ACCOUNTING})  # ends whose log may say why


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One row. It fits an end when any of its evidence does.

    patterns    of one line of the log; never: lines that look like it and are none
    last_lines  how many of the log's last lines count; None: all that is read
    statuses    exit statuses; signals: numbers, as status 128 + number (or the program's own code: it cannot be known)
    causes      words of the host's kernel and disks, or of a scheduler's record
    ends        how the attempt was closed; results: what was found of the declared result after status 0
    halve       flags or ``key=`` names, of which the first with a number above ``floor`` is halved
    values      flags or names whose value is replaced, where the command has them
    add         words put behind a command that is one simple command; env: variables
    wait_s      before the next attempt; tries: most attempts after it, by this kind alone; None: no limit of its own
    watch       also noticed while it runs; stop: and then stopped, which only a project may say
    """

    name: str
    about: str = ""
    patterns: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    last_lines: int | None = None
    statuses: frozenset[int] = frozenset()
    signals: frozenset[int] = frozenset()
    causes: frozenset[str] = frozenset()
    ends: frozenset[EndHow] = frozenset()
    results: frozenset[str] = frozenset()
    remedy: Remedy = Remedy.ASK
    halve: tuple[str, ...] = ()
    floor: int = 1
    values: Mapping[str, str] = field(default_factory=dict)
    add: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    charged: bool = True
    tries: int | None = None
    watch: bool = False
    stop: bool = False
    matches: tuple[str, ...] = ()  # examples: lines that must be of this kind ...
    misses: tuple[str, ...] = ()  # ... and lines that must not
    origin: str = "autolab"

    @property
    def by_host(self) -> bool:
        """The host's fault: the next attempt goes elsewhere where it can."""
        return self.remedy is Remedy.ELSEWHERE


Table = tuple[Kind, ...]
UNDIAGNOSED: Final = Kind(name="undiagnosed", about="nothing in the table fits")
