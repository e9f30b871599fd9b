"""``diagnose``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from autolab.api import failures as api
from autolab.api.project import Project, open_project
from autolab.cli.base import Globals, settings_of, verb
from autolab.cli.names import EXPERIMENT
from autolab.cli.render import give, heading, table
from autolab.cli.text import clean

if TYPE_CHECKING:
    from autolab.api.failure_results import DiagnosisReport, ExamplesReport, TableReport


@verb(
    example="autolab diagnose lr-sweep-03\nautolab diagnose train.log --status 137 --command 'python train.py -b 64'\n"
    "autolab diagnose --table\nautolab diagnose --test"
)
@click.argument("what", metavar="[ID|LOG]", required=False, type=EXPERIMENT)
@click.option("--status", type=click.IntRange(0, 255), help="Exit status; default: the recorded one, or 1 for a log.")
@click.option("--attempt", type=click.IntRange(1), help="Which attempt; default: the last one.")
@click.option("--command", default="", help="What a log's program was started with.")
@click.option("--table", "whole", is_flag=True, help="The table of failures that holds here.")
@click.option("--test", "tried", is_flag=True, help="Try the examples of the table; exit code 1 where one is wrong.")
@click.pass_context
def diagnose(
    ctx: click.Context,
    what: str | None,
    status: int | None,
    attempt: int | None,
    command: str,
    whole: bool,
    tried: bool,
) -> int:
    """What ended experiment ID, or a program with this LOG, and what autolab would do about it. Changes nothing."""
    if (what is not None) + whole + tried != 1:
        raise click.UsageError("give an experiment or a log, or --table, or --test", ctx)
    chosen = settings_of(ctx)
    project = open_project(chosen.folder, chosen.settings)
    if what is None:
        return _show_table(chosen, project) if whole else _try_examples(chosen, project)
    report = api.diagnose(project, what, status=status, attempt=attempt, command=command)
    give(chosen, "diagnose", report, _lines)
    return 0


def _show_table(chosen: Globals, project: Project) -> int:
    give(chosen, "diagnose-table", api.failure_table(project), _table_lines)
    return 0


def _try_examples(chosen: Globals, project: Project) -> int:
    report = api.failure_examples(project)
    give(chosen, "diagnose-test", report, _example_lines)
    return 1 if report["wrong"] else 0


def _lines(report: DiagnosisReport) -> Iterator[str]:
    if not report["kind"]:
        yield f"{clean(report['source'])}: {clean(report['because'])}; nothing to do"
        return
    yield f"{heading(clean(report['kind']))}  {clean(report['about'])}"
    yield f"  from      {clean(report['source'])}"
    yield f"  because   {clean(report['because'])}"
    if report["line"]:
        yield f"  line      {report['number']} of the last {report['lines']}"
        yield f"  pattern   {clean(report['pattern'])}  ({clean(report['origin'])})"
    yield f"  would     {clean(report['would'])}"
    if report["command"]:
        yield f"  command   {clean(report['command'])}"


def _table_lines(report: TableReport) -> Iterator[str]:
    rows = [
        (kind["name"], kind["from"], kind["remedy"], _seen(kind), kind.get("about", "")) for kind in report["kinds"]
    ]
    yield from table(rows, ("KIND", "FROM", "REMEDY", "SEEN BY", "ABOUT"))


def _seen(kind: dict[str, object]) -> str:
    """What evidence a row goes by."""
    found = [f"{len(patterns)} patterns" for patterns in (kind.get("patterns"),) if isinstance(patterns, list)]
    words = ("statuses", "signals", "causes", "ends", "results")
    return ", ".join([*found, *(f"{word} {_joined(kind[word])}" for word in words if word in kind)])


def _joined(values: object) -> str:
    return " ".join(map(str, values)) if isinstance(values, list) else str(values)


def _example_lines(report: ExamplesReport) -> Iterator[str]:
    yield from (clean(line) for line in report["wrong"])
    yield f"{report['examples']} examples: {len(report['wrong'])} wrong"
