"""How much of a GPU's memory an experiment needs, and what that rests on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from autolab.model.formula import parse_formula, value_of
from autolab.model.state import Entry

_FLAG: Final = re.compile(r"(?<!\S)--([A-Za-z][A-Za-z0-9_-]*)(?:=|\s+)(-?\d+(?:\.\d+)?)(?!\S)")


@dataclass(frozen=True, slots=True)
class Estimate:
    """MiB of each card; ``mib`` None: nobody knows, and nothing is held against it.

    measured  a card has carried that much: it is what was needed and no guess
    """

    mib: int | None = None
    basis: str = ""
    measured: bool = False


class Estimates:
    """Estimates of one round of placements. Best first: as designed, measured of its like, by the lab's formula."""

    def __init__(self, entries: Iterable[Entry], formula: str = "") -> None:
        self._formula = parse_formula(formula) if formula else None
        self._text = formula
        self._peaks: dict[tuple[str, str], tuple[int, str]] = {}
        for entry in entries:
            if entry.run is not None and entry.run.peak_mib:
                alike = (entry.spec.method, entry.spec.dataset)
                self._peaks[alike] = max(self._peaks.get(alike, (0, "")), (entry.run.peak_mib, entry.id))

    def of(self, entry: Entry) -> Estimate:
        """What ``entry`` needs of each card it asks for."""
        given = entry.spec.resources.gpu_mem_mib or _designed(entry.spec.extra)
        if given:
            return Estimate(given, "as designed")
        if peak := self._peaks.get((entry.spec.method, entry.spec.dataset)):
            return Estimate(peak[0], f"peak of {peak[1]}, of the same method and data set", measured=True)
        if self._formula is not None:
            value = value_of(self._formula, numbers_of(entry))
            if value is not None and value > 0:
                return Estimate(round(value), f"formula {self._text}")
        return Estimate()


def _designed(extra: Mapping[str, object]) -> int | None:
    mb = extra.get("estimated_vram_mb")
    return max(round(mb), 1) if isinstance(mb, (int, float)) and not isinstance(mb, bool) else None


def numbers_of(entry: Entry) -> dict[str, float]:
    """The numbers a formula may name: flags of its command (``--batch-size 32`` is batch_size), and its own keys."""
    numbers = {
        name.replace("-", "_"): float(value) for name, value in _FLAG.findall(entry.command or entry.spec.command)
    }
    for key, value in entry.spec.extra.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            numbers[key.replace("-", "_")] = float(value)
    return numbers
