"""``status``, ``ps``, ``show``."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from autolab.api import view
from autolab.api.place import Place, find_place
from autolab.api.waiting import between_looks
from autolab.cli.base import settings_of, verb
from autolab.cli.names import EXPERIMENT, SELECTION, STATUS
from autolab.cli.render import counted, give, heading, painted, table, talk
from autolab.cli.text import ago, clean, state_word

if TYPE_CHECKING:
    from autolab.api.experiment_results import ExperimentLine, ListReport, ShowReport
    from autolab.api.question_results import QuestionLine
    from autolab.api.results import StatusReport

SHOWN = 20
# Before a large state is read once, the garbage collector is switched off: the process ends before it could be of use,
# and walking 10,000 experiments takes it a third of the time of all the rest.


@verb(example="autolab status\nautolab status --watch\nautolab status --json")
@click.option("-w", "--watch", is_flag=True, help="Redraw every 2 s; Ctrl-C ends it.")
@click.pass_context
def status(ctx: click.Context, watch: bool) -> None:
    """The lab at a glance: open questions first, then what runs, waits (and why), is parked, has ended."""
    chosen = settings_of(ctx)
    place = find_place(chosen.folder)
    if watch:
        _watch(ctx, place)
        return
    gc.disable()
    report = view.status(place)
    give(chosen, "status", report, status_lines, truncated=view.is_cut(report))


def _watch(ctx: click.Context, place: Place) -> None:
    if settings_of(ctx).as_json or not sys.stdout.isatty():
        raise click.UsageError("--watch draws on a terminal", ctx)
    from rich.live import Live
    from rich.text import Text

    with Live(screen=True, auto_refresh=False) as live:
        for _ in between_looks(2.0):
            live.update(Text.from_ansi("\n".join(status_lines(view.status(place)))), refresh=True)


def status_lines(report: StatusReport) -> Iterator[str]:
    """The report as people read it."""
    now = report["at"]
    yield f"{heading(clean(report['project']))}  {counted(report['counts'])}"
    yield _driver(report)
    if report["launching"]:
        yield f"nothing is launched: {clean(report['launching'])}"
    if not report["counts"]:
        yield "0 experiments: `autolab add experiments.yaml` or `autolab run -- COMMAND` adds some"
    if report["questions"]:
        yield ""
        yield heading("open questions", len(report["questions"]))
        for question in report["questions"]:
            yield from question_lines(question, now)
    counts = report["counts"]
    yield from _group("running", counts.get("running", 0), report["running"], now)
    yield from _group("queued", counts.get("pending", 0), report["queued"], now)
    parked = counts.get("on_hold", 0) + counts.get("unreachable", 0)
    yield from _group("parked", parked, report["parked"], now)
    ended = sum(counts.get(name, 0) for name in view.ENDED)
    yield from _group("ended", ended, report["ended"], now, "last: ")
    if logins := [f"{clean(h['name'])} {h['logins_last_hour']}" for h in report["hosts"] if h["logins_last_hour"]]:
        yield ""
        yield f"logins within the hour: {', '.join(logins)}"
    troubled = [host for host in report["hosts"] if host["status"] not in ("ready", "unknown")]
    for host in troubled:
        yield ""
        yield f"host {clean(host['name'])}: {clean(host['status'])} since {clean(host['since'])}: {clean(host['why'])}"


def _driver(report: StatusReport) -> str:
    age = f"state {ago(report['updated'], report['at'])} old" if report["updated"] else "no state yet"
    engine = report["engine"]
    if engine is None:
        return f"no engine runs ({age}): `autolab daemon`, or `autolab poll` from cron, moves things on"
    what = f"{clean(engine['what'])} (pid {engine['pid']} on {clean(engine['host'])})"
    return f"driven by {what} for {ago(engine['since'], report['at'])}; {age}"


def _group(title: str, number: int, lines: list[ExperimentLine], now: str, before: str = "") -> Iterator[str]:
    if not number:
        return
    yield ""
    yield heading(title, number)
    yield from (f"  {line}" for line in _table(lines[:SHOWN], now, margin=2))
    hidden = number - min(len(lines), SHOWN)
    if hidden:
        yield f"  showing {number - hidden} of {number}; autolab ps{' --all' if title == 'ended' else ''} lists them"


def _table(lines: list[ExperimentLine], now: str, margin: int = 0) -> list[str]:
    rows = [
        (line["id"], state_word(line["status"], line["substatus"]), line["host"] or "-", ago(line["since"], now),
         line["why"])
        for line in lines
    ]  # fmt: skip
    drawn = table(rows, ("ID", "STATUS", "HOST", "FOR", "WHY"), margin)
    return [drawn[0], *(painted(text, line["status"]) for text, line in zip(drawn[1:], lines, strict=True))]


def question_lines(question: QuestionLine, now: str) -> Iterator[str]:
    """A question: what it is about, what was seen, and the command for each answer."""
    yield f"  {heading(clean(question['id']))}  {clean(question['reason'])}, asked {ago(question['asked'], now)} ago"
    for line in question["seen"].splitlines()[-6:]:
        yield f"    | {clean(line)}"
    for option in question["options"]:
        yield f"    autolab decide {clean(question['id'])} {clean(option['name'])}    # {clean(option['effect'])}"
    if question["default"]:
        yield f"    without an answer by {clean(question['due'])}: {clean(question['default'])}"
    yield f"    autolab ask show {clean(question['id'])}    # all that was seen"


@verb(example="autolab ps\nautolab ps 'lr-*' -s failed")
@click.argument("sel", nargs=-1, type=SELECTION)
@click.option("-a", "--all", "ended", is_flag=True, help="Ended ones too.")
@click.option("-s", "--status", "statuses", multiple=True, type=STATUS, help="Only these; may be repeated.")
@click.option("-n", "--limit", type=click.IntRange(0), default=view.LIMIT, show_default=True, help="0: no limit.")
@click.pass_context
def ps(ctx: click.Context, sel: tuple[str, ...], ended: bool, statuses: tuple[str, ...], limit: int) -> None:
    """List experiments: those not ended, unless SEL, --status or --all says otherwise."""
    chosen = settings_of(ctx)
    gc.disable()
    report = view.ps(find_place(chosen.folder), sel, statuses, ended=ended, limit=limit)
    cut = len(report["experiments"]) < report["total"]
    give(chosen, "ps", report, _ps_lines, truncated=cut)
    if cut and not chosen.as_json:
        talk(chosen, f"showing {len(report['experiments'])} of {report['total']}; -n 0 shows all")
    if not report["total"] and not chosen.as_json:
        talk(chosen, "no experiments here; `autolab ps --all` shows ended ones, `autolab add FILE` adds some")


def _ps_lines(report: ListReport) -> list[str]:
    return _table(report["experiments"], report["at"]) if report["experiments"] else []


@verb(example="autolab show lr-sweep-03\nautolab show last --json")
@click.argument("ident", metavar="ID", type=EXPERIMENT)
@click.pass_context
def show(ctx: click.Context, ident: str) -> None:
    """Everything about experiment ID; `last` is the one added last."""
    chosen = settings_of(ctx)
    give(chosen, "show", view.show(find_place(chosen.folder), ident), _show_lines)


def _one_line(value: object) -> object:
    """A nested value for people: ``cpus 1, gpus 0`` and not its JSON."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items() if part is not None)
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _says_something(key: str, value: object) -> bool:
    """GPU 0 and seed 0 do; what is empty, false or none does not."""
    return value not in (None, "", [], {}, False) or (key in ("gpu", "seed") and value == 0)


def _show_lines(report: ShowReport) -> Iterator[str]:
    entry = report["experiment"]
    word = painted(state_word(entry["status"], entry.get("substatus") or ""), entry["status"])
    yield f"{heading(clean(entry['id']))}  {word}"
    wide = max(len(key) for key in entry)
    for key, value in entry.items():
        if key not in ("id", "status", "substatus") and _says_something(key, value):
            yield f"  {clean(key).ljust(wide)}  {clean(_one_line(value))}"
    yield heading("files")
    for what, path in report["files"].items():
        yield f"  {what.ljust(wide)}  {clean(path)}"
    for question in report["questions"]:
        yield from question_lines(question, report["at"])
