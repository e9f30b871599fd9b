"""A real little lab on this machine: three methods on two data sets, three seeds each, driven by the normal engine."""

from __future__ import annotations

import csv
import shlex
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Final

from autolab.api.experiments import add
from autolab.api.install import program
from autolab.api.place import read_state
from autolab.api.project import Project, open_engine, open_project
from autolab.api.setup import init
from autolab.api.view import counts, question_line
from autolab.engine import running
from autolab.errors import AskedWrong, Busy, UnknownName
from autolab.model.state import PARKED, TERMINAL, DispatchState
from autolab.packaged import PACKAGE
from autolab.resources import data
from autolab.store.files import Files
from autolab.store.git import Git
from autolab.store.layout import SETTINGS_FILE, git_common_dir

if TYPE_CHECKING:
    from autolab.api.question_results import QuestionLine
    from autolab.api.results import DemoReport, ResultLine

GROUP: Final = "main"
GIVE_UP_S: Final = 600.0
LOG_LINES: Final = 10
NEEDS: Final = "sklearn"
CODE: Final = ("experiments.yaml", "train.py")


def demo(
    folder: Path | str,
    on_tick: Callable[[DispatchState], None] = lambda state: None,
    say: Callable[[str], None] = lambda line: None,
) -> DemoReport:
    """Run the demo's lab in ``folder`` (new, empty, or an earlier demo: it goes on) until all has ended or waits.

    raises  AskedWrong: the folder holds something else; UnknownName: scikit-learn is not installed
    """
    root = Path(folder).absolute()
    begun = time.monotonic()
    if find_spec(NEEDS) is None:
        raise UnknownName("module", NEEDS, hint="the demo trains with scikit-learn: pip install 'autolab[demo]'")
    _lay_out(root, say)
    report = init(root)
    say(f"lab {report['project']}: {len(report['made'])} files and folders made, {len(report['kept'])} were there")
    project = open_project(root)
    added = add(project, [root / "experiments.yaml"])
    say(f"{len(added['added'])} experiments added, {len(added['unchanged'])} were there")
    drive(project, on_tick)
    _keep_results(project)
    return _report(project, time.monotonic() - begun)


def _lay_out(root: Path, say: Callable[[str], None]) -> None:
    """The demo's files under git, unless they are there."""
    if (root / SETTINGS_FILE).exists():
        if not (root / "train.py").exists():
            raise AskedWrong(f"{root} is a lab of its own, not the demo's", hint="autolab demo DIR, with a new folder")
        say(f"going on in {root}")
        return
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise AskedWrong(f"{root} exists and is not a lab", hint="autolab demo DIR, with a new or empty folder")
    files = Files()
    files.make_dirs(root)
    for name, text in _texts(root).items():
        files.replace(root / name, text.encode())
    if git_common_dir(root) is None:
        Git(root).ask("init", "--quiet")
    done = Git(root).commit_named(sorted(_texts(root)), "A study of three classifiers on two data sets\n")
    say(f"{root}: the study's files, in git ({type(done).__name__.lower()})")


def _texts(root: Path) -> dict[str, str]:
    folder = data("templates") / "demo"
    schema = data("schemas") / "settings.json"
    settings = (folder / SETTINGS_FILE).read_text("utf-8")
    texts = {name: (folder / name).read_text("utf-8") for name in CODE}
    texts["report.py"] = Path(PACKAGE, "report.py").read_text("utf-8")
    texts[".gitignore"] = (folder / "gitignore").read_text("utf-8")
    texts[SETTINGS_FILE] = settings.format(schema=schema, project="demo", environment=sys.prefix)
    return texts


def drive(project: Project, on_tick: Callable[[DispatchState], None]) -> None:
    """Be the engine until nothing moves any more without a person; gives up after ten minutes."""
    stop, ends = threading.Event(), time.monotonic() + GIVE_UP_S

    def look(state: DispatchState) -> None:
        on_tick(state)
        if is_over(state) or time.monotonic() > ends:
            stop.set()

    try:
        engine = open_engine(project, "demo")
    except Busy as busy:
        raise Busy(f"the demo's lab is driven already: {busy.message}", hint="autolab status -C DIR shows it") from busy
    with closing(engine):
        running.serve(engine, stop, look)


def is_over(state: DispatchState) -> bool:
    """Everything has ended, or is parked with a question open."""
    asked = {question.about for question in state.questions.values()}
    return all(
        entry.status in TERMINAL or (entry.status in PARKED and entry.id in asked) for entry in state.entries.values()
    )


def _keep_results(project: Project) -> None:
    """What the study found, as a commit of its own."""
    layout = project.layout
    if layout.common is None:
        return
    names = sorted(str(path.relative_to(layout.root)) for path in layout.results.glob("*.csv"))
    if names:
        Git(layout.root).commit_named(names, "Results of the study\n")


def _report(project: Project, seconds: float) -> DemoReport:
    state = read_state(project)
    questions = [question_line(question) for question in state.get("questions") or ()]
    folder = str(project.layout.root)
    return {
        "folder": folder,
        "seconds": round(seconds, 1),
        "counts": counts(state),
        "questions": questions,
        "results": result_table(project),
        "log": _log(project),
        "next": _next(folder, questions),
    }


def _next(folder: str, questions: list[QuestionLine]) -> list[str]:
    """Three commands that can be typed as they stand, from any folder."""
    autolab = f"{'autolab' if which('autolab') else shlex.quote(program()[0])} -C {shlex.quote(folder)}"
    answer = questions[0]["command"].replace("autolab", autolab, 1) if questions else f"{autolab} doctor"
    again = "demo-svm_digits_main_s0"
    return [
        f"{autolab} status",
        answer,
        f"{autolab} retry {again} && {autolab} poll    # the same seed gives the same number",
    ]


def result_table(project: Project) -> list[ResultLine]:
    """Mean and spread over seeds of what the main group's done experiments wrote, by method, data set and metric."""
    values: dict[tuple[str, str, str], list[float]] = {}
    for entry in read_state(project)["experiments"]:
        if entry["status"] == "done" and entry["group"] == GROUP and entry.get("result_file"):
            for row in _rows(project.layout.inside(entry["result_file"])):
                values.setdefault((row["method"], row["dataset"], row["metric"]), []).append(float(row["value"]))
    return [
        {
            "method": method,
            "dataset": dataset,
            "metric": metric,
            "mean": statistics.fmean(found),
            "sd": statistics.stdev(found) if len(found) > 1 else None,
            "n": len(found),
        }
        for (method, dataset, metric), found in sorted(values.items(), key=lambda each: (each[0][1], each[0][0]))
    ]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _log(project: Project) -> list[str]:
    if project.layout.common is None:
        return []
    said = Git(project.layout.root).ask("log", "--oneline", "--no-decorate", "-n", str(LOG_LINES))
    return said.decode("utf-8", "replace").splitlines()
