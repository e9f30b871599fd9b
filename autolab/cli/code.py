"""``preflight``: what a dispatch would launch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from autolab.api.preflight import preflight as look_at_code
from autolab.api.project import open_project
from autolab.cli.base import settings_of, verb
from autolab.cli.names import SELECTION
from autolab.cli.render import give
from autolab.cli.text import clean

if TYPE_CHECKING:
    from autolab.api.code_results import CodeLine, PreflightReport

SHOWN: Final = 10


@verb(example="autolab preflight\nautolab preflight 'lr-*' --json")
@click.argument("words", metavar="[SEL]...", nargs=-1, type=SELECTION)
@click.pass_context
def preflight(ctx: click.Context, words: tuple[str, ...]) -> int:
    """Say what would be launched: which commit, what is not committed or pushed, and what the scripts of SEL (default:
    all that wait) lack of the contract. Exit code 6 where a policy under `code:` would refuse."""
    chosen = settings_of(ctx)
    report = look_at_code(open_project(chosen.folder, chosen.settings), words)
    give(chosen, "preflight", report, _lines)
    return 0 if report["ok"] else 6


def _lines(report: PreflightReport) -> Iterator[str]:
    yield from _code_lines(report["code"])
    for line in report["scripts"]:
        count = f"{line['experiments']} experiment{'s' if line['experiments'] != 1 else ''}"
        yield f"script   {clean(line['script'])}, {count}: " + (
            "keeps the contract" if not line["findings"] else clean("; ".join(line["findings"]))
        )
    yield from (f"refused  {clean(why)}" for why in report["refused"])


def _code_lines(code: CodeLine) -> Iterator[str]:
    if not code["commit"]:
        yield "commit   none: results cannot be traced to one; git init, git add, git commit"
        return
    yield f"commit   {code['commit'][:10]} on {clean(code['branch'] or 'no branch')}"
    if code["changed"]:
        shown = ", ".join(clean(path) for path in code["changed"][:SHOWN])
        more = f" and {len(code['changed']) - SHOWN} more" if len(code["changed"]) > SHOWN else ""
        yield f"changed  {shown}{more}: launched as a commit under refs/autolab/code, unless it is refused"
    told = {True: "yes", False: "no: git push", None: "there is no remote"}
    yield f"pushed   {told[code['pushed']]}"
    if code["behind"]:
        yield f"behind   {code['behind']} commits of the upstream are not here: git pull"
