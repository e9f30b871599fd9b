"""What is put beside a question when it is asked, so that whoever is woken by it need not look anything up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from autolab.model.documents import best, stamp
from autolab.model.event import QuestionAsked
from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, Entry, Evidence, HostState, Question, Run, Status
from autolab.rules.outcome import found_of, span_of, words
from autolab.rules.questions import sealed
from autolab.rules.reserved import reservation

LINE_MAX: Final = 300  # characters of a log's line
COMMANDS_MAX: Final = 10
# Terminal escapes whole, then every other control character, direction override and lone surrogate.
_ESCAPE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def complete(state: DispatchState, asked: QuestionAsked, plan: LabPlan, now: datetime) -> QuestionAsked:
    """The question with its evidence, and with the default that the settings give it."""
    question = replace(asked.question, evidence=tuple(_gathered(state, asked.question, plan, now)))
    if question.default is None and (given := plan.answers.defaults.get(question.reason)) is not None:
        option, after_s = given
        question = replace(question, default=option, due_at=now + timedelta(seconds=after_s))
    if said := reservation(question, plan.answers):
        question = replace(question, evidence=(Evidence(what="who may answer", text=said), *question.evidence))
    return replace(asked, question=sealed(question))


def last_lines(text: str, count: int) -> str:
    """The last lines of a log as a page and a terminal may be given them; a progress bar's last state counts."""
    plain = _CONTROL.sub("", _ESCAPE.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))
    lines = [line.rstrip() for line in plain.splitlines() if line.strip()][-count:]
    return "\n".join(line if len(line) <= LINE_MAX else f"{line[:LINE_MAX]} ..." for line in lines)


def _gathered(state: DispatchState, question: Question, plan: LabPlan, now: datetime) -> Iterator[Evidence]:
    entry = state.entries.get(question.about)
    if entry is not None:
        yield from _of_experiment(state, entry, plan, now)
    elif question.about.startswith("host:"):
        yield from _of_host(state, question.about.removeprefix("host:"))


def _of_experiment(state: DispatchState, entry: Entry, plan: LabPlan, now: datetime) -> Iterator[Evidence]:
    run = entry.run
    if run is not None:
        yield Evidence(what="attempt", text=_attempt(entry, run, now))
    if tail := last_lines(str(best(entry, "log_tail") or ""), plan.answers.evidence_lines):
        yield Evidence(what="log", text=tail)
    elif run is not None and run.claim is not None:
        yield Evidence(what="log", text=f"{run.host}:{run.dir}/out.log, shown by: autolab logs {entry.id}")
    if run is not None:
        host = state.hosts.get(run.host)
        if text := _host(host) if host is not None else "":
            yield Evidence(what="host", text=text)
        yield Evidence(what="code", text=_code(state, entry, run))
    if entry.tried:
        yield Evidence(what="commands", text="\n".join(_commands(entry)))


def _attempt(entry: Entry, run: Run, now: datetime) -> str:
    """Number, place, times, end: a line each."""
    cards = f", cards {', '.join(run.gpus)}" if run.gpus else ""
    pid = f", pid {run.claim.pid} on {run.claim.node}" if run.claim else ", never started"
    lines = [
        f"attempt {run.number} on {run.host}{cards}{pid}",
        f"failures charged: {entry.retry_count} of {entry.spec.max_retries} retries",
    ]
    if run.started_at is not None:
        span = span_of(run, now)
        expected = words(timedelta(hours=entry.spec.expected_duration_hours))
        lines.append(f"started {stamp(run.started_at)}, ran {words(span) if span else '?'}, expected {expected}")
    if run.end is not None:
        lines.append(f"ended {stamp(run.end.at)}: {run.end.how}, {run.end.detail}")
    found = found_of(entry)
    if found.get("result") not in {None, "none"}:
        lines.append(f"result {entry.spec.result_file}: {found.get('result')} {found.get('reason', '')}".rstrip())
    return "\n".join(lines)


def _of_host(state: DispatchState, name: str) -> Iterator[Evidence]:
    if (host := state.hosts.get(name)) is not None:
        yield Evidence(what="host", text=_host(host))
    there = [e for e in state.entries.values() if (run := e.open_run) is not None and run.host == name]
    if there:
        yield Evidence(what="runs there", text=", ".join(f"{e.id} ({e.status})" for e in there[:20]))


def _host(host: HostState) -> str:
    since = f" since {stamp(host.since)}" if host.since else ""
    lines = [f"{host.name}: {host.status}{since}" + (f", {host.why}" if host.why else "")]
    if host.misses:
        lines.append(f"silent looks in a row: {host.misses}, the last at {stamp(host.missed_at)}")
    if host.facts.gpus is not None:
        lines.append(f"cards: {', '.join(host.facts.gpus) or 'none'}")
    if host.failures:
        lines.append(f"ended fast there: {', '.join(host.failures)}")
    return "\n".join(lines)


def _code(state: DispatchState, entry: Entry, run: Run) -> str:
    """Which code it ran, and how that differs from what last did well for this method and data set."""
    good = _last_good(state, entry)
    ran = f"ran {_named(run)}"
    if good is None or good.run is None:
        return f"{ran}; nothing of {entry.spec.method} on {entry.spec.dataset} has gone well before"
    before = f"{good.id}, the last good run of {entry.spec.method} on {entry.spec.dataset}"
    if good.run.code == run.code:
        return f"{ran}, the same as {before}"
    if good.run.commit and run.commit:
        return f"{ran}; {before}, ran {_named(good.run)}: git diff {good.run.commit[:12]} {run.commit[:12]}"
    return f"{ran}; {before}, ran {_named(good.run)}"


def _named(run: Run) -> str:
    return f"commit {run.commit[:12]}" if run.commit else f"code {run.code[:12]}"


def _last_good(state: DispatchState, entry: Entry) -> Entry | None:
    """The experiment of the same method and data set that was last done."""
    same = (entry.spec.method, entry.spec.dataset)
    good = [
        (other.finished_at, other.id, other)
        for other in state.entries.values()
        if other.status is Status.DONE and other.finished_at and (other.spec.method, other.spec.dataset) == same
    ]
    return max(good, key=lambda found: found[:2])[2] if good else None


def _commands(entry: Entry) -> Iterator[str]:
    """The full command of each attempt, the newest last, with the variables that the last one was given beside."""
    tried = entry.tried[-COMMANDS_MAX:]
    first = entry.attempt - len(tried) + 1
    for number, command in enumerate(tried, first):
        yield f"a{number}: {last_lines(command, 20)}"
    changed: Mapping[str, str] = entry.run.env if entry.run is not None else {}
    if changed:
        yield "with " + " ".join(f"{name}={value}" for name, value in changed.items())
