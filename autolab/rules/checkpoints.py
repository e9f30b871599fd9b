"""Checkpoints on hosts that may go: of experiments that are done and whose artifact is stored elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final

from autolab.model.documents import best
from autolab.model.state import DispatchState, Entry, Run, Status

# What a training script reports, or an agent says, once its folder is uploaded.
ARTIFACT_KEYS: Final = ("artifact_url", "hf_artifact_url", "wandb_artifact")


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """A checkpoint folder below ``folder``, the project's on that host; ``kept``: why it stays, "" if it may go."""

    id: str
    host: str
    folder: str
    path: str
    kept: str = ""


def checkpoints(state: DispatchState, before: datetime) -> list[Checkpoints]:
    """The folders of experiments that were done before that instant; without a stored artifact they stay."""
    ended = [(entry, run) for entry in state.entries.values() if (run := _ended(entry, before)) is not None]
    return [_verdict(entry, run, state.entries.values()) for entry, run in ended]


def _ended(entry: Entry, before: datetime) -> Run | None:
    run = entry.run
    if not entry.spec.checkpoint_dir or run is None or not run.judged or entry.status is not Status.DONE:
        return None
    return run if entry.finished_at is not None and entry.finished_at < before else None


def _verdict(entry: Entry, run: Run, entries: Iterable[Entry]) -> Checkpoints:
    path = PurePosixPath(entry.spec.checkpoint_dir or "")
    kept = ""
    if path.is_absolute() or ".." in path.parts or str(path)[:1] in ("~", ".") or len(path.parts) == 0:
        kept = "it is not inside the project's folder: yours to remove"
    elif not stored(entry):
        kept = f"no artifact is recorded ({' or '.join(ARTIFACT_KEYS)})"
    elif others := [other.id for other in entries if _needs(other, run.host, path) and other.id != entry.id]:
        kept = f"{others[0]} uses it, too"
    return Checkpoints(entry.id, run.host, run.project_dir, str(path), kept)


def stored(entry: Entry) -> str:
    """Where its artifact is stored, as it was reported; "": it is not known to be stored."""
    said = (best(entry, key) for key in ARTIFACT_KEYS)
    return next((text for text in said if isinstance(text, str) and text.strip()), "")


def _needs(entry: Entry, host: str, path: PurePosixPath) -> bool:
    """Whether ``entry`` may still read or write below ``path`` on that host, or what contains it."""
    if not entry.spec.checkpoint_dir or (entry.status is Status.DONE and stored(entry)):
        return False
    its = PurePosixPath(entry.spec.checkpoint_dir)
    return (its.is_relative_to(path) or path.is_relative_to(its)) and (entry.run is None or entry.run.host == host)
