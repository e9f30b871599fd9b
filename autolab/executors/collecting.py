"""Files of ended attempts, from a host to our disk: whole and with the right sum, or not at all."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from autolab.errors import DiskFailed, UnreadableReply
from autolab.executors.dialects.dialect import Collected
from autolab.executors.dialects.process import run_of
from autolab.hosts.connection import Connection
from autolab.model.action import Job
from autolab.model.command import Request

_CHUNK: Final = 1024 * 1024
_KINDS: Final = ("log", "run_json", "cause", "result")


def collect_all(connection: Connection, request: Request, jobs: Sequence[Job], into: Path) -> dict[str, Collected]:
    """Write each file the host sends as ``into/<ID>/<kind>``; the answer is read only when all of it is here."""
    by_run = {run_of(job): job for job in jobs}
    found = {job.id: Collected() for job in jobs}
    try:
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=into) as stream:
            connection.ask(request, into=stream)
            stream.seek(0)
            while (line := _line(stream)) != ["over"]:
                kind, job, path, digest = _one(stream, line, by_run, into)
                if path is not None:
                    found[job.id] = _with(found[job.id], kind, path, digest)
    except OSError as error:
        raise DiskFailed(f"collected files could not be written below {into}: {error}") from error
    return found


def _line(stream: BinaryIO) -> list[str]:
    line = stream.readline(4096)
    if not line.endswith(b"\n"):
        raise UnreadableReply("the files are cut short", line)
    return line.decode("utf-8", "replace").split()


def _one(stream: BinaryIO, line: list[str], by_run: dict[str, Job], into: Path) -> tuple[str, Job, Path | None, str]:
    if len(line) not in (3, 5) or line[1] not in by_run or line[2] not in _KINDS:
        raise UnreadableReply("the files are not framed as they should be", " ".join(line))
    job = by_run[line[1]]
    if line[0] == "none":
        return line[2], job, None, ""
    if line[0] != "file" or not line[3].isdigit():
        raise UnreadableReply("the files are not framed as they should be", " ".join(line))
    path = into / job.id / line[2]
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whoever looks at the name finds a whole file: it gets it when size and sum are right.
    part = path.with_name(f".{path.name}.part")
    digest = _copied(stream, int(line[3]), part)
    if digest != line[4] or _line(stream) != []:
        part.unlink()
        raise UnreadableReply(f"{line[2]} of {job.id} changed while it was read: {digest} is not {line[4]}")
    part.replace(path)
    return line[2], job, path, digest


def _copied(stream: BinaryIO, size: int, path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as out:
        while size:
            chunk = stream.read(min(size, _CHUNK))
            if not chunk:
                raise UnreadableReply("the files are cut short")
            digest.update(chunk)
            out.write(chunk)
            size -= len(chunk)
    return digest.hexdigest()


def _with(found: Collected, kind: str, path: Path, digest: str) -> Collected:
    if kind == "log":
        return replace(found, log=path)
    if kind == "run_json":
        return replace(found, run_json=path)
    if kind == "cause":
        return replace(found, cause=path)
    return replace(found, result=path, result_sha256=digest)
