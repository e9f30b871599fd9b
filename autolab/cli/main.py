"""The commands by name, and how a call ends: exit codes, errors as people or as programs read them."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import click

from autolab._version import __version__
from autolab.cli.base import Globals, options

INTERRUPTED: Final = 130

# section -> command -> (file, first line of its help). Listed here so that --help and TAB load no command.
COMMANDS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Set up": {
        "init": ("setup", "Make this folder a lab; safe to repeat."),
        "demo": ("demo", "Run a real little lab on this machine, start to end."),
        "doctor": ("setup", "Check this machine, the project and its hosts."),
        "config": ("config", "Show settings and who set them."),
        "completion": ("setup", "Print the completion script of a shell."),
        "schema": ("setup", "Print the JSON schema of a file or of a command's output."),
    },
    "Do": {
        "add": ("experiments", "Add the experiments of FILES."),
        "run": ("experiments", "Add one experiment: a command."),
        "preflight": ("code", "Say which code would be launched, and what its scripts lack."),
        "cancel": ("experiments", "Cancel experiments, also running ones."),
        "hold": ("experiments", "Keep experiments from being launched."),
        "release": ("experiments", "Let held experiments go on."),
        "retry": ("experiments", "Run ended experiments again, as new attempts."),
        "decide": ("experiments", "Answer an open question."),
        "adopt": ("adopting", "Take in a process that runs already."),
        "import": ("importing", "Take in results that are there already."),
    },
    "Look": {
        "status": ("look", "The lab at a glance: open questions first."),
        "ask": ("ask", "What people are asked: list, show, code."),
        "ps": ("look", "List experiments."),
        "show": ("look", "Everything about one experiment."),
        "logs": ("logs", "What an experiment printed."),
        "diagnose": ("diagnose", "What ended an experiment, and what would be done about it."),
        "pull": ("pulling", "Bring checkpoints and other files of an experiment."),
        "history": ("logs", "What happened to one experiment."),
        "events": ("logs", "What happened in the lab."),
        "wait": ("waiting", "Wait until experiments have ended."),
    },
    "Keep it going": {
        "poll": ("poll", "One tick: fold, look, launch, collect. For cron."),
        "daemon": ("engine", "The same, continuously."),
        "clean": ("cleaning", "Remove what hosts no longer need."),
        "check": ("check", "Find out whether hosts are ready; make environments."),
        "host": ("host", "The machines: list, gpus, add, trust, test, exec, drain, resume."),
        "notify": ("notify", "Who is told what happens: list, test, send."),
        "lease": ("engine", "Who may launch for this lab."),
        "recover": ("engine", "Make a lost journal anew from git and the views."),
        "replay": ("engine", "Rebuild the state from the journal and compare."),
    },
}
LISTED: Final = {name: where for section in COMMANDS.values() for name, where in section.items()}
# Not shown: what `poll` becomes once it is known that there is something to do.
WHERE: Final = {**LISTED, "tick": ("engine", "")}
KEYWORDS: Final = {"import": "import_results"}  # commands whose name no function may have
EXIT_CODES: Final = (
    "Exit codes: 0 ok, 1 failed, 2 asked wrong, 3 no such name, 4 host or login, 5 busy, 6 refused by a rule, "
    "7 needs a person, 8 not yet, 9 a file is damaged or cannot be written, 130 interrupted."
)


class LazyGroup(click.Group):
    """Loads a command's file when that command is run, and not for ``--help`` or TAB."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(LISTED)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in WHERE:
            return None
        module = importlib.import_module(f"autolab.cli.{WHERE[cmd_name][0]}")
        command: click.Command = getattr(module, KEYWORDS.get(cmd_name, cmd_name))
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:  # it knows loaded commands only, and we have loaded none
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=LISTED, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section, commands in COMMANDS.items():
            with formatter.section(section):
                formatter.write_dl([(name, text) for name, (_, text) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[click.shell_completion.CompletionItem]:
        item = click.shell_completion.CompletionItem
        found = [item(name, help=text) for name, (_, text) in LISTED.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]


def _say_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        click.echo(f"autolab {__version__}")
        context.exit()


def _choose_color(context: click.Context, parameter: click.Parameter, value: str) -> None:
    """``--color`` over NO_COLOR over CLICOLOR_FORCE over what the output is."""
    if value != "auto":
        context.color = value == "always"
    elif os.environ.get("NO_COLOR"):
        context.color = False
    elif os.environ.get("CLICOLOR_FORCE", "0") != "0" or os.environ.get("FORCE_COLOR"):
        context.color = True


app = LazyGroup(
    name="autolab",
    help="A lab that runs itself out of a git repository.",
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": None},
    params=[
        *options(),
        click.Option(
            ["--color"],
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            expose_value=False,
            is_eager=True,
            callback=_choose_color,
            help="Colours on stdout.",
        ),
        click.Option(
            ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_say_version, help="Say which."
        ),
    ],
)


def run(words: Sequence[str]) -> int:
    """Run one command line and give its exit code; everything that goes wrong was said on stderr."""
    chosen = Globals(as_json=os.environ.get("AUTOLAB_OUTPUT") == "json", debug=_has(words, "--debug"))
    if chosen.debug:
        importlib.import_module("autolab.cli.complaints").debug_logs()
    try:
        code = app.main(list(words), prog_name="autolab", standalone_mode=False, obj=chosen)
        return code if isinstance(code, int) else 0
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # `autolab ps | head`: who read has gone, and nobody is left to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        chosen.as_json |= _has(words, "--json")  # it may have failed before the option was read
        told: int = importlib.import_module("autolab.cli.complaints").explain(error, chosen)
        return told


def _has(words: Sequence[str], option: str) -> bool:
    """Whether ``option`` is among the words that are autolab's: those before ``--``."""
    ours = words[: words.index("--")] if "--" in words else words
    return option in ours


def main() -> NoReturn:
    """The program ``autolab``."""
    sys.exit(run(sys.argv[1:]))
