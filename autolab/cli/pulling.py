"""``pull``: what an experiment left on its host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autolab.api.project import open_project
from autolab.api.pulling import LIMIT_MIB
from autolab.api.pulling import pull as bring
from autolab.cli.base import settings_of, verb
from autolab.cli.names import EXPERIMENT
from autolab.cli.render import give, talk
from autolab.cli.text import clean

if TYPE_CHECKING:
    from autolab.api.code_results import PullReport


@verb(example="autolab pull lr-3\nautolab pull lr-3 checkpoints/lr-3/best.pt --into /data/keep")
@click.argument("ident", metavar="ID", type=EXPERIMENT)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), help="A folder instead of the project.")
@click.option("--limit-mib", type=click.IntRange(1), default=LIMIT_MIB, show_default=True, help="Most that is brought.")
@click.option("--dry-run", is_flag=True, help="Only say what would be asked for, and where.")
@click.pass_context
def pull(
    ctx: click.Context, ident: str, paths: tuple[str, ...], into: Path | None, limit_mib: int, dry_run: bool
) -> int:
    """Bring PATHs (default: the checkpoint_dir) of ID from its host, each to the same path here; exit code 1 where one
    is not there. All of it arrives, or nothing."""
    chosen = settings_of(ctx)
    project = open_project(chosen.folder, chosen.settings)
    report = bring(project, ident, paths, into=into, limit_mib=limit_mib, dry_run=dry_run)
    if report["skipped"]:
        talk(chosen, f"left there, no files of their own: {clean(', '.join(report['skipped'][:10]))}")
    give(chosen, "pull", report, _lines)
    return 1 if report["absent"] else 0


def _lines(report: PullReport) -> Iterator[str]:
    source = f"{clean(report['host'])}:{clean(report['folder'])}"
    if report["dry_run"]:
        yield f"would bring {clean(', '.join(report['wanted']))} from {source} to {clean(report['into'])}"
        return
    size = sum(report["files"].values())
    yield f"{len(report['files'])} files, {size / 2**20:.1f} MiB from {source} to {clean(report['into'])}"
    yield from (f"not there: {clean(path)}" for path in report["absent"])
