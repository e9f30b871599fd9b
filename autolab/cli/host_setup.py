"""``host add`` and ``host trust``: hosts made known, after a look at what that means."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from autolab.api import host_setup as api
from autolab.api.project import open_project
from autolab.cli.base import Globals, Verb, settings_of
from autolab.cli.experiments import DRY_RUN
from autolab.cli.names import HOST
from autolab.cli.render import give, talk
from autolab.cli.text import clean, clean_lines

if TYPE_CHECKING:
    from autolab.api.host_results import HostAdded, HostTrusted

ENVIRONMENTS: Final = {"none": "", "venv": "path", "conda": "name", "uv": "project"}


@click.command(
    cls=Verb,
    example="autolab host add gpu1 --slots 2 --gpus auto --env venv:.venv --dry-run",
)
@click.argument("name", metavar="NAME")
@click.option("--local", is_flag=True, help="It is this machine.")
@click.option("--ssh", metavar="ALIAS", help="What ssh knows it by; default: NAME.")
@click.option("--dir", "project_dir", metavar="DIR", help="The project's folder there.")
@click.option("--state-dir", metavar="DIR", help="Folder for claims and logs there.")
@click.option("--slots", type=click.IntRange(1, 10_000), help="Experiments at once there.")
@click.option("--gpus", metavar="G", help="none, auto, or how many.")
@click.option("--env", metavar="KIND[:WHAT]", help="venv:PATH, conda:NAME, uv[:FOLDER] or none.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@DRY_RUN
@click.pass_context
def add(ctx: click.Context, /, name: str, yes: bool, dry_run: bool, **given: Any) -> int:
    """Add host NAME to autolab.yaml, whose comments stay, after showing the difference."""
    chosen = settings_of(ctx)
    host = _host(given)
    report = api.host_add(chosen.folder, name, host, dry_run=True)
    if report["diff"] and not dry_run:
        if not yes:
            talk(chosen, clean_lines(report["diff"]).rstrip("\n"))
            _confirm(ctx, chosen, "Write that?", "--yes")
        report = api.host_add(chosen.folder, name, host)
    give(chosen, "host-add", report, _added_lines)
    return 0


def _host(given: dict[str, Any]) -> dict[str, Any]:
    """The host as autolab.yaml has it."""
    host: dict[str, Any] = {"kind": "local" if given["local"] else "ssh"}
    named = {"ssh": "ssh", "dir": "project_dir", "state_dir": "state_dir", "slots": "slots"}
    host |= {key: given[option] for key, option in named.items() if given[option] is not None}
    if (gpus := given["gpus"]) is not None:
        host["gpus"] = int(gpus) if gpus.isdecimal() else gpus
    if given["env"] is not None:
        host["env"] = _environment(given["env"])
    return host


def _environment(text: str) -> dict[str, str]:
    kind, _, what = text.partition(":")
    if kind not in ENVIRONMENTS or (what and not ENVIRONMENTS[kind]) or (kind == "conda" and not what):
        raise click.BadParameter(f"{text!r}: write venv:PATH, conda:NAME, uv, uv:FOLDER or none", param_hint="--env")
    return {"kind": kind, **({ENVIRONMENTS[kind]: what} if what else {})}


def _added_lines(report: HostAdded) -> Iterator[str]:
    if report["diff"]:
        yield clean_lines(report["diff"]).rstrip("\n")
    yield clean(report["outcome"])


@click.command(
    cls=Verb, example="autolab host trust gpu1\nautolab host trust gpu1 --fingerprint SHA256:47DEQpj8HBSa..."
)
@click.argument("name", type=HOST)
@click.option("--fingerprint", default="", metavar="SHA256:..", help="What the host's owner says that it is.")
@DRY_RUN
@click.pass_context
def trust(ctx: click.Context, name: str, fingerprint: str, dry_run: bool) -> int:
    """Show the key of host NAME and record it in your known hosts, once you have compared it."""
    chosen = settings_of(ctx)
    project = open_project(chosen.folder, chosen.settings)
    report = api.host_trust(project, name, fingerprint=fingerprint, dry_run=dry_run)
    if report["outcome"] == "not recorded" and not dry_run and not fingerprint:
        talk(chosen, "\n".join(_key_lines(report)))
        _confirm(ctx, chosen, "Is that what its owner says?", "--fingerprint SHA256:..")
        report = api.host_trust(project, name, fingerprint=report["fingerprint"])
    give(chosen, "host-trust", report, _trusted_lines)
    return 0


def _key_lines(report: HostTrusted) -> Iterator[str]:
    yield f"{clean(report['host'])} ({clean(report['address'])}) shows {clean(report['kind'])}"
    yield f"  {clean(report['fingerprint'])}"


def _trusted_lines(report: HostTrusted) -> Iterator[str]:
    yield from _key_lines(report)
    yield f"{clean(report['outcome'])}: {clean(report['known_hosts'])}"


def _confirm(ctx: click.Context, chosen: Globals, question: str, instead: str) -> None:
    """Ask at a terminal; raises UsageError where nobody can be asked, Abort on no."""
    if chosen.no_input or chosen.as_json or not sys.stdin.isatty():
        raise click.UsageError(f"nobody can be asked here: give {instead}", ctx)
    click.confirm(question, abort=True, err=True)
