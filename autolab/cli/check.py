"""``check``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from autolab.api.checks import check as check_hosts
from autolab.api.project import open_project
from autolab.cli.base import settings_of, verb
from autolab.cli.names import HOST
from autolab.cli.render import give, heading, painted, talk
from autolab.cli.text import clean
from autolab.cli.units import TIMEOUT

if TYPE_CHECKING:
    from autolab.api.host_results import CheckedHost, CheckReport


@verb(example="autolab check\nautolab check gpu1 gpu2 --no-dry-run")
@click.argument("names", nargs=-1, type=HOST)
@click.option("--dry-run/--no-dry-run", "dry_run", default=True, help="Try the first experiment of each host.")
@click.option("--timeout", type=TIMEOUT, metavar="T", default="30m", show_default=True, help="Give up after T.")
@click.pass_context
def check(ctx: click.Context, names: tuple[str, ...], dry_run: bool, timeout: float | None) -> int:
    """Find out whether hosts NAMES (default: all) are ready, and make environments that are missing.

    Logs in, looks at shell, disks, clock and userland, proves the host by a real claim, makes the environment, looks
    into it, and tries the first experiment of that host with --dry-run, in a copy of the code. Exit code 4 where a
    host is not ready.
    """
    chosen = settings_of(ctx)

    def tell(host: str, said: str) -> None:
        talk(chosen, f"{clean(host)}: {clean(said)}")

    project = open_project(chosen.folder, chosen.settings)
    report = check_hosts(project, names, dry_run=dry_run, timeout_s=timeout, on_progress=tell)
    give(chosen, "check", report, _lines)
    return 4 if report["failed"] else 0


def _lines(report: CheckReport) -> Iterator[str]:
    for host in report["hosts"]:
        yield from _host_lines(host)
    ready = len(report["hosts"]) - report["failed"]
    yield f"{ready} of {len(report['hosts'])} hosts are ready"


def _host_lines(host: CheckedHost) -> Iterator[str]:
    yield heading(f"{clean(host['host'])}: {'ready' if host['ready'] else 'not ready'}")
    for one in host["findings"]:
        yield f"  {painted(one['verdict'].ljust(4), one['verdict'])}  {clean(one['name'])}: {clean(one['found'])}"
        if one["hint"] and one["verdict"] != "ok":
            yield f"        {clean(one['hint'])}"
    yield from (f"        | {clean(line)}" for line in host["output"].splitlines())
