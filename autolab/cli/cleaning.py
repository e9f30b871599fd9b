"""``clean``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from autolab.api.cleaning import clean as clean_hosts
from autolab.api.project import open_project
from autolab.cli.base import settings_of, verb
from autolab.cli.experiments import DRY_RUN
from autolab.cli.names import HOST
from autolab.cli.render import give
from autolab.cli.text import clean as plain
from autolab.cli.units import TIMEOUT

if TYPE_CHECKING:
    from autolab.api.host_results import CleanedHost, CleanReport


@verb(example="autolab clean --dry-run\nautolab clean gpu1 --older-than 30d")
@click.argument("names", nargs=-1, type=HOST)
@click.option("--older-than", type=TIMEOUT, default="7d", metavar="T", show_default=True, help="Ended before that.")
@click.option("--checkpoints", is_flag=True, help="Also checkpoints of done experiments with a recorded artifact.")
@DRY_RUN
@click.pass_context
def clean(ctx: click.Context, names: tuple[str, ...], older_than: float, checkpoints: bool, dry_run: bool) -> int:
    """Remove old code, attempts and logs of this lab on hosts NAMES (default: all), and what was left behind here.

    Never of an open attempt, nor of one whose log or result is not here, nor anything outside the lab's folder there.
    Exit code 4 where a host could not be asked.
    """
    chosen = settings_of(ctx)
    project = open_project(chosen.folder, chosen.settings)
    report = clean_hosts(project, names, older=timedelta(seconds=older_than), checkpoints=checkpoints, dry_run=dry_run)
    give(chosen, "clean", report, _lines)
    return 4 if report["failed"] else 0


def _lines(report: CleanReport) -> Iterator[str]:
    word = "would remove" if report["dry_run"] else "removed"
    for host in report["hosts"]:
        yield from _host_lines(host, word)
    count = sum(len(host["removed"]) for host in report["hosts"])
    yield f"{word} {count} things, {_size(report['bytes'])}" if count else "nothing to remove"


def _host_lines(host: CleanedHost, word: str) -> Iterator[str]:
    name = plain(host["host"])
    if host["problem"]:
        yield f"{name}: {plain(host['problem'])}"
    for one in host["removed"]:
        yield f"{name}: {word} {plain(one['kind'])} {plain(one['name'])}, {_size(one['bytes'])}"
    for one in host["kept"]:
        yield f"{name}: kept {plain(one['kind'])} {plain(one['name'])}: {plain(one['why'])}"


def _size(count: int) -> str:
    """``4 KiB``, ``1.5 GiB``."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
