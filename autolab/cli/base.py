"""What all commands share: the global options, and how a command, a group of them and its help are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass
class Globals:
    """The global options of one call."""

    folder: Path = field(default_factory=Path)
    as_json: bool = False
    debug: bool = False
    quiet: bool = False
    no_input: bool = False
    settings: tuple[str, ...] = ()


def options() -> list[click.Parameter]:
    """The options that every command takes, before or after its name."""
    return [
        click.Option(
            ["-C", "folder"],
            metavar="DIR",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="Work in DIR.",
            **_quietly(),
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="One JSON value on stdout.", **_quietly()),
        click.Option(
            ["--set", "settings"], multiple=True, metavar="KEY=VALUE", help="Override a setting.", **_quietly()
        ),
        click.Option(["-q", "--quiet"], is_flag=True, help="No talk on stderr but errors.", **_quietly()),
        click.Option(["--no-input"], is_flag=True, help="Never ask.", **_quietly()),
        click.Option(["--debug"], is_flag=True, help="Tracebacks and debugging logs.", **_quietly()),
    ]


def _quietly() -> dict[str, Any]:
    return {"expose_value": False, "callback": _keep, "is_eager": True}


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """An option given anywhere in the line holds; one that is absent changes nothing."""
    if value and parameter.name:
        setattr(context.ensure_object(Globals), parameter.name, value)


class Verb(click.Command):
    """A command with the global options and an example in its help."""

    def __init__(self, *args: Any, example: str = "", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.example = example
        self.params.extend(options())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The example, line by line as it is typed."""
        if self.example:
            with formatter.section("Example"):
                for line in self.example.splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class Noun(click.Group):
    """A group whose commands lie in the same file."""

    command_class = Verb

    def __init__(self, *args: Any, example: str = "", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.example = example
        self.params.extend(options())

    format_epilog = Verb.format_epilog


def verb(example: str, name: str | None = None, **attributes: Any) -> Callable[[Function], Verb]:
    """Make a function a command; ``example`` stands in its help and is run by the documentation's test."""

    def make(function: Function) -> Verb:
        return click.command(name, cls=Verb, example=example, **attributes)(function)

    return make


def settings_of(context: click.Context) -> Globals:
    """The global options as they are at this point of the line."""
    found = context.ensure_object(Globals)
    assert isinstance(found, Globals)
    return found
