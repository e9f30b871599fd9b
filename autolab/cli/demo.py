"""``demo``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autolab.api.demo import demo as run_demo
from autolab.cli.base import Globals, settings_of, verb
from autolab.cli.look import question_lines
from autolab.cli.render import counted, give, heading, table, talk
from autolab.cli.text import clean, state_word
from autolab.model.state import DispatchState

if TYPE_CHECKING:
    from autolab.api.results import DemoReport


@verb(example="autolab demo ./demo-lab")
@click.argument("target", metavar="[FOLDER]", type=click.Path(path_type=Path), default=Path("demo-lab"))
@click.pass_context
def demo(ctx: click.Context, target: Path) -> None:
    """Run a real little lab in FOLDER (new, empty, or an earlier demo): 20 experiments, under two minutes."""
    chosen = settings_of(ctx)
    progress = _Live() if sys.stderr.isatty() and not chosen.quiet else _Lines(chosen)
    with progress.drawing():
        report = run_demo(chosen.folder / target, progress.tick, lambda line: talk(chosen, clean(line)))
    give(chosen, "demo", report, _demo_lines)


class _Lines:
    """Progress without a terminal: a line for each experiment that moves."""

    def __init__(self, chosen: Globals) -> None:
        self._chosen = chosen
        self._seen: dict[str, tuple[str, int]] = {}

    def drawing(self) -> AbstractContextManager[object]:
        return nullcontext()

    def tick(self, state: DispatchState) -> None:
        for ident, entry in state.entries.items():
            now = (entry.status.value, entry.attempt)
            if self._seen.get(ident, ("pending", 0)) != now:
                self._seen[ident] = now
                talk(self._chosen, f"{state_word(now[0]).ljust(14)} {clean(ident)}  {clean(entry.why)}")


class _Live:
    """Progress on a terminal: a table that is drawn anew."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live: Any = Live(console=Console(stderr=True), auto_refresh=False, transient=True)

    def drawing(self) -> AbstractContextManager[object]:
        live: AbstractContextManager[object] = self._live
        return live

    def tick(self, state: DispatchState) -> None:
        from rich.text import Text

        entries = list(state.entries.values())
        counts = Counter(entry.status.value for entry in entries)
        moving = [entry for entry in entries if entry.status.value not in ("done", "pending")]
        rows = [f"  {state_word(e.status.value, e.substatus).ljust(24)} {clean(e.id)}" for e in moving[:15]]
        self._live.update(Text("\n".join([counted(dict(sorted(counts.items()))), *rows])), refresh=True)


def _demo_lines(report: DemoReport) -> Iterator[str]:
    yield f"{counted(report['counts'])} in {report['seconds']:g} s"
    if report["questions"]:
        yield ""
        yield heading("open question" if len(report["questions"]) == 1 else "open questions")
        for question in report["questions"]:
            yield from question_lines(question, question["asked"] or "")
    if report["results"]:
        yield ""
        yield heading("results")
        rows = [
            (line["dataset"], line["method"], line["metric"], _spread(line["mean"], line["sd"]), line["n"])
            for line in report["results"]
        ]
        yield from (f"  {line}" for line in table(rows, ("DATA SET", "METHOD", "METRIC", "MEAN ± SD", "N")))
    yield ""
    yield heading("git log --oneline")
    yield from (f"  {clean(line)}" for line in report["log"])
    yield ""
    yield heading("next")
    yield from (f"  {clean(line)}" for line in report["next"])


def _spread(mean: float, sd: float | None) -> str:
    return f"{mean:.4f}" if sd is None else f"{mean:.4f} ± {sd:.4f}"
