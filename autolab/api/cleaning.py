"""Room on hosts and here: what a lab needs no more is removed, said with its size, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from autolab.api.project import Project, clock, open_engine, recorded
from autolab.engine.engine import KEEP_CODE
from autolab.engine.lab import connections
from autolab.engine.plan import host_plan
from autolab.errors import Busy, OutsideFailed
from autolab.executors.dialects import cleaning
from autolab.hosts.connection import Connection
from autolab.rules.checkpoints import Checkpoints
from autolab.rules.checkpoints import checkpoints as stored_checkpoints
from autolab.rules.leftovers import Leftovers, attempts_of, leftovers
from autolab.store.files import TEMP_SUFFIX
from autolab.store.journal import Journal

if TYPE_CHECKING:
    from autolab.api.host_results import CleanedHost, CleanReport, Leftover

OLDER: Final = timedelta(days=7)
HERE: Final = "(here)"  # no host can have this name


def clean(
    project: Project,
    names: Iterable[str] = (),
    *,
    older: timedelta = OLDER,
    checkpoints: bool = False,
    dry_run: bool = False,
) -> CleanReport:
    """Remove old attempts' files, logs and code of this lab on hosts (default: all), and what was left behind here.

    Never of an attempt that is open, was given up without a proof, or has something that was not brought here. A claim
    stays, so that nothing can start there again. Code goes that no such attempt needs and that is older than ``older``.

    checkpoints  also the checkpoint folders of done experiments whose artifact is recorded; without one they stay
    """
    wanted = list(dict.fromkeys(names)) or list(project.settings.hosts)
    for name in wanted:
        project.settings.host(name)
    journal = Journal(project.layout, project.files)
    attempts = attempts_of(journal.history() if journal.segments() else ())
    state, before = recorded(project), clock() - older
    found = leftovers(attempts, state, before)
    folders = stored_checkpoints(state, before) if checkpoints else []
    with closing(connections(project.settings, project.layout, clock)) as pool, ThreadPoolExecutor(16) as threads:
        tasks = [
            threads.submit(_on_host, project, name, pool.connection(name), found, older, dry_run) for name in wanted
        ]
        tasks += [
            threads.submit(_checkpoints, name, pool.connection(name), [f for f in folders if f.host == name], dry_run)
            for name in wanted
            if any(f.host == name for f in folders)
        ]
        hosts = [task.result() for task in tasks]
    hosts.append(_here(project, dry_run))
    freed = sum(one["bytes"] for host in hosts for one in host["removed"])
    return {"hosts": hosts, "bytes": freed, "failed": sum(bool(host["problem"]) for host in hosts), "dry_run": dry_run}


def _on_host(
    project: Project,
    name: str,
    connection: Connection,
    found: Mapping[str, Leftovers],
    older: timedelta,
    dry_run: bool,
) -> CleanedHost:
    plan = host_plan(project.settings, name, project.layout.lab, project.layout.root)
    over = found.get(name) or Leftovers(plan.run_root)
    runs = over.runs if over.root == plan.run_root else ()  # with another state_dir since then: not found there
    request = cleaning.request(plan.run_root, runs, over.code, older, only_say=dry_run)
    try:
        pieces = cleaning.read(connection.ask(request))
    except OutsideFailed as error:
        return {"host": name, "removed": [], "kept": [], "problem": error.message}
    removed = [_leftover(piece) for piece in pieces if not piece.kept]
    return {"host": name, "removed": removed, "kept": [_leftover(p) for p in pieces if p.kept], "problem": ""}


def _checkpoints(name: str, connection: Connection, folders: Sequence[Checkpoints], dry_run: bool) -> CleanedHost:
    """Those of one host; all of one project's folder are asked for together."""
    report: CleanedHost = {"host": name, "removed": [], "kept": [], "problem": ""}
    report["kept"] += [{"kind": "checkpoint", "name": f.path, "bytes": 0, "why": f.kept} for f in folders if f.kept]
    for folder in dict.fromkeys(f.folder for f in folders):
        paths = [f.path for f in folders if f.folder == folder and not f.kept]
        request = cleaning.checkpoints_request(folder, paths, only_say=dry_run)
        try:
            pieces = cleaning.read(connection.ask(request)) if paths else []
        except OutsideFailed as error:
            return {**report, "problem": error.message}
        for piece in pieces:
            if piece.name.isdecimal() and 0 < int(piece.name) <= len(paths):
                named = _leftover(replace(piece, name=paths[int(piece.name) - 1]))
                report["kept" if piece.kept else "removed"].append(named)
    return report


def _leftover(piece: cleaning.Piece) -> Leftover:
    return {"kind": piece.kind, "name": piece.name, "bytes": piece.size, "why": piece.kept}


def _here(project: Project, dry_run: bool) -> CleanedHost:
    """Archives of code and half-written files: an engine removes them as it begins, so that is what is done."""
    old = {path: path.lstat().st_size for path in _old_files(project)}
    problem = ""
    if old and not dry_run:
        try:
            open_engine(project, "clean").close()
        except Busy as busy:
            problem = f"{busy.message}; it removes what is old when it is started again"
    gone = old if dry_run else {path: size for path, size in old.items() if not path.exists()}
    removed: list[Leftover] = [
        {"kind": "file", "name": str(path), "bytes": size, "why": ""} for path, size in sorted(gone.items())
    ]
    return {"host": HERE, "removed": removed, "kept": [], "problem": problem}


def _old_files(project: Project) -> list[Path]:
    layout = project.layout
    needed = {e.open_run.code for e in recorded(project).entries.values() if e.open_run is not None}
    before = (clock() - KEEP_CODE).timestamp()
    archives = [path for path in _files(layout.code) if path.suffix == ".tar" and path.stem not in needed]
    found = [path for path in archives if path.lstat().st_mtime < before]
    for folder in (layout.journal, layout.record, layout.dispatch):
        found += [path for path in _files(folder) if path.name.startswith(".") and path.name.endswith(TEMP_SUFFIX)]
    return found


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file() and not path.is_symlink()] if folder.is_dir() else []
