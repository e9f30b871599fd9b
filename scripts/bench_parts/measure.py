"""Rounds, medians, ratios, and how a row of the table is printed."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

Side = Callable[[], float | None]  # does its work; the seconds it took, None: time the whole call


@dataclass(frozen=True)
class Plan:
    """What the command line asked for."""

    rounds: int = 5
    entries: int = 10_000


@dataclass
class Row:
    """One line of the table: what autolab took, what others took, and what was promised.

    times     side -> a value per round; the first side is autolab's
    at_most   other side -> the greatest ratio to it that is promised
    limits    what is promised without a peer: words -> whether it holds
    settings  how each side was run
    """

    name: str
    times: Mapping[str, list[float]] = field(default_factory=dict)
    at_most: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, bool] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    skipped: str = ""

    def ratio(self, other: str) -> float:
        """The median of the rounds' ratios of our time to that of ``other``."""
        ours = next(iter(self.times.values()))
        return median(a / b for a, b in zip(ours, self.times[other], strict=True))

    @property
    def met(self) -> bool:
        return all(self.ratio(other) <= most for other, most in self.at_most.items()) and all(self.limits.values())


def alternate(
    rounds: int, sides: Mapping[str, Side], before: Callable[[int], None] = lambda _: None, *, warm: bool = True
) -> dict[str, list[float]]:
    """Run all sides in turn, ``rounds`` times, after ``before``; ``warm``: one more round first that does not count."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(0 if warm else 1, rounds + 1):
        before(number)
        for name, side in sides.items():
            begun = time.perf_counter()
            told = side()
            took = time.perf_counter() - begun if told is None else told
            if number:
                times[name].append(took)
    return times


def show(row: Row) -> None:
    """A row for people."""
    verdict = "skipped" if row.skipped else "met" if row.met else "NOT MET"
    print(f"\n{row.name}: {verdict}{f' ({row.skipped})' if row.skipped else ''}")
    for name, values in row.times.items():
        against = ""
        if name in row.at_most:
            against = f"   ratio {row.ratio(name):.4g}, promised at most {row.at_most[name]:g}"
        print(f"  {name:34} {spread(values)}{against}")
    for words, holds in row.limits.items():
        print(f"  {'yes' if holds else 'NO ':3} {words}")
    for line in row.settings:
        print(f"    {line}")
    print(end="", flush=True)


def spread(seconds: list[float]) -> str:
    """The median and, in brackets, the least and the greatest."""
    return f"{_ms(median(seconds))} ({_ms(min(seconds))} to {_ms(max(seconds))})"


def _ms(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 10 else f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3f} s"


def machine() -> str:
    """Where this was measured, and what else ran there."""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, Linux {platform.release()}, load {load:.1f}"
