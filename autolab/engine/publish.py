"""Results, logs and run.json of ended attempts: checked, then put in place by rename, whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from autolab.executors.dialects.causes import read_causes
from autolab.executors.dialects.dialect import Collected, Seen
from autolab.model.documents import stamp
from autolab.model.ids import run_name
from autolab.model.state import Entry, Run
from autolab.rules.results import check_result
from autolab.store.files import Files
from autolab.store.layout import Layout

TAIL: Final = 16 * 1024  # bytes of log that a diagnosis and a question carry
RESULT_LIMIT: Final = 1 << 30


class Publisher:
    """The only writer of ``experiments/results`` and of the jobs' logs here."""

    def __init__(self, layout: Layout, files: Files) -> None:
        self._layout, self._files = layout, files

    def incoming(self, host: str) -> Path:
        """Where files of ``host`` wait until they are checked; outside the work tree."""
        folder = self._layout.incoming / host
        self._files.make_dirs(folder)
        return folder

    def publish(self, entry: Entry, run: Run, found: Collected, now: datetime) -> tuple[Mapping[str, Any], str]:
        """Put what was brought in place; what was found of it, and the end of the log."""
        log = self._bytes(found.log)
        self._keep(entry, run, log, self._bytes(found.run_json))
        told = self._result(entry, run, found, now) if entry.spec.result_file else {"result": "none"}
        told |= self._evidence(run, found)
        return {**told, "log": self._log_name(entry, run), "log_bytes": len(log or b"")}, tail_of(log)

    def publish_inline(self, entry: Entry, run: Run, seen: Seen) -> tuple[Mapping[str, Any], str]:
        """The same for what a look brought along."""
        self._keep(entry, run, seen.log, seen.run_json)
        log = {"log": self._log_name(entry, run), "log_bytes": len(seen.log or b"")}
        return {"result": "none", **log}, tail_of(seen.log)

    def _keep(self, entry: Entry, run: Run, log: bytes | None, run_json: bytes | None) -> None:
        if log is not None:
            path = self._layout.root / self._log_name(entry, run)
            self._files.make_dirs(path.parent)
            self._files.replace(path, log, durable=False)
        if run_json is not None:
            self._files.replace(self._layout.run_file(entry.id), run_json, durable=False)

    def _evidence(self, run: Run, found: Collected) -> dict[str, Any]:
        """What its host said about a bad end; nothing where it said nothing."""
        said = self._bytes(found.cause)
        return {} if said is None else {"evidence": read_causes(said.decode("utf-8", "replace"), gpus=bool(run.gpus))}

    def _result(self, entry: Entry, run: Run, found: Collected, now: datetime) -> dict[str, Any]:
        name = str(entry.spec.result_file)
        if found.result is None:
            return {"result": "absent", "reason": f"{name} was not written by this attempt"}
        content = self._bytes(found.result) or b""
        gpu = ",".join(run.gpus)
        known = {"host": run.host, "gpu": gpu, "finished_at": str(stamp(run.end.at if run.end else now))}
        checked = check_result(content, entry.id, known)
        if checked.problem:
            return {"result": "invalid", "reason": f"{name}: {checked.problem}"}
        path = self._layout.inside(name)
        self._keep_old(run, path, checked.content)
        self._files.make_dirs(path.parent)
        self._files.replace(path, checked.content)
        return {"result": "fresh", **result_found(name, checked.content)}

    def _keep_old(self, run: Run, path: Path, content: bytes) -> None:
        """What an earlier attempt left here stays beside the new result, as ``<name>.a<attempt>``."""
        if run.number < 2 or not path.is_file():
            return
        kept = path.with_name(f"{path.stem}.a{run.number - 1}{path.suffix}")
        before = self._bytes(path)
        if before is not None and before != content and not kept.exists():
            self._files.replace(kept, before)

    def _bytes(self, path: Path | None) -> bytes | None:
        return None if path is None else self._files.read(path, RESULT_LIMIT)

    def _log_name(self, entry: Entry, run: Run) -> str:
        """``experiments/logs/<ID>.log`` of the first attempt, ``<ID>_r2.log`` of the second ... (row 1.65)."""
        return log_name(entry.id, run.number)


def log_name(experiment: str, attempt: int) -> str:
    """The log of an attempt, relative to the project."""
    return f"experiments/logs/{run_name(experiment, attempt)}.log"


def result_found(name: str, content: bytes) -> dict[str, Any]:
    """What is recorded of a result: its path in the project, its sum and size."""
    return {"path": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def tail_of(log: bytes | None) -> str:
    """The end of a log as text."""
    return (log or b"")[-TAIL:].decode("utf-8", "replace")
