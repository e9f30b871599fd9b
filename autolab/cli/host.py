"""``host list``, ``gpus``, ``test``, ``exec``, ``drain``, ``resume``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from autolab.api import hosts as api
from autolab.api.gpus import host_gpus
from autolab.api.project import open_project
from autolab.cli import host_setup
from autolab.cli.base import Noun, settings_of
from autolab.cli.experiments import DRY_RUN, KEY, REASON, changed_lines
from autolab.cli.names import HOST
from autolab.cli.render import give, table
from autolab.cli.setup import check_lines
from autolab.cli.text import ago, clean, clean_lines

if TYPE_CHECKING:
    from autolab.api.gpu_results import GpuLine, GpusReport
    from autolab.api.host_results import ExecReport, HostsReport


@click.group(cls=Noun, example="autolab host list\nautolab host test gpu1")
def host() -> None:
    """The machines that experiments run on."""


@host.command("list", example="autolab host list")
@click.pass_context
def list_hosts(ctx: click.Context) -> None:
    """Every host of autolab.yaml, and what is known of it."""
    chosen = settings_of(ctx)
    give(chosen, "host-list", api.host_list(open_project(chosen.folder, chosen.settings)), _host_lines)


def _host_lines(report: HostsReport) -> Iterator[str]:
    rows = [
        (line["name"], line["status"], f"{line['used']}/{line['slots']}", ago(line["since"], report["at"]), line["why"])
        for line in report["hosts"]
    ]
    yield from table(rows, ("HOST", "STATUS", "SLOTS", "FOR", "WHY"))


@host.command("gpus", example="autolab host gpus\nautolab host gpus gpu1 --json")
@click.argument("names", nargs=-1, type=HOST)
@click.pass_context
def gpus(ctx: click.Context, names: tuple[str, ...]) -> int:
    """The GPUs of hosts (default: all that give some out) now: which are free or why not, and who is on them.

    Exit code 4 where a host or its tool does not answer.
    """
    chosen = settings_of(ctx)
    report = host_gpus(open_project(chosen.folder, chosen.settings), names)
    give(chosen, "host-gpus", report, _gpu_lines)
    return 4 if any(line["problem"] for line in report["hosts"]) else 0


def _gpu_lines(report: GpusReport) -> Iterator[str]:
    rows = [
        (
            found["name"],
            one["index"],
            one["model"],
            _memory(one),
            _percent(one["utilization"]),
            _on_it(one),
            _verdict(one),
        )
        for found in report["hosts"]
        for one in found["gpus"]
    ]
    if rows:
        yield from table(rows, ("HOST", "GPU", "MODEL", "MEMORY MIB", "USE", "WHO", "FREE"))
    for found in report["hosts"]:
        if found["problem"]:
            yield f"{clean(found['name'])}: {clean(found['problem'])}"
        elif not found["gpus"]:
            why = f"{found['probe']} lists none" if found["probe"] else "no vendor's tool is there"
            yield f"{clean(found['name'])}: no GPUs: {clean(why)}"
    if not report["hosts"]:
        yield "no host gives out GPUs: say `gpus: auto` of one in autolab.yaml"


def _memory(one: GpuLine) -> str:
    if one["memory_mib"] is None:
        return "?"
    return f"{'?' if one['used_mib'] is None else one['used_mib']}/{one['memory_mib']}"


def _percent(use: float | None) -> str:
    return "?" if use is None else f"{use:.0f} %"


def _on_it(one: GpuLine) -> str:
    """``e1, pid 4711 of ana, e9 of bob (lab 0badc0de)``."""
    words = {"experiment": "{id}", "process": "pid {pid} of {user}", "reservation": "{id} of {user} (lab {lab})"}
    return ", ".join(words[holder["kind"]].format(**holder) for holder in one["holders"]) or "-"


def _verdict(one: GpuLine) -> str:
    return "yes" if one["free"] else f"no: {one['why']}"


@host.command("test", example="autolab host test\nautolab host test gpu1")
@click.argument("names", nargs=-1, type=HOST)
@click.pass_context
def test(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Prove hosts (default: all) by a real job there; exit code 4 where one fails."""
    chosen = settings_of(ctx)
    report = api.host_test(open_project(chosen.folder, chosen.settings), names)
    give(chosen, "host-test", report, check_lines)
    return 4 if report["failed"] else 0


@host.command(
    "exec", context_settings={"allow_interspersed_args": False}, example="autolab host exec gpu1 -- nvidia-smi"
)
@click.argument("name", type=HOST)
@click.argument("command", nargs=-1, required=True)
@click.pass_context
def execute(ctx: click.Context, name: str, command: tuple[str, ...]) -> int:
    """Run COMMAND on host NAME now and print its output; its exit status is autolab's."""
    chosen = settings_of(ctx)
    words = command[1:] if command[0] == "--" else command
    report = api.host_exec(open_project(chosen.folder, chosen.settings), name, words)
    give(chosen, "host-exec", report, _exec_lines)
    return report["status"]


def _exec_lines(report: ExecReport) -> list[str]:
    return clean_lines(report["output"].rstrip("\n")).split("\n") if report["output"].strip() else []


@host.command("drain", example="autolab host drain gpu2 --reason 'ECC errors'")
@click.argument("names", nargs=-1, required=True, type=HOST)
@click.option("--reason", required=True, help="Kept in the journal.")
@DRY_RUN
@KEY
@click.pass_context
def drain(ctx: click.Context, names: tuple[str, ...], reason: str, dry_run: bool, key: str) -> None:
    """Launch nothing more on hosts NAMES; what runs there is still looked at."""
    chosen = settings_of(ctx)
    project = open_project(chosen.folder, chosen.settings)
    give(chosen, "host-drain", api.drain(project, names, reason=reason, dry_run=dry_run, key=key), changed_lines)


@host.command("resume", example="autolab host resume gpu2")
@click.argument("names", nargs=-1, required=True, type=HOST)
@REASON
@DRY_RUN
@KEY
@click.pass_context
def resume(ctx: click.Context, names: tuple[str, ...], reason: str, dry_run: bool, key: str) -> None:
    """Use hosts NAMES again."""
    chosen = settings_of(ctx)
    project = open_project(chosen.folder, chosen.settings)
    give(chosen, "host-resume", api.resume(project, names, reason=reason, dry_run=dry_run, key=key), changed_lines)


host.add_command(host_setup.add)
host.add_command(host_setup.trust)
