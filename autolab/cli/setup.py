"""``init``, ``doctor``, ``completion``, ``schema``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from autolab.api.doctor import doctor as look_around
from autolab.api.schemas import schema as schema_of
from autolab.api.schemas import schema_names
from autolab.api.setup import init as make_lab
from autolab.cli.base import settings_of, verb
from autolab.cli.render import give, painted, talk
from autolab.cli.text import clean

if TYPE_CHECKING:
    from autolab.api.host_results import ChecksReport
    from autolab.api.results import CompletionReport, InitReport, SchemaReport

SHELLS = {"bash": "bash", "zsh": "zsh", "fish": "fish", "pwsh": "powershell"}


@verb(example="autolab init\nautolab init ~/my-study --name lr-study --slots 2")
@click.argument("target", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path))
@click.option("--name", default="", help="The project's name; default: the folder's.")
@click.option("--slots", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Experiments at once here.")
@click.option(
    "--anchor", default="", metavar="HOST", help="A host that keeps a new lab's lease; default: this machine."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be made.")
@click.pass_context
def init(ctx: click.Context, target: Path | None, name: str, slots: int, anchor: str, dry_run: bool) -> None:
    """Make FOLDER (default: here) a lab: settings, lab id, folders, state. What is there is kept; safe to repeat."""
    chosen = settings_of(ctx)
    report = make_lab(chosen.folder / (target or Path()), name=name, slots=slots, anchor=anchor, dry_run=dry_run)
    for warning in report["warnings"]:
        talk(chosen, f"warning: {warning}")
    give(chosen, "init", report, _init_lines)


def _init_lines(report: InitReport) -> Iterator[str]:
    word = "would make" if report["dry_run"] else "made"
    yield f"{clean(report['project'])}: lab {report['lab'][:8]} in {clean(report['folder'])}"
    if report["anchor"] != "local":
        yield f"the lease is kept on {clean(report['anchor'])}"
    if report["made"]:
        yield f"{word} {', '.join(report['made'])}"
    if report["kept"]:
        yield f"kept {', '.join(report['kept'])}"
    if not report["dry_run"]:
        yield "next: edit autolab.yaml, then `autolab add experiments.yaml` or `autolab run -- COMMAND`"


@verb(example="autolab doctor")
@click.pass_context
def doctor(ctx: click.Context) -> int:
    """Check this machine, the project, its record and its hosts; exit code 1 where something fails."""
    chosen = settings_of(ctx)
    report = look_around(chosen.folder)
    give(chosen, "doctor", report, check_lines)
    return 1 if report["failed"] else 0


def check_lines(report: ChecksReport) -> Iterator[str]:
    """Findings, what to do below each that is not ok."""
    for check in report["checks"]:
        yield f"{painted(check['verdict'].ljust(4), check['verdict'])}  {clean(check['name'])}: {clean(check['found'])}"
        if check["hint"] and check["verdict"] != "ok":
            yield f"      {clean(check['hint'])}"
    yield f"{len(report['checks'])} checks: {report['failed']} failed, {report['warned']} warnings"


@verb(example='eval "$(autolab completion bash)"')
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes autolab's commands, experiments and hosts in SHELL."""
    kind = get_completion_class(SHELLS[shell])
    if kind is None:
        raise click.UsageError(f"this click cannot complete for {shell}", ctx)
    root = ctx.find_root().command
    script = kind(root, {}, "autolab", "_AUTOLAB_COMPLETE").source()
    report: CompletionReport = {"shell": shell, "script": script}
    give(settings_of(ctx), "completion", report, _completion_lines)


def _completion_lines(report: CompletionReport) -> list[str]:
    return [report["script"].rstrip("\n")]


@verb(example="autolab schema settings\nautolab schema status")
@click.argument("name", required=False)
@click.pass_context
def schema(ctx: click.Context, name: str | None) -> None:
    """Print the JSON schema NAME: of a file, or of what a command prints with --json. Without NAME: their names."""
    chosen = settings_of(ctx)
    if name is None:
        names: SchemaReport = {"name": "", "text": {"names": schema_names()}}
        give(chosen, "schema", names, lambda report: report["text"]["names"])
        return
    give(chosen, "schema", schema_of(name), lambda report: [json.dumps(report["text"], indent=2)])
