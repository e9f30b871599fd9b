"""Whether a fetched result file is one, and what of it the orchestrator adds. Text in, text out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

REQUIRED: Final = ("exp_id", "method", "dataset", "group", "metric", "seed", "value")
ADDED: Final = ("host", "gpu", "finished_at")  # the orchestrator knows these better than the script


@dataclass(frozen=True, slots=True)
class Checked:
    """``problem`` empty: it is a result; ``content`` is what is put in place."""

    content: bytes
    problem: str = ""


def check_result(content: bytes, experiment: str, known: Mapping[str, str]) -> Checked:
    """A result by its content: JSON, a table with the seven required columns, or anything that is not empty.

    known  values of the columns host, gpu and finished_at, added to a table that lacks them
    """
    if not content.strip():
        return Checked(content, "it is empty")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return Checked(content)  # an image, an array: not ours to judge
    if text.lstrip().startswith(("{", "[")):
        return _json(content, text)
    if text.splitlines()[0].count(",") >= 2:
        return _table(content, text, experiment, known)
    return Checked(content)


def _json(content: bytes, text: str) -> Checked:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return Checked(content, f"it is no whole JSON: {error}")
    return Checked(content)


def _table(content: bytes, text: str, experiment: str, known: Mapping[str, str]) -> Checked:
    try:
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
    except csv.Error as error:
        return Checked(content, f"it is no table: {error}")
    columns = list(rows[0]) if rows else next(csv.reader([text.splitlines()[0]]))
    if missing := [name for name in REQUIRED if name not in columns]:
        return Checked(content, f"it lacks the columns {', '.join(missing)}")
    if not rows:
        return Checked(content, "it has no row of data")
    if strangers := sorted({str(row["exp_id"]) for row in rows} - {experiment}):
        return Checked(content, f"it speaks of {', '.join(strangers[:3])}, not of {experiment}")
    added = [name for name in ADDED if name not in columns]
    return Checked(_with_columns(rows, [*columns, *added], known) if added else content)


def _with_columns(rows: list[dict[str, str]], columns: list[str], known: Mapping[str, str]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({**{name: known.get(name, "") for name in ADDED}, **row})
    return out.getvalue().encode()
