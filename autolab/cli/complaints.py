"""Errors as they are said on stderr: three lines for people, one object for programs."""

from __future__ import annotations

import json
import logging
import traceback

import click

from autolab.cli.base import Globals
from autolab.cli.text import clean, clean_lines
from autolab.errors import AutolabError, Bug, UnreadableReply


def debug_logs() -> None:
    """Everything that is logged, on stderr."""
    logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(name)s %(levelname)s %(message)s")


def explain(error: Exception, chosen: Globals) -> int:
    """Say what ended a command, and give its exit code. What is no error of ours is a mistake in autolab."""
    if isinstance(error, click.ClickException):
        explain_usage(error, as_json=chosen.as_json)
        return error.exit_code
    told = error if isinstance(error, AutolabError) else _mistake(error)
    complain(told, as_json=chosen.as_json, debug=chosen.debug)
    return told.exit_code


def _mistake(error: Exception) -> Bug:
    where = traceback.extract_tb(error.__traceback__)[-1]
    told = Bug(
        f"{type(error).__name__}: {error} ({where.filename.rpartition('/')[2]}:{where.lineno})",
        hint="this is a mistake in autolab: please report it with what --debug prints",
    )
    told.__cause__ = error
    return told


def complain(error: AutolabError, *, as_json: bool, debug: bool) -> None:
    """Say what went wrong, why, and what to do next."""
    if debug:
        traceback.print_exception(error)
    cause = _cause(error)
    if as_json:
        details = {"cause": cause, "transient": error.transient}
        if isinstance(error, UnreadableReply):
            details["said"] = error.said
        _say_json(error.code, error.message, error.hint, details)
        return
    _say("error", clean_lines(error.message), "red")
    if cause:
        _say("cause", clean(cause), None)
    if error.hint:
        _say("hint", clean_lines(error.hint), None)


def explain_usage(error: click.ClickException, *, as_json: bool) -> None:
    """A command line that was not understood, the same way."""
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help" if context is not None else "autolab --help"
    message = error.format_message()
    if as_json:
        _say_json("usage", message, hint, {})
        return
    _say("error", clean_lines(message), "red")
    _say("hint", hint, None)


def _say(word: str, text: str, color: str | None) -> None:
    click.echo(f"{click.style(f'{word}:', fg=color, bold=True)} {text}", err=True)


def _say_json(code: str, message: str, hint: str, details: dict[str, object]) -> None:
    error = {"code": code, "message": message, "hint": hint, "details": details}
    click.echo(json.dumps({"error": error}), err=True)


def _cause(error: AutolabError) -> str:
    """What lay under it, if that says anything new."""
    below = error.__cause__
    if below is None:
        return ""
    text = str(below) or type(below).__name__
    return "" if text in error.message else text
