"""``import``: results that are there already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autolab.api import importing as api
from autolab.api.project import open_project
from autolab.cli.base import settings_of, verb
from autolab.cli.render import give
from autolab.cli.text import clean

if TYPE_CHECKING:
    from autolab.api.experiment_results import ImportReport


@verb(
    example="autolab import old.yaml --dry-run\nautolab import old.yaml --reason 'run by hand in spring'", name="import"
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--partial", is_flag=True, help="Leave out experiments without a good result.")
@click.option("--reason", default="", help="Why, for the history.")
@click.option("--dry-run", is_flag=True, help="Only say what would be taken in.")
@click.option("--key", default="", help="Act once, however often this is repeated with the same KEY.")
@click.pass_context
def import_results(
    ctx: click.Context, files: tuple[Path, ...], partial: bool, reason: str, dry_run: bool, key: str
) -> None:
    """Add the experiments of FILES as done, by the results that are in the project already; all of them or none.

    Each result is checked as that of an attempt is, and said to be imported, by whom.
    """
    chosen = settings_of(ctx)
    project = open_project(chosen.folder, chosen.settings)
    report = api.import_results(project, files, partial=partial, reason=reason, dry_run=dry_run, key=key)
    give(chosen, "import", report, _lines)


def _lines(report: ImportReport) -> Iterator[str]:
    word = "would be done" if report["dry_run"] else "done"
    yield f"{len(report['ids'])} {word} by the results that are there; {report['there']} were done before"
    yield from (f"left out: {clean(ident)}: {clean(why)}" for ident, why in report["without"].items())
    if report["queued"]:
        yield clean(report["outcome"])
