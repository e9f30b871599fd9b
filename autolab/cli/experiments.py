"""``add``, ``run``, ``cancel``, ``hold``, ``release``, ``retry``, ``decide``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from autolab.api import experiments as api
from autolab.api.project import Project, open_project
from autolab.cli.base import Globals, settings_of, verb
from autolab.cli.names import ANSWER, HOST, QUESTION, SELECTION, STATUS
from autolab.cli.render import give
from autolab.cli.text import clean

if TYPE_CHECKING:
    from autolab.api.experiment_results import AddReport, Changed

Function = TypeVar("Function", bound=Callable[..., Any])
KEY = click.option("--key", default="", help="Makes a repeated command act once.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Only say what would be done.")
REASON = click.option("--reason", default="", help="Kept in the journal.")
STATUSES = click.option("-s", "--status", "statuses", multiple=True, type=STATUS, help="Only these; may be repeated.")
SEL = click.argument("sel", nargs=-1, type=SELECTION)


def _project(chosen: Globals) -> Project:
    return open_project(chosen.folder, chosen.settings)


@verb(example="autolab add experiments.yaml\nautolab add --update --dry-run experiments.yaml")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--update", is_flag=True, help="Give a new design to experiments that were never attempted.")
@DRY_RUN
@REASON
@KEY
@click.pass_context
def add(ctx: click.Context, files: tuple[Path, ...], update: bool, dry_run: bool, reason: str, key: str) -> None:
    """Add the experiments of FILES: all of them, or none. What is there with the same design is nothing new."""
    chosen = settings_of(ctx)
    paths = [chosen.folder / path for path in files]
    report = api.add(_project(chosen), paths, update=update, dry_run=dry_run, reason=reason, key=key)
    give(chosen, "add", report, _add_lines)


@verb(
    example="autolab run -- python train.py --lr 0.1\nautolab run --host gpu1 --gpus 1 -- python train.py",
    context_settings={"allow_interspersed_args": False},
)
@click.argument("command", nargs=-1, required=True)
@click.option("--id", "ident", help="Its id; default: run-<n>.")
@click.option("--host", type=HOST, help="A host's name or a pattern such as 'gpu*'; default: any.")
@click.option("--cpus", type=click.IntRange(1), help="Processor cores.")
@click.option("--gpus", type=click.IntRange(0), help="GPUs.")
@click.option("--mem", help="Memory, with a unit: 32GB.")
@click.option("--walltime", help="Longest run, with a unit: 2h.")
@click.option("--result-file", help="The file a good run leaves, relative to the project.")
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="A variable of the command; may be repeated.")
@click.option("--notes", help="For people.")
@DRY_RUN
@KEY
@click.pass_context
def run(
    ctx: click.Context,
    /,
    command: tuple[str, ...],
    ident: str | None,
    dry_run: bool,
    key: str,
    env: tuple[str, ...],
    **asked: Any,
) -> None:
    """Add one experiment that runs COMMAND. Several words are quoted for the shell; a single one is shell text."""
    chosen = settings_of(ctx)
    given = {name: asked[name] for name in ("host", "result_file", "notes") if asked[name] is not None}
    needs = {name: asked[name] for name in ("cpus", "gpus", "mem", "walltime") if asked[name] is not None}
    given |= {"resources": needs} if needs else {}
    given |= {"env": dict(_variable(ctx, each) for each in env)} if env else {}
    if ident == "":  # a variable that is not set, in most cases
        raise click.UsageError("--id is empty")
    report = api.run(_project(chosen), command, ident=ident or "", given=given, dry_run=dry_run, key=key)
    give(chosen, "run", report, _add_lines)


def _variable(ctx: click.Context, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--env {text!r}: not of the form NAME=VALUE", ctx)
    return name, value


def _add_lines(report: AddReport) -> Iterator[str]:
    would = "would be " if report["dry_run"] else ""
    parts = [(f"{would}added", report["added"]), (f"{would}updated", report["updated"])]
    parts.append(("there already", report["unchanged"]))
    for word, ids in parts:
        if ids:
            more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
            yield f"{len(ids)} {word}: {', '.join(clean(ident) for ident in ids[:5])}{more}"
    for line in report["differences"]:
        yield f"  {clean(line['id'])}.{clean(line['key'])}: {clean(line['was'])} -> {clean(line['now'])}"
    if report["queued"]:
        yield clean(report["outcome"])


@verb(example="autolab cancel lr-sweep-03 --reason 'wrong data'\nautolab cancel all -s running --reason 'host needed'")
@SEL
@STATUSES
@REASON
@click.option("--abandon", is_flag=True, help="Close an attempt that nothing proves dead, on your word.")
@DRY_RUN
@KEY
@click.pass_context
def cancel(ctx: click.Context, /, sel: tuple[str, ...], statuses: tuple[str, ...], **asked: Any) -> None:
    """Cancel the experiments SEL, also running ones. SEL: ids, globs, `all`, `last`."""
    _change(ctx, api.cancel, sel, statuses, asked)


@verb(example="autolab hold 'lr-*' --reason 'first look at the pilot'")
@SEL
@STATUSES
@REASON
@DRY_RUN
@KEY
@click.pass_context
def hold(ctx: click.Context, /, sel: tuple[str, ...], statuses: tuple[str, ...], **asked: Any) -> None:
    """Keep the experiments SEL from being launched; one that runs goes on. SEL: ids, globs, `all`, `last`."""
    _change(ctx, api.hold, sel, statuses, asked)


@verb(example="autolab release 'lr-*'")
@SEL
@STATUSES
@REASON
@DRY_RUN
@KEY
@click.pass_context
def release(ctx: click.Context, /, sel: tuple[str, ...], statuses: tuple[str, ...], **asked: Any) -> None:
    """Let the held experiments SEL go on. SEL: ids, globs, `all`, `last`."""
    _change(ctx, api.release, sel, statuses, asked)


@verb(example="autolab retry lr-sweep-03 --reason 'the disk was full'\nautolab retry all -s failed")
@SEL
@STATUSES
@REASON
@click.option("--abandon", is_flag=True, help="Close an attempt that nothing proves dead, on your word.")
@DRY_RUN
@KEY
@click.pass_context
def retry(ctx: click.Context, /, sel: tuple[str, ...], statuses: tuple[str, ...], **asked: Any) -> None:
    """Run the ended experiments SEL again, as new attempts. A done one only by its id; its result is kept aside."""
    _change(ctx, api.retry, sel, statuses, asked)


def _change(
    ctx: click.Context,
    ask: Callable[..., Changed],
    sel: tuple[str, ...],
    statuses: tuple[str, ...],
    asked: dict[str, Any],
) -> None:
    chosen = settings_of(ctx)
    report = ask(_project(chosen), sel, statuses, **asked)
    give(chosen, report["ask"], report, changed_lines)


def changed_lines(report: Changed) -> Iterator[str]:
    """What came of it, and about what."""
    yield clean(report["outcome"])
    if report["dry_run"]:
        yield from (f"  would {report['ask']} {clean(ident)}" for ident in report["ids"])


@verb(example="autolab decide lr-sweep-03-1 retry --note 'the cluster was down'")
@click.argument("question", type=QUESTION)
@click.argument("option", type=ANSWER)
@click.option("--note", default="", help="Why; kept in the journal.")
@click.option("--code", default="", help="The one-time code of a reserved question; see `autolab ask code`.")
@DRY_RUN
@KEY
@click.pass_context
def decide(ctx: click.Context, /, question: str, option: str, **answer: Any) -> None:
    """Answer the open question QUESTION with one of its options; `autolab ask show QUESTION` shows both."""
    chosen = settings_of(ctx)
    report = api.decide(_project(chosen), question, option, **answer)
    give(chosen, "decide", report, changed_lines)
