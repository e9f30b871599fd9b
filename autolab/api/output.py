"""What an attempt prints: from the file here once it was brought, from its host while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from autolab.api.logs import attempt_of
from autolab.api.project import Project, clock
from autolab.api.waiting import between_looks
from autolab.engine.lab import connections, dialect_of
from autolab.engine.plan import host_plan
from autolab.engine.publish import log_name
from autolab.errors import OutsideFailed, StoreDamaged
from autolab.executors.executor import Executor
from autolab.hosts.pool import Pool
from autolab.model.action import Job

if TYPE_CHECKING:
    from autolab.api.experiment_results import LogReport

TAIL: Final = 64 * 1024
PIECE: Final = 1 << 20
LOOK_S: Final = 1.0
OPEN: Final = frozenset({"running", "unreachable", "on_hold", "pending"})


def log_text(project: Project, ident: str, attempt: int | None = None) -> LogReport:
    """What an attempt has printed so far, at most its last 64 KiB. raises UnknownName, OutsideFailed."""
    entry, number = attempt_of(project, ident, attempt)
    name = entry["id"]
    path = project.layout.root / log_name(name, number)
    if path.is_file():
        size = path.stat().st_size
        text, source = _piece(path, max(size - TAIL, 0)), str(path.relative_to(project.layout.root))
        offset = size
    elif entry.get("host") and number == entry.get("attempt"):
        with _Far(project, name, str(entry["host"]), number) as far:
            whole = b"".join(far.pieces(0))
        text, offset, source = whole[-TAIL:], len(whole), f"{entry['host']}, where it runs"
    else:
        text, offset, source = b"", 0, "nothing was brought of it"
    return {
        "id": name,
        "attempt": number,
        "source": source,
        "text": text.decode("utf-8", "replace"),
        "offset": offset,
    }


def follow_log(project: Project, ident: str, attempt: int | None = None) -> Iterator[str]:
    """What an attempt prints, as it comes, until it has ended; a host that does not answer is asked again."""
    entry, number = attempt_of(project, ident, attempt)
    name, host, offset = entry["id"], str(entry.get("host") or ""), 0
    path = project.layout.root / log_name(name, number)
    with _Far(project, name, host, number) as far:
        for _ in between_looks(LOOK_S):
            if path.is_file():
                yield from _rest(path, offset)
                return
            try:
                for piece in far.pieces(offset):
                    offset += len(piece)
                    yield piece.decode("utf-8", "replace")
            except OutsideFailed as error:
                if not error.transient:
                    raise
            now, last = attempt_of(project, name, None)
            if last != number or now["status"] not in OPEN:
                yield from _rest(path, offset)
                return


def _rest(path: Path, offset: int) -> Iterator[str]:
    if path.is_file() and path.stat().st_size > offset:
        yield _piece(path, offset).decode("utf-8", "replace")


def _piece(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read()
    except OSError as error:
        raise StoreDamaged(f"cannot read {path}: {error.strerror}") from error


class _Far:
    """A log on its host, read in pieces over one connection."""

    def __init__(self, project: Project, ident: str, host: str, number: int) -> None:
        settings, layout = project.settings, project.layout
        self._settings = settings
        self._pool: Pool = connections(settings, layout, clock)
        if host in settings.hosts:
            plan = host_plan(settings, host, layout.lab, layout.root)
            folder = f"{plan.run_root}/{ident}/a{number}"
            self._job = Job(layout.lab, ident, number, folder, "", "", plan.project_dir)
        self._host = host if host in settings.hosts else ""

    def pieces(self, offset: int) -> Iterator[bytes]:
        """What is there from ``offset`` on; nothing where the host is no longer known."""
        if not self._host:
            return
        executor = Executor(self._pool.connection(self._host), dialect_of(self._settings), clock)
        while piece := executor.tail(self._job, offset, PIECE):
            offset += len(piece)
            yield piece

    def __enter__(self) -> _Far:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()
