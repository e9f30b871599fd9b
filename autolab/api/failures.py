"""What ended an attempt, and what would be done: the table of failures tried on a log or on an experiment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from autolab.api.output import log_text
from autolab.api.project import Project, clock, recorded
from autolab.errors import AskedWrong, UnknownName
from autolab.model.event import Event, QuestionAsked, Requeued
from autolab.model.failure import Kind
from autolab.model.failure_settings import row_document
from autolab.model.patterns import lines_of
from autolab.model.plan import Policies
from autolab.model.state import DispatchState, End, EndHow, Entry, Run, Spec
from autolab.rules.aftermath import answer
from autolab.rules.diagnosis import TAIL_MAX, Diagnosis, contradictions
from autolab.rules.diagnosis import diagnose as kind_of
from autolab.rules.outcome import found_of
from autolab.store.failures import effective_table
from autolab.store.files import reason

if TYPE_CHECKING:
    from autolab.api.failure_results import DiagnosisReport, ExamplesReport, TableReport

UNKNOWN: Final = 1  # the status of a log of which none is told


def diagnose(
    project: Project, what: str, *, status: int | None = None, attempt: int | None = None, command: str = ""
) -> DiagnosisReport:
    """What ended ``what``, an experiment's id or a log's path, and what autolab would do. Nothing is changed.

    status   the exit status; default: the one recorded, or 1 for a log
    attempt  which attempt of an experiment; default: the last
    command  what a log's program was started with, for a remedy that changes it
    raises   UnknownName for neither an experiment nor a file, OutsideFailed where its host must be asked in vain
    """
    now = clock()
    state = recorded(project)
    if (entry := state.entries.get(what)) is not None:
        return _of_entry(project, state, entry, status, attempt, now)
    path = Path(what)
    if not path.is_file():
        raise UnknownName("experiment or log", what, state.entries, hint="give an id of `autolab ps --all`, or a file")
    end = End(how=EndHow.EXIT, at=now, status=UNKNOWN if status is None else status, detail="")
    made_up = _made_up(command, end, now)
    return _report(project, made_up, end, _tail(path), "none", str(path), now)


def failure_table(project: Project) -> TableReport:
    """The table that holds here: the project's kinds, then autolab's own."""
    return {"kinds": [row_document(kind) for kind in effective_table(project.settings)]}


def failure_examples(project: Project) -> ExamplesReport:
    """Whether every example of the table is of the kind that its row says."""
    table = effective_table(project.settings)
    count = sum(len(kind.matches) + len(kind.misses) for kind in table)
    return {"examples": count, "wrong": list(contradictions(table))}


def _of_entry(
    project: Project, state: DispatchState, entry: Entry, status: int | None, attempt: int | None, now: datetime
) -> DiagnosisReport:
    log = log_text(project, entry.id, attempt)
    run = entry.run
    current = run is not None and run.number == log["attempt"]
    end = run.end if current and run is not None and run.end is not None else End(how=EndHow.EXIT, at=now)
    if status is not None:
        end = replace(end, how=EndHow.EXIT, status=status)
    result = str(found_of(entry).get("result", "")) if current else "none"
    report = _report(project, entry, end, log["text"], result, log["source"], now)
    return {**report, "id": entry.id, "attempt": log["attempt"]}


def _made_up(command: str, end: End, now: datetime) -> Entry:
    """An experiment that would have printed such a log."""
    spec = Spec(
        id="log", command=command, expected_duration_hours=1.0, phase="", group="main", method="", dataset="", seed=0
    )
    run = Run(
        number=1, host="there", dir="", project_dir="", token="", spec_hash="", code="", command=command,
        intended_at=now, end=end,
    )  # fmt: skip
    return Entry(spec=spec, since=now, added_at=now, attempt=1, run=run)


def _report(
    project: Project, entry: Entry, end: End, tail: str, result: str, source: str, now: datetime
) -> DiagnosisReport:
    found = kind_of(end, tail, result, effective_table(project.settings))
    happens = [] if found is None or entry.run is None else _next(project, entry, entry.run, found, now)
    again = next((event for event in happens if isinstance(event, Requeued)), None)
    asked = next((event.question for event in happens if isinstance(event, QuestionAsked)), None)
    kind = found.kind if found else None
    return {
        "source": source,
        "id": None,
        "attempt": None,
        "status": end.status,
        "kind": kind.name if kind else "",
        "about": kind.about if kind else "",
        "origin": kind.origin if kind else "",
        "because": found.because if found else "it ended well",
        "line": found.line if found else "",
        "number": found.number if found else 0,
        "lines": len(lines_of(tail[-TAIL_MAX:])),
        "pattern": found.pattern if found else "",
        "remedy": kind.remedy.value if kind else "",
        "outcome": "again" if again else "ask" if asked else "",
        "reason": asked.reason if asked else "",
        "changed": list(again.changed) if again else [],
        "command": again.command if again else "",
        "wait_s": kind.wait_s if kind and again else 0.0,
        "charged": bool(again and again.charged),
        "would": _words(kind, again, asked.did if asked else ""),
    }


def _next(project: Project, entry: Entry, run: Run, found: Diagnosis, now: datetime) -> list[Event]:
    """What would follow, of a state of its own: the same rules as the engine's, and nothing is kept."""
    state = DispatchState(project="", lab="", entries={entry.id: entry})
    policies = Policies(give_up_hosts=project.settings.policies.give_up_hosts)
    return list(answer(state, entry, run, found, policies, now))


def _words(kind: Kind | None, again: Requeued | None, did: str) -> str:
    """What would be done, in one line."""
    if kind is None:
        return "nothing: its end needs no remedy"
    if again is None:
        return f"a person is asked: {did}"
    changes = f", with {', '.join(again.changed)}" if again.changed else ""
    where = " on another host, if there is one" if kind.by_host else ""
    wait = f" after {kind.wait_s:g} s" if kind.wait_s else ""
    return f"a new attempt{where}{wait}{changes}; {'counted as a retry' if again.charged else 'not counted'}"


def _tail(path: Path) -> str:
    """The end of a log on this disk; raises AskedWrong where it cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - TAIL_MAX, 0))
            return file.read(TAIL_MAX).decode("utf-8", "replace")
    except OSError as error:
        raise AskedWrong(f"cannot read {path}: {reason(error)}", hint="give a log that this user may read") from error
