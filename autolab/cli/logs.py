"""``logs``, ``history``, ``events``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from autolab.api import logs as api
from autolab.api import output
from autolab.api.place import find_place
from autolab.api.project import open_project
from autolab.cli.base import settings_of, verb
from autolab.cli.names import EXPERIMENT
from autolab.cli.render import emit, envelope, give, table, talk
from autolab.cli.text import clean, clean_lines

if TYPE_CHECKING:
    from autolab.api.experiment_results import EventsReport, LogReport


@verb(example="autolab logs lr-sweep-03\nautolab logs last -f\nautolab logs lr-sweep-03 --attempt 1")
@click.argument("ident", metavar="ID", type=EXPERIMENT)
@click.option("-f", "--follow", is_flag=True, help="Go on as it prints, until it has ended.")
@click.option("--attempt", type=click.IntRange(1), help="Which attempt; default: the last one.")
@click.pass_context
def logs(ctx: click.Context, ident: str, follow: bool, attempt: int | None) -> None:
    """What experiment ID printed: its last 64 KiB, or with -f all of it as it comes."""
    chosen = settings_of(ctx)
    project = open_project(chosen.folder, chosen.settings)
    if follow:
        if chosen.as_json:
            raise click.UsageError("-f prints text as it comes; without -f, --json gives what is there", ctx)
        for piece in output.follow_log(project, ident, attempt):
            click.echo(clean_lines(piece.replace("\r\n", "\n").replace("\r", "\n")), nl=False)
        return
    report = output.log_text(project, ident, attempt)
    talk(chosen, f"{clean(report['id'])}, attempt {report['attempt']}, from {clean(report['source'])}")
    give(chosen, "logs", report, _log_lines)


def _log_lines(report: LogReport) -> list[str]:
    text = report["text"].replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    return clean_lines(text).split("\n") if text else []


@verb(example="autolab history lr-sweep-03")
@click.argument("ident", metavar="ID", type=EXPERIMENT)
@click.option("-n", "--limit", type=click.IntRange(0), default=0, help="Only the last N; 0: all.")
@click.pass_context
def history(ctx: click.Context, ident: str, limit: int) -> None:
    """What happened to experiment ID, oldest first."""
    chosen = settings_of(ctx)
    report = api.history(find_place(chosen.folder), ident, limit)
    give(chosen, "history", report, _event_lines, truncated=len(report["events"]) < report["total"])


@verb(example="autolab events\nautolab events -f --json | head -n 3")
@click.option("-f", "--follow", is_flag=True, help="Go on as they come; with --json one envelope a line.")
@click.option("-n", "--limit", type=click.IntRange(0), default=api.LIMIT, show_default=True, help="0: all.")
@click.pass_context
def events(ctx: click.Context, follow: bool, limit: int) -> None:
    """What happened in the lab, oldest first."""
    chosen = settings_of(ctx)
    place = find_place(chosen.folder)
    if not follow:
        report = api.events(place, limit)
        give(chosen, "events", report, _event_lines, truncated=len(report["events"]) < report["total"])
        return
    for event in api.follow_events(place):
        if chosen.as_json:
            emit(envelope("event", event), indent=False)
        else:
            click.echo("  ".join(clean(cell) for cell in _row(event)))


def _event_lines(report: EventsReport) -> Iterator[str]:
    if report["events"]:
        yield from table([_row(event) for event in report["events"]], ("AT", "WHO", "ID", "EVENT", "WHY"))


def _row(event: Mapping[str, Any]) -> tuple[str, ...]:
    attempt = f".{event['attempt']}" if event.get("attempt") else ""
    at = str(event.get("at", ""))[:19]
    about = f"{event.get('id') or '-'}{attempt}"
    return at, str(event.get("actor", "")), about, str(event.get("event", "")), str(event.get("why", ""))
