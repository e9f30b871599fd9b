"""What people and foreign programs read beside the state: lab.log, a log page per experiment, escalations, questions.

Rendered from events after these are durable. How far that got is kept, so that a crash in between only delays it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import datetime

from autolab.engine.escalations import Escalations
from autolab.engine.ticks import TICK
from autolab.model import event as e
from autolab.model.documents import stamp
from autolab.model.env_document import env_document
from autolab.model.readiness import Readiness
from autolab.model.state import DispatchState, Entry
from autolab.rules.outcome import span_of
from autolab.store.files import Files
from autolab.store.layout import Layout

_LIMIT = 1 << 20
_LOG_LIMIT = 1 << 30


class Chronicle:
    """Writes what events say into the files of section 1 of the protocol that the engine alone writes."""

    def __init__(self, layout: Layout, files: Files) -> None:
        self._layout, self._files = layout, files
        self._escalations = Escalations(layout, files)

    def catch_up(self, state: DispatchState, events: Iterable[tuple[int, e.Event]]) -> None:
        """Tell what a killed engine had made durable and not told; ``events`` are the journal's last, numbered."""
        told = int((self._files.read(self._layout.chronicled, 64) or b"0").strip() or b"0")
        missed = [happened for seq, happened in events if seq > told]
        if missed:
            tail = (self._files.read(self._layout.lab_log, _LOG_LIMIT) or b"")[-_LIMIT:]
            self.record(state, missed, known=tail.decode("utf-8", "replace"))

    def record(self, state: DispatchState, events: Iterable[e.Event], known: str = "") -> None:
        """Everything these events mean for people's files; lines that stand in ``known`` are not written twice."""
        lines: list[str] = []
        for happened in events:
            if type(happened) is e.Observed:  # nearly all that happens, and told in the journal alone
                continue
            entry = state.entries.get(happened.id)
            if (line := log_line(happened, entry)) is not None:
                lines.append(f"[{stamp(happened.at)}] {line}\n".replace("\n", " ").rstrip() + "\n")
            match happened:
                case e.Added():
                    self._log_page(happened.spec.id, entry)
                case e.HostChecked():
                    self._environment(state.readiness[happened.host])
                case _:
                    self._of_question(state, happened)
        lines = [line for line in lines if line not in known]
        if lines:
            self._append(lines)
        self._files.replace(self._layout.chronicled, str(state.seq).encode(), durable=False)

    def _append(self, lines: list[str]) -> None:
        self._files.make_dirs(self._layout.progress)
        path = self._layout.lab_log
        fd = self._files.open_append(path, create=True)
        try:
            self._files.append(fd, path, "".join(lines).encode())
        finally:
            os.close(fd)

    def _log_page(self, experiment: str, entry: Entry | None) -> None:
        path = self._layout.log(experiment)
        if entry is None or path.exists():  # a person may have written theirs before
            return
        self._files.make_dirs(path.parent)
        self._files.replace(path, page(entry).encode(), durable=False)

    def _environment(self, known: Readiness) -> None:
        """By one rename: who reads it while a check is cut short finds the last one whole."""
        self._files.make_dirs(self._layout.progress)
        text = json.dumps(env_document(known), indent=2) + "\n"
        self._files.replace(self._layout.host_facts(known.host), text.encode(), durable=False)

    def _of_question(self, state: DispatchState, happened: e.Event) -> None:
        """What an event means for the files where people are asked."""
        match happened:
            case e.QuestionAsked():
                self._escalations.asked(happened.question)
            case e.QuestionRepeated() if happened.question in state.questions:
                self._escalations.again(state.questions[happened.question])
            case e.QuestionClosed():
                self._escalations.closed(happened)
            case e.WishSettled() if is_refused_tick(happened):
                self._escalations.refused(question_of_tick(happened.wish), happened.outcome)
            case e.EngineReturned():
                for question in state.questions.values():
                    if question.due_at is not None:
                        self._escalations.due(question)
            case _:
                pass


def is_refused_tick(settled: e.WishSettled) -> bool:
    """Whether that is a box that somebody ticked to no effect."""
    return settled.wish.startswith(TICK) and settled.outcome.startswith("refused")


def question_of_tick(wish: str) -> str:
    """The question that a tick answers, by the id of its wish."""
    return wish.removeprefix(TICK).rpartition("-")[0]


def log_line(happened: e.Event, entry: Entry | None) -> str | None:
    """The line of ``progress/lab.log`` for an event; None: it is told in the journal alone.

    Source: the fixed strings of the lab's log (rows 1.4 and 1.33 to 1.38).
    """
    name = f"[{happened.id}]"
    match happened:
        case e.Started() if entry is not None and entry.run is not None and happened.claim is not None:
            gpus = f":gpu{','.join(entry.run.gpus)}" if entry.run.gpus else ""
            return f"{name} started on {entry.run.host}{gpus} pid={happened.claim.pid}"
        case e.Ended() if happened.end.survivors:
            return f"{name} left processes running ({happened.why})"
        case e.Succeeded() if entry is not None:
            return _done_line(happened.at, entry)
        case e.Failed():
            return f"{name} failed ({happened.why})"
        case e.Requeued():
            return f"{name} retrying as a{happened.attempt + 1} ({happened.why})"
        case e.Parked() | e.Held():
            return f"{name} on_hold ({happened.why})"
        case e.Cancelled():
            return f"{name} cancelled ({happened.why})"
        case e.HostLost():
            return f"{name} unreachable ({happened.why})"
        case e.QuestionAsked():
            return f"ASKS: {happened.question.id} {happened.question.reason}"
        case e.QuestionClosed() if happened.option:
            return f"DECIDED: {happened.question} {happened.option} by {happened.actor}"
        case e.WishSettled() if is_refused_tick(happened):
            return f"NOT UNDERSTOOD: a tick in {question_of_tick(happened.wish)} ({happened.outcome})"
        case e.EngineReturned() | e.HostChanged() | e.Noted() | e.DriverTaken() | e.HostChecked() | e.HostAccepted():
            return happened.why
        case _:
            return None


def _done_line(at: datetime, entry: Entry) -> str:
    run = entry.run
    if run is None:
        return f"[{entry.id}] done"
    minutes = round((span_of(run, at) or at - run.intended_at).total_seconds() / 60)
    gpus = f" GPU{','.join(run.gpus)}" if run.gpus else ""
    return f"DONE: {entry.id} on {run.host}{gpus}. Duration: {minutes}min. Retries: {entry.attempt - 1}."


def page(entry: Entry) -> str:
    """``experiments/logs/<ID>.md`` as it is made before the launch."""
    spec = entry.spec
    depends = f"- depends on: {', '.join(spec.depends_on)}\n" if spec.depends_on else ""
    return (
        f"# {spec.id}\n\n## Motivation\n\n{spec.notes}\n\n## Setup\n\n"
        f"- method: {spec.method}\n- dataset: {spec.dataset}\n- group: {spec.group}\n- seed: {spec.seed}\n"
        f"- phase: {spec.phase}\n- command: `{spec.command}`\n- result: {spec.result_file or 'none declared'}\n"
        f"- expected: {spec.expected_duration_hours:g} h\n{depends}\n## Expected\n\n## Actual\n\n## Notes\n"
    )
