"""``daemon``, ``lease``, ``recover``, ``replay``, and what ``poll`` does when there is something to do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autolab.api.driving import poll, serve
from autolab.api.install import Supervisor, daemon_install
from autolab.api.lease import lease_move, lease_show, lease_take
from autolab.api.place import find_place
from autolab.api.project import open_project
from autolab.api.recovery import recover as recover_journal
from autolab.api.replay import replay as replay_journal
from autolab.api.stopping import stop_daemon
from autolab.cli.base import Noun, settings_of, verb
from autolab.cli.names import HOST
from autolab.cli.poll import poll_lines
from autolab.cli.render import give, talk
from autolab.cli.text import clean, clean_lines

if TYPE_CHECKING:
    from autolab.api.lease_results import LeaseMoved, LeaseReport, LeaseTaken, RecoverReport, ReplayReport
    from autolab.api.results import InstallReport, StopReport


@verb(example="autolab poll")
@click.pass_context
def tick(ctx: click.Context) -> None:
    """One tick of the engine."""
    chosen = settings_of(ctx)
    report = poll(open_project(chosen.folder, chosen.settings))
    if chosen.as_json or not chosen.quiet:
        give(chosen, "poll", report, poll_lines)


@click.group(
    cls=Noun,
    invoke_without_command=True,
    example="autolab daemon\nautolab daemon --also ../other-lab\nautolab daemon stop\nautolab daemon install --systemd",
)
@click.option("--also", type=click.Path(exists=True, file_okay=False), multiple=True, help="Drive this lab too.")
@click.pass_context
def daemon(ctx: click.Context, also: tuple[str, ...]) -> None:
    """Drive the lab until SIGTERM or Ctrl-C. What runs on hosts goes on without it."""
    if ctx.invoked_subcommand is not None:
        return
    chosen = settings_of(ctx)
    level = logging.DEBUG if chosen.debug else logging.WARNING if chosen.quiet else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("paramiko").setLevel(logging.WARNING)
    folders = [Path(chosen.folder), *map(Path, also)]
    roots = [find_place(folder).layout.root for folder in folders]
    talk(chosen, f"driving {', '.join(map(str, roots))}; Ctrl-C or SIGTERM ends it, and jobs go on")
    serve(*roots, overrides=chosen.settings)
    talk(chosen, "ended")


@daemon.command("stop", example="autolab daemon stop")
@click.option("--dry-run", is_flag=True, help="Only say which process it would be.")
@click.pass_context
def stop(ctx: click.Context, dry_run: bool) -> None:
    """End the daemon of this lab after its tick; what hosts run goes on."""
    chosen = settings_of(ctx)
    give(chosen, "daemon-stop", stop_daemon(find_place(chosen.folder), dry_run=dry_run), _stop_lines)


def _stop_lines(report: StopReport) -> Iterator[str]:
    if report["who"] is None:
        yield "no daemon runs"
    else:
        yield f"{'ended' if report['stopped'] else 'would end'} {report['who']}"


@daemon.command("install", example="autolab daemon install --systemd\nautolab daemon install --cron --dry-run")
@click.option("--systemd", "by", flag_value=Supervisor.SYSTEMD.value, help="Write a systemd user unit.")
@click.option("--cron", "by", flag_value=Supervisor.CRON.value, help="Add a line to your crontab: poll every 5 min.")
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@click.pass_context
def install(ctx: click.Context, by: str | None, dry_run: bool) -> None:
    """Have the operating system drive the lab; said again it changes nothing."""
    if by is None:
        raise click.UsageError("which: --systemd or --cron?", ctx)
    chosen = settings_of(ctx)
    place = find_place(chosen.folder)
    give(chosen, "daemon-install", daemon_install(place, Supervisor(by), dry_run=dry_run), _install_lines)


def _install_lines(report: InstallReport) -> Iterator[str]:
    yield f"# {report['path']}{'' if report['installed'] else ' (not written: --dry-run)'}"
    yield report["text"].rstrip("\n")
    yield "# then"
    yield from report["next"]


@click.group(cls=Noun, example="autolab lease show")
def lease() -> None:
    """Who may launch for this lab: one clone drives it."""


@lease.command("show", example="autolab lease show")
@click.pass_context
def show(ctx: click.Context) -> None:
    """Who drives this lab, from where, since when."""
    chosen = settings_of(ctx)
    give(chosen, "lease-show", lease_show(open_project(chosen.folder, chosen.settings)), _lease_lines)


@lease.command(
    "take",
    example="autolab lease take --reason 'the old laptop is gone'\n"
    "autolab lease take --reason 'moved' --give-up broken-host",
)
@click.option("--reason", required=True, help="Kept in the lease.")
@click.option("--give-up", type=HOST, multiple=True, help="A host that is not asked what it runs; may be repeated.")
@click.pass_context
def take(ctx: click.Context, reason: str, give_up: tuple[str, ...]) -> None:
    """Make this clone the driver, once every host has said what it runs; that is adopted, nothing runs twice."""
    chosen = settings_of(ctx)
    give(chosen, "lease-take", lease_take(open_project(chosen.folder, chosen.settings), reason, give_up), _taken_lines)


@lease.command(
    "move",
    example="autolab lease move --to gpu1 --reason 'the cluster is always up' --dry-run\n"
    "autolab lease move --to local --reason 'gpu1 is gone' --give-up gpu1",
)
@click.option("--to", type=HOST, required=True, metavar="HOST", help="The host that keeps it; local: this machine.")
@click.option("--reason", required=True, help="Kept in the lease.")
@click.option("--give-up", type=HOST, multiple=True, help="A host that is not asked; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Only ask every host what it holds.")
@click.pass_context
def move(ctx: click.Context, to: str, reason: str, give_up: tuple[str, ...], dry_run: bool) -> None:
    """Let another host keep the lease, once every host follows; this clone drives afterwards. Commit lab.json then."""
    chosen = settings_of(ctx)
    project = open_project(chosen.folder, chosen.settings)
    give(chosen, "lease-move", lease_move(project, to, reason, give_up, dry_run=dry_run), _moved_lines)


def _moved_lines(report: LeaseMoved) -> Iterator[str]:
    yield from _taken_lines(report)
    if report["moved"]:
        yield f"{report['anchor']} keeps the lease now; commit and push dispatch/lab.json for the other clones"
    elif report["dry_run"]:
        yield f"{report['anchor']} keeps the lease; nothing was changed"


def _taken_lines(report: LeaseTaken) -> Iterator[str]:
    yield from _lease_lines(report)
    for line in report["hosts"]:
        if line["given_up"]:
            yield f"{line['host']}: given up; what runs there is not known"
            continue
        took = f", adopted {', '.join(line['adopted'])}" if line["adopted"] else ""
        yield f"{line['host']}: holds {line['attempts']} attempts{took}"
        yield from (f"  {clean(strange)}" for strange in line["strange"])


def _lease_lines(report: LeaseReport) -> Iterator[str]:
    if report["holder"] is None:
        yield "nobody drives this lab yet: the first engine takes the lease"
        return
    whose = "this clone" if report["ours"] else f"another clone, at {clean(report['where'])}"
    kept = "" if report["anchor"] == "local" else f"; kept on {clean(report['anchor'])}"
    yield f"lease {report['number']}: {clean(report['holder'])}, {whose}, since {report['since']}{kept}"
    if report["reason"]:
        yield f"reason: {clean(report['reason'])}"


@verb(example="autolab recover --dry-run\nautolab recover")
@click.option("--dry-run", is_flag=True, help="Only say what would come back.")
@click.pass_context
def recover(ctx: click.Context, dry_run: bool) -> None:
    """Make a lost journal anew from git and the views; what waited is held until you release it."""
    chosen = settings_of(ctx)
    give(chosen, "recover", recover_journal(find_place(chosen.folder), dry_run=dry_run), _recover_lines)


def _recover_lines(report: RecoverReport) -> Iterator[str]:
    word = "would come back" if report["dry_run"] else "are back"
    yield f"{report['experiments']} experiments, {report['seq']} events {word}"
    if report["open_attempts"]:
        yield f"looked at next, they may still run: {', '.join(report['open_attempts'])}"
    if report["held"]:
        yield f"held: {report['held']}; first: autolab lease take --reason recovered, then: autolab release all"
    yield from (f"not known: {clean(line)}" for line in report["unknown"])


@verb(example="autolab replay")
@click.pass_context
def replay(ctx: click.Context) -> int:
    """Rebuild the state from the journal and compare it with state.json; exit code 1 where they differ."""
    chosen = settings_of(ctx)
    report = replay_journal(find_place(chosen.folder))
    give(chosen, "replay", report, _replay_lines)
    return 0 if report["equal"] else 1


def _replay_lines(report: ReplayReport) -> Iterator[str]:
    late = f"; {report['behind']} later events are not shown there yet" if report["behind"] else ""
    if report["equal"]:
        yield f"{report['state_seq']} events give state.json as it stands{late}"
        return
    yield f"state.json and the journal differ{late}:"
    yield from (f"  {clean_lines(line)}" for line in report["differences"])
