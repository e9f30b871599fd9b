"""``wait``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from autolab.api.place import find_place
from autolab.api.waiting import UNTIL, wait_for
from autolab.cli.base import settings_of, verb
from autolab.cli.names import SELECTION
from autolab.cli.render import give
from autolab.cli.text import clean
from autolab.cli.units import TIMEOUT

if TYPE_CHECKING:
    from autolab.api.experiment_results import WaitReport


@verb(example="autolab wait 'lr-*' --timeout 2h\nautolab wait --until parked")
@click.argument("sel", nargs=-1, type=SELECTION)
@click.option("--until", type=click.Choice(UNTIL), default="ended", show_default=True, help="What to wait for.")
@click.option("--timeout", type=TIMEOUT, metavar="T", help="Give up after T (30s, 5m, 2h): exit code 8.")
@click.pass_context
def wait(ctx: click.Context, sel: tuple[str, ...], until: str, timeout: float | None) -> int:
    """Wait until the experiments SEL (default: all) have ended; exit code 1 if one of them failed."""
    chosen = settings_of(ctx)
    report = wait_for(find_place(chosen.folder), sel, until=until, timeout_s=timeout)
    give(chosen, "wait", report, _wait_lines)
    return 1 if report["failed"] else 0


def _wait_lines(report: WaitReport) -> Iterator[str]:
    yield f"{len(report['done'])} done, {len(report['failed'])} failed or cancelled, {len(report['parked'])} parked"
    yield from (f"  {clean(ident)}" for ident in report["failed"])
