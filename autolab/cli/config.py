"""``config list`` and ``config get``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from autolab.api import configuration as api
from autolab.api.project import open_project
from autolab.cli.base import Noun, settings_of
from autolab.cli.render import give, table

if TYPE_CHECKING:
    from autolab.api.results import ConfigReport


@click.group(cls=Noun, example="autolab config list --show-origin\nautolab config get policies.look_fastest")
def config() -> None:
    """Settings: defaults, user file, autolab.yaml, AUTOLAB_SET_* variables and --set, weakest first."""


@config.command("list", example="autolab config list --show-origin")
@click.option("--show-origin", is_flag=True, help="Who set each.")
@click.pass_context
def list_settings(ctx: click.Context, show_origin: bool) -> None:
    """Every setting as it holds."""
    chosen = settings_of(ctx)
    report = api.config_list(open_project(chosen.folder, chosen.settings))
    give(chosen, "config-list", report, _with_origin if show_origin else _lines)


@config.command("get", example="autolab config get policies.look_fastest")
@click.argument("key")
@click.pass_context
def get(ctx: click.Context, key: str) -> None:
    """One setting, or all below KEY."""
    chosen = settings_of(ctx)
    report = api.config_get(open_project(chosen.folder, chosen.settings), key)
    give(chosen, "config-get", report, _value if len(report["settings"]) == 1 else _lines)


def _value(report: ConfigReport) -> list[str]:
    return [_text(report["settings"][0]["value"])]


def _lines(report: ConfigReport) -> list[str]:
    return [f"{line['key']} = {_text(line['value'])}" for line in report["settings"]]


def _with_origin(report: ConfigReport) -> list[str]:
    rows = [(line["key"], _text(line["value"]), line["origin"]) for line in report["settings"]]
    return table(rows, ("KEY", "VALUE", "SET BY"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
