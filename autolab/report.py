"""What a training script tells the lab while it runs, written into ``dispatch/<ID>.run.json``.

    from autolab.report import report        # or copy this one file beside your script: it needs nothing else

    report(step=100, loss=0.31)
    report(wandb_run_id=run.id)

Each call adds to what the same attempt said before and renames a whole file into place, so a reader never sees half
of one. Outside a lab a call does nothing, and no call ever raises: a mistake in a report must not end a training.
Runs on Python 3.8 and later, with the standard library alone.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

_ONE_AT_A_TIME = threading.Lock()


def report(**facts: Any) -> bool:
    """Add ``facts`` to the run's file; True if they are on disk now.

    ``None`` is a value and clears what was said. NaN and infinities become the strings "nan", "inf" and "-inf", as
    JSON has no word for them. Numbers of numpy and torch are written as plain ones, everything else that JSON does
    not know as its text.
    """
    try:
        path = where()
        if path is None:
            return False
        with _ONE_AT_A_TIME:
            _publish(path, _grown(_said_before(path), facts))
    except Exception:  # a full disk, a value whose text raises: the training goes on
        return False
    return True


def where() -> Path | None:
    """The file this run reports into, or None outside a lab.

    ``AUTOLAB_RUN_JSON`` names it; without that it is ``dispatch/<AUTOLAB_ID>.run.json`` in ``AUTOLAB_PROJECT_DIR``,
    or in the current folder.
    """
    named = os.environ.get("AUTOLAB_RUN_JSON")
    if named:
        return Path(named)
    experiment = os.environ.get("AUTOLAB_ID")
    if not experiment:
        return None
    return Path(os.environ.get("AUTOLAB_PROJECT_DIR") or ".") / "dispatch" / f"{experiment}.run.json"


def _said_before(path: Path) -> dict[str, Any]:
    """What this attempt has reported so far; nothing if the file is another attempt's, missing or unreadable."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) and said.get("attempt") == _attempt() else {}


def _grown(said: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """``said`` with ``facts``, and with whose report it is, its number and its time."""
    seq = said.get("seq")
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    signed: dict[str, Any] = {"seq": seq + 1 if isinstance(seq, int) else 1, "attempt": _attempt(), "updated": stamp}
    if os.environ.get("AUTOLAB_ID"):
        signed["id"] = os.environ["AUTOLAB_ID"]
    return {**said, **{name: _plain(value) for name, value in facts.items()}, **signed}


def _attempt() -> int | None:
    number = os.environ.get("AUTOLAB_ATTEMPT", "")
    return int(number) if number.isdecimal() else None


def _plain(value: Any) -> Any:
    """``value`` as strict JSON can say it."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if hasattr(value, "tolist"):  # a number or an array of numpy, torch, jax
        return _plain(value.tolist())
    return str(value)


def _publish(path: Path, said: dict[str, Any]) -> None:
    """Put ``said`` at ``path`` whole: written beside it under a name of its own, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=str(path.parent))
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(said, out, allow_nan=False, indent=2)
            out.write("\n")
        Path(beside).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(beside).unlink()
        raise
