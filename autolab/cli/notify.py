"""``notify list``, ``test``, ``send``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from autolab.api import notify as api
from autolab.api.project import open_project
from autolab.cli.base import Globals, Noun, settings_of
from autolab.cli.experiments import DRY_RUN, KEY, changed_lines
from autolab.cli.render import give, painted, table
from autolab.cli.text import ago, clean
from autolab.errors import AutolabError

if TYPE_CHECKING:
    from autolab.api.notify_results import NotifiersReport, SendReport


class NotifierName(click.ParamType[str]):
    """A notifier's name."""

    name = "name"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        chosen = ctx.find_object(Globals)
        try:
            project = open_project(chosen.folder if chosen else ".")
        except AutolabError:
            return []
        known = [notifier.name for notifier in project.settings.notify]
        return [CompletionItem(name) for name in known if name.startswith(incomplete)]


class KindName(click.ParamType[str]):
    """A kind of notice."""

    name = "kind"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(kind) for kind in api.kinds() if kind.startswith(incomplete)]


@click.group(cls=Noun, example="autolab notify list\nautolab notify test")
def notify() -> None:
    """Who is told what happens."""


@notify.command("list", example="autolab notify list")
@click.pass_context
def list_notifiers(ctx: click.Context) -> None:
    """Every notifier of autolab.yaml, and when it last worked and failed."""
    chosen = settings_of(ctx)
    give(chosen, "notify-list", api.notify_list(open_project(chosen.folder, chosen.settings)), _list_lines)


def _list_lines(report: NotifiersReport) -> Iterator[str]:
    rows = [
        (
            clean(line["name"]),
            clean(line["url"]),
            line["waiting"],
            line["sent"],
            ago(line["last_sent"], report["at"]),
            ago(line["last_failed"], report["at"]),
            clean(line["problem"]),
        )
        for line in report["notifiers"]
    ]
    yield from table(rows, ("NAME", "KEPT IN", "WAITING", "SENT", "LAST SENT", "LAST FAILED", "PROBLEM"))
    if not rows:
        yield f"nobody is told anything; to change that: {api.EXAMPLE}"
    yield f"all notices: {clean(report['log'])}"


@notify.command("test", example="autolab notify test\nautolab notify test phone")
@click.argument("names", nargs=-1, type=NotifierName())
@click.pass_context
def test(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Send a test message through notifiers NAMES (default: all); exit code 4 where one fails."""
    chosen = settings_of(ctx)
    report = api.notify_test(open_project(chosen.folder, chosen.settings), names)
    give(chosen, "notify-test", report, _test_lines)
    return 4 if report["failed"] else 0


def _test_lines(report: SendReport) -> Iterator[str]:
    for line in report["deliveries"]:
        word = "ok" if line["sent"] else "fail"
        yield f"{painted(word, word)}  {clean(line['name'])}{': ' if line['problem'] else ''}{clean(line['problem'])}"


@notify.command("send", example="autolab notify send blocked what='the quota of the cluster is used up'")
@click.argument("kind", type=KindName())
@click.argument("facts", nargs=-1)
@click.option("--phase", default="", help="What it is about, such as 'Phase 8'.")
@click.option("--wandb", default="", help="Address of a run or project.")
@DRY_RUN
@KEY
@click.pass_context
def send(
    ctx: click.Context, kind: str, facts: tuple[str, ...], phase: str, wandb: str, dry_run: bool, key: str
) -> None:
    """Announce a notice of KIND, its blanks filled by FACTS (name=text), to all who want that kind."""
    chosen = settings_of(ctx)
    project = open_project(chosen.folder, chosen.settings)
    given = api.facts_of(facts)
    report = api.notify_send(project, kind, given, phase=phase, wandb=wandb, dry_run=dry_run, key=key)
    give(chosen, "notify-send", report, changed_lines)
