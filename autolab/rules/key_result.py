"""The numbers of a study in one line: the mean of each method, exact and without a claim which one is better."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

METHODS_MAX: Final = 6
TABLES_MAX: Final = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One number of one result, as its table has it."""

    phase: str
    group: str
    method: str
    dataset: str
    metric: str
    value: float


def rows_of(text: str, phase: str) -> list[Row]:
    """The rows of a result table that hold a finite number; none for anything that is no such table."""
    found: list[Row] = []
    try:
        for row in csv.DictReader(io.StringIO(text), strict=True):
            value = float(row["value"])
            if math.isfinite(value):
                found.append(Row(phase, row["group"], row["method"], row["dataset"], row["metric"], value))
    except (KeyError, TypeError, ValueError, csv.Error):
        return []
    return found


def key_result(rows: Sequence[Row]) -> str:
    """Means by method of the metrics and data sets with most rows. Which direction is better, no table says."""
    tables: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        tables.setdefault((row.metric, row.dataset), []).append(row)
    if not tables:
        return "N/A, no result table holds a number"
    largest = sorted(tables.items(), key=lambda item: (-len(item[1]), item[0]))
    more = f"; {len(largest) - TABLES_MAX} more" if len(largest) > TABLES_MAX else ""
    return "; ".join(_table(*item) for item in largest[:TABLES_MAX]) + more


def _table(name: tuple[str, str], rows: Sequence[Row]) -> str:
    by_method: dict[tuple[bool, str], list[float]] = {}
    for row in rows:
        by_method.setdefault((row.group != "main", f"{row.method} ({row.group})"), []).append(row.value)
    means = [
        f"{method} {math.fsum(values) / len(values):.6g} (n={len(values)})"
        for (_, method), values in sorted(by_method.items())
    ]
    more = f", {len(means) - METHODS_MAX} more" if len(means) > METHODS_MAX else ""
    return f"{name[0]} on {name[1]}: {', '.join(means[:METHODS_MAX])}{more}"
