"""``poll``, in two steps: whether there is anything to do is told before the engine is even loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from autolab.api.quiet import nothing_to_do
from autolab.cli.base import settings_of, verb
from autolab.cli.text import clean

if TYPE_CHECKING:
    from autolab.api.results import PollResult


@verb(example="autolab poll\n*/5 * * * * /path/to/autolab -C /path/to/project -q poll")
@click.option("--dry-run", is_flag=True, help="Only say whether there is anything to do.")
@click.pass_context
def poll(ctx: click.Context, dry_run: bool) -> None:
    """One tick: fold what sidecars say, look at hosts, launch, collect. For cron.

    Where a daemon or another poll drives the lab, that is said and nothing is done: exit code 0.
    """
    chosen = settings_of(ctx)
    quiet = nothing_to_do(str(chosen.folder))
    if not quiet and not dry_run:
        group = ctx.find_root().command
        assert isinstance(group, click.Group)
        tick = group.get_command(ctx, "tick")
        assert tick is not None
        ctx.invoke(tick)
    elif chosen.as_json:
        zero = dict.fromkeys(("events", "started", "ended", "running", "pending", "questions"), 0)
        data = {"driven_by": None, **zero}
        click.echo(json.dumps({"schema": "autolab.poll/1", "data": data, "truncated": False}, indent=2))
    elif not chosen.quiet:
        click.echo("nothing to do" if quiet else "there is something to look at")


def poll_lines(report: PollResult) -> Iterator[str]:
    """What a tick did, in a line."""
    if report["driven_by"]:
        yield clean(report["driven_by"])
        return
    yield (
        f"{report['events']} events, {report['started']} started, {report['ended']} ended; "
        f"{report['running']} running, {report['pending']} queued"
    )
    if report["questions"]:
        yield f"{report['questions']} open question(s): autolab status"
