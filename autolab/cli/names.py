"""Names that TAB completes: experiments, questions and hosts, from state.json alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from autolab.api.place import find_place, host_names, read_state
from autolab.api.select import STATUSES
from autolab.cli.base import Globals
from autolab.errors import AutolabError

SHOWN: Final = 200


def _state(context: click.Context) -> dict[str, Any]:
    """The state, or an empty one: a TAB never complains."""
    chosen = context.find_object(Globals)
    try:
        return read_state(find_place(chosen.folder if chosen else Path()))
    except AutolabError:
        return {"experiments": []}


def _written(context: click.Context) -> list[str]:
    """The hosts of autolab.yaml."""
    chosen = context.find_object(Globals)
    try:
        return host_names(find_place(chosen.folder if chosen else Path()).layout.root)
    except AutolabError:
        return []


class Experiment(click.ParamType[str]):
    """An experiment's id."""

    name = "id"
    extra: tuple[str, ...] = ()

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        known = [(entry["id"], entry["status"]) for entry in _state(ctx)["experiments"]]
        return _items([*((word, "") for word in self.extra), *known], incomplete)


class Selection(Experiment):
    """Ids, globs, ``all``, ``last``."""

    name = "sel"
    extra = ("all", "last")


class OpenQuestion(click.ParamType[str]):
    """An open question's id."""

    name = "question"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return _items([(q["id"], q.get("reason", "")) for q in _state(ctx).get("questions") or ()], incomplete)


class Answer(click.ParamType[str]):
    """An option of the question that stands before it."""

    name = "option"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        asked = ctx.params.get("question")
        options = [o for q in _state(ctx).get("questions") or () if q["id"] == asked for o in q.get("options") or ()]
        return _items([(o["name"], o.get("effect", "")) for o in options], incomplete)


class Host(click.ParamType[str]):
    """A host's name."""

    name = "host"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        seen = {h["name"]: h.get("status", "") for h in _state(ctx).get("hosts") or ()}
        return _items({**dict.fromkeys(_written(ctx), ""), **seen}.items(), incomplete)


def _items(known: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    found = [CompletionItem(name, help=text) for name, text in known if name.startswith(incomplete)]
    return found[:SHOWN]


EXPERIMENT, SELECTION, QUESTION, ANSWER, HOST = Experiment(), Selection(), OpenQuestion(), Answer(), Host()
STATUS: Final = click.Choice(STATUSES)
