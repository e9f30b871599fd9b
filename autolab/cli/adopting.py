"""``adopt``: what runs already becomes an experiment's attempt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from autolab.api.adopting import adopt as adopt_process
from autolab.api.project import open_project
from autolab.cli.base import settings_of, verb
from autolab.cli.names import EXPERIMENT, HOST
from autolab.cli.render import give
from autolab.cli.text import clean

if TYPE_CHECKING:
    from autolab.api.experiment_results import AdoptReport


@verb(
    example="autolab adopt lr-3 --host gpu1 --pid 4711 --log nohup.out\n"
    "autolab adopt old --host gpu1 --pid 4711 --result-file experiments/results/old.csv -- python train.py"
)
@click.argument("ident", metavar="ID", type=EXPERIMENT)
@click.argument("command", nargs=-1)
@click.option("--host", required=True, type=HOST, help="Where it runs.")
@click.option("--pid", required=True, type=click.IntRange(1), help="Its process id there.")
@click.option("--log", default="", help="A file on the host that it writes to; from its home, or absolute.")
@click.option("--gpu", "gpus", multiple=True, type=click.IntRange(0), help="A card it uses; may be repeated.")
@click.option("--result-file", help="For a new ID: the file a good run leaves, relative to the project.")
@click.option("--reason", default="", help="Why, for the history.")
@click.option("--dry-run", is_flag=True, help="Only show the process that was found.")
@click.option("--key", default="", help="Act once, however often this is repeated with the same KEY.")
@click.pass_context
def adopt(
    ctx: click.Context,
    /,
    ident: str,
    command: tuple[str, ...],
    host: str,
    pid: int,
    log: str,
    gpus: tuple[int, ...],
    result_file: str | None,
    reason: str,
    dry_run: bool,
    key: str,
) -> None:
    """Make a process that runs already the next attempt of ID, which waits or is held; with COMMAND, ID is new.

    It is watched, cancelled and collected like every attempt. Its exit status cannot be known: its result decides.
    """
    chosen = settings_of(ctx)
    report = adopt_process(
        open_project(chosen.folder, chosen.settings),
        ident,
        host=host,
        pid=pid,
        log=log,
        gpus=gpus,
        words=command,
        given={"result_file": result_file} if result_file else {},
        reason=reason,
        dry_run=dry_run,
        key=key,
    )
    give(chosen, "adopt", report, _lines)


def _lines(report: AdoptReport) -> Iterator[str]:
    yield f"process {report['pid']} on {clean(report['host'])}: {clean(report['command'])}"
    yield clean(report["outcome"])
