"""What an experiment left on its host, brought here: checkpoints and whatever else is asked for by name."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from autolab.api.place import read_state
from autolab.api.project import Project, clock
from autolab.api.select import the_one
from autolab.engine.lab import connections
from autolab.engine.plan import host_plan
from autolab.errors import AskedWrong, UnknownName
from autolab.executors.fetching import fetch
from autolab.model.experiment import result_path

if TYPE_CHECKING:
    from autolab.api.code_results import PullReport

LIMIT_MIB: Final = 64 * 1024


def pull(
    project: Project,
    ident: str,
    paths: Sequence[str] = (),
    *,
    into: Path | str | None = None,
    limit_mib: int = LIMIT_MIB,
    dry_run: bool = False,
) -> PullReport:
    """Bring files and folders of ``ident`` from the project's folder on its host, each to the same path here.

    paths      relative to the project; default: its checkpoint_dir
    into       a folder to put them below, instead of the project
    limit_mib  most that is brought
    raises     UnknownName, AskedWrong: nothing to bring, or a path that leads out; OutsideFailed: nothing was brought
    """
    entry = dict(the_one(read_state(project)["experiments"], ident))
    wanted = _wanted(entry, paths)
    host = entry.get("host")
    if not host or host not in project.settings.hosts or not entry.get("attempt"):
        raise UnknownName("attempt", str(entry["id"]), hint=f"{entry['id']} ran on no host of autolab.yaml")
    layout = project.layout
    plan = host_plan(project.settings, str(host), layout.lab, layout.root)
    top = Path(into).absolute() if into is not None else layout.root
    report: PullReport = {
        "id": str(entry["id"]),
        "host": str(host),
        "folder": plan.project_dir,
        "into": str(top),
        "files": {},
        "absent": [],
        "skipped": [],
        "dry_run": dry_run,
        "wanted": wanted,
    }
    if dry_run:
        return report

    def keep(name: str, content: Iterator[bytes]) -> None:
        path = top / name
        if into is None:
            layout.inside(name)
        project.files.make_dirs(path.parent)
        project.files.replace_with(path, content, durable=False)

    project.files.make_dirs(layout.incoming)
    with (
        closing(connections(project.settings, layout, clock)) as pool,
        tempfile.TemporaryFile(dir=layout.incoming) as through,
    ):
        fetched = fetch(pool.connection(str(host)), plan.project_dir, wanted, through, keep, limit_mib << 20)
    return {**report, "files": fetched.files, "absent": fetched.absent, "skipped": fetched.skipped}


def _wanted(entry: dict[str, Any], paths: Sequence[str]) -> list[str]:
    given = list(paths) or [str(entry["checkpoint_dir"])] if paths or entry.get("checkpoint_dir") else []
    if not given:
        raise AskedWrong(f"{entry['id']} has no checkpoint_dir", hint="name what to bring: autolab pull ID PATH...")
    try:
        return list(dict.fromkeys(result_path(path) for path in given))
    except ValueError as error:
        said, _, hint = str(error).partition("\n")
        raise AskedWrong(said, hint=hint) from error
