"""``ask list``, ``ask show``, ``ask code``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from autolab.api import questions as api
from autolab.api.codes import ask_code
from autolab.api.place import find_place
from autolab.api.project import open_project
from autolab.cli.base import Noun, settings_of
from autolab.cli.names import QUESTION
from autolab.cli.render import give, heading
from autolab.cli.text import ago, clean, clean_lines

if TYPE_CHECKING:
    from autolab.api.question_results import AskReport, AsksReport, CodeSent


@click.group(cls=Noun, example="autolab ask list\nautolab ask show lr-sweep-03-1")
def ask() -> None:
    """What people are asked; `autolab decide` answers."""


@ask.command("list", example="autolab ask list")
@click.pass_context
def list_questions(ctx: click.Context) -> None:
    """The open questions, and what happens if nobody answers."""
    chosen = settings_of(ctx)
    give(chosen, "ask-list", api.ask_list(find_place(chosen.folder)), _list_lines)


def _list_lines(report: AsksReport) -> Iterator[str]:
    if not report["questions"]:
        yield "no open questions"
    for question in report["questions"]:
        again = f", came up {question['again']} times more" if question["again"] else ""
        yield f"{heading(clean(question['id']))}  asked {ago(question['asked'], report['at'])} ago{again}"
        yield f"  {clean(question['wrong'])}"
        yield f"  {clean(question['unanswered'])}"
        options = "|".join(map(clean, question["options"]))
        yield f"  autolab decide {clean(question['id'])} {options}    # autolab ask show {clean(question['id'])}"


@ask.command("show", example="autolab ask show lr-sweep-03-1")
@click.argument("question", type=QUESTION)
@click.pass_context
def show(ctx: click.Context, question: str) -> None:
    """The question QUESTION with all that was seen: attempt, log, host, code, commands; and who answered it."""
    chosen = settings_of(ctx)
    give(chosen, "ask-show", api.ask_show(find_place(chosen.folder), question), _show_lines)


def _show_lines(report: AskReport) -> Iterator[str]:
    yield heading(clean(report["wrong"]))
    if (answer := report["answer"]) is None:
        yield clean(report["unanswered"])
        yield from _options(report)
    elif answer["option"]:
        said = f"{clean(answer['option'])}, by {clean(answer['by'])} {clean(answer['note'])}".rstrip()
        yield f"answered {clean(answer['at'])}: {said}"
    else:
        yield f"closed {clean(answer['at'])}: {clean(answer['why'])}"
    yield from _part(f"seen {report['asked']}", report["seen"])
    for told in report["again"]:
        yield from _part(f"again {told['at']}", told["seen"])
    yield from _part("what autolab did", report["did"])
    for piece in report["evidence"]:
        yield from _part(piece["what"], piece["text"])
    yield from _part("diff since the last good run", report["diff"])


def _options(report: AskReport) -> Iterator[str]:
    wide = max(len(option["command"]) for option in report["options"])
    for option in report["options"]:
        yield f"  {clean(option['command']).ljust(wide)}  # {clean(option['effect'])}"


def _part(title: str, text: str) -> Iterator[str]:
    if text.strip():
        yield ""
        yield heading(clean(title))
        yield from (f"  {clean_lines(line)}" for line in text.splitlines())


@ask.command("code", example="autolab ask code lr-sweep-03-1")
@click.argument("question", type=QUESTION)
@click.pass_context
def code(ctx: click.Context, question: str) -> None:
    """Send a one-time code for the reserved question QUESTION to the chat (answers.code_by); decide --code takes it."""
    chosen = settings_of(ctx)
    give(chosen, "ask-code", ask_code(open_project(chosen.folder, chosen.settings), question), _code_lines)


def _code_lines(report: CodeSent) -> Iterator[str]:
    yield f"a code for {clean(report['question'])} was sent by {clean(report['sent_by'])}"
