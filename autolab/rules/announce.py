"""What of a tick's events people are told: questions, a phase that begins or ends, a group that failed.

Pure: the events that were made and the state after them go in, events that announce come out. They stand in the same
batch of the journal as what they announce, so that each is announced once, whatever dies when.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from autolab.errors import InvalidSpec
from autolab.model.documents import best, stamp
from autolab.model.event import (
    Announced,
    Cancelled,
    Event,
    Failed,
    Held,
    Parked,
    QuestionAsked,
    QuestionClosed,
    Started,
    Succeeded,
)
from autolab.model.notice import Notice, filled, phase_title, said
from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, Entry, Question, Status
from autolab.model.transitions import is_active
from autolab.model.wish import Wish
from autolab.rules.key_result import Row, key_result

ENDINGS: Final = (Succeeded, Failed, Cancelled, Parked, Held)  # after these something may be over
ONE_BY_ONE: Final = 20  # questions of one tick that get a notice each; more than that is one notice
KIND_OF: Final[Mapping[str, str]] = {  # questions that are told under a kind of their own
    "env_failed": "env_failed",
    "group_failing": "group_failed",
}


def announce(
    state: DispatchState, events: Sequence[Event], now: datetime, wanted: frozenset[str], rows: Iterable[Row] = ()
) -> Iterator[Announced]:
    """The notices that ``events`` deserve, in their order.

    wanted  kinds that come once per experiment or answer, and that some notifier asked for
    rows    of the results of phases that ended now: see ``phases_over``
    """
    for notice in _notices(state, events, wanted, list(rows)):
        if not notice.key or state.announced.get(notice.key) != notice.summary:
            yield Announced(at=now, notice=notice, why=f"told: {notice.kind}")


def tell(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """What an agent announces: the wish's only id is the kind, ``context`` has ``facts``, ``phase`` and ``wandb``.

    raises  UnknownName, InvalidSpec: see ``notice.said``
    """
    if len(wish.ids) != 1:
        raise InvalidSpec("one kind of notice is told at a time", hint="autolab notify send KIND FACT=TEXT ...")
    given = wish.context.get("facts")
    facts = {str(name): str(value) for name, value in given.items()} if isinstance(given, Mapping) else {}
    notice = said(wish.ids[0], facts, str(wish.context.get("phase") or ""), str(wish.context.get("wandb") or ""))
    yield Announced(at=now, actor=wish.by, notice=notice, why=f"told: {notice.kind}")


def phases_over(state: DispatchState, events: Iterable[Event]) -> list[str]:
    """Phases in which these events ended what was active last."""
    touched = {state.entries[e.id].spec.phase for e in events if isinstance(e, ENDINGS) and e.id in state.entries}
    return sorted(phase for phase in touched if not any(is_active(entry) for entry in of_phase(state, phase)))


def of_phase(state: DispatchState, phase: str) -> list[Entry]:
    """The experiments of a phase that count: those that are not archived."""
    return [entry for entry in state.entries.values() if entry.spec.phase == phase and not entry.archived]


def _notices(
    state: DispatchState, events: Sequence[Event], wanted: frozenset[str], rows: Sequence[Row]
) -> Iterator[Notice]:
    yield from _begun(state, events)
    asked = [event.question for event in events if isinstance(event, QuestionAsked)]
    yield from (_many(asked),) if len(asked) > ONE_BY_ONE else (_question(state, question) for question in asked)
    if wanted:
        yield from _each(state, events, wanted)
    for phase in phases_over(state, events):
        ended = of_phase(state, phase)
        yield from _failed_groups(phase, ended)
        yield _over(state, phase, ended, [row for row in rows if row.phase == phase])


# --- questions -------------------------------------------------------------------------------------------------------


def _question(state: DispatchState, question: Question) -> Notice:
    """What was seen, without the log's end: that stays in the lab."""
    entry = state.entries.get(question.about)
    seen = question.seen.split("\n\n", 1)[0]
    facts = {"about": question.about, "reason": question.reason, "seen": seen}
    default = f"; else {question.default} at {stamp(question.due_at)}" if question.default else ""
    action = f"autolab decide {question.id} {'|'.join(option.name for option in question.options)}{default}"
    notice = filled("question", facts, phase=entry.spec.phase if entry else "", action=action)
    return replace(notice, kind=KIND_OF.get(question.reason, "question"))


def _many(asked: Sequence[Question]) -> Notice:
    reasons = _counted(question.reason for question in asked)
    about = ", ".join(question.about for question in asked[:10])
    seen = f"They are about {about} and {len(asked) - 10} more"
    facts = {"about": f"{len(asked)} questions at once", "reason": reasons, "seen": seen}
    return filled("question", facts, action="autolab status lists them, each with its answers")


def _each(state: DispatchState, events: Iterable[Event], wanted: frozenset[str]) -> Iterator[Notice]:
    """What comes once per experiment or answer."""
    for event in events:
        phase = state.entries[event.id].spec.phase if event.id in state.entries else ""
        if isinstance(event, QuestionClosed) and event.option and "answered" in wanted:
            yield filled("answered", {"question": event.question, "option": event.option, "who": event.actor})
        elif isinstance(event, Succeeded) and "experiment_done" in wanted:
            yield filled("experiment_done", {"id": event.id, "why": event.why}, phase=phase)
        elif isinstance(event, Failed) and "experiment_failed" in wanted:
            yield filled("experiment_failed", {"id": event.id, "why": event.why}, phase=phase)


# --- phases and groups -----------------------------------------------------------------------------------------------


def _begun(state: DispatchState, events: Iterable[Event]) -> Iterator[Notice]:
    """A phase of which something runs for the first time; told once for each phase."""
    phases = {state.entries[e.id].spec.phase for e in events if isinstance(e, Started) and e.id in state.entries}
    for phase in sorted(phases):
        if f"begun:{phase}" in state.announced:
            continue
        entries = of_phase(state, phase)
        machines = sorted({str(host) for e in entries if (host := e.run.host if e.run else best(e, "host"))})
        hours = sum(entry.spec.expected_duration_hours for entry in entries)
        facts = {
            "count": "1 experiment" if len(entries) == 1 else f"{len(entries)} experiments",
            "machines": f"{', '.join(machines) or 'not known yet'}. Expected: {hours:.4g} h of runs",
            "groups": _counted((entry.spec.group for entry in entries), "{name}×{count}"),
        }
        yield filled("phase_started", facts, phase=phase, key=f"begun:{phase}")


def _failed_groups(phase: str, entries: Sequence[Entry]) -> Iterator[Notice]:
    for group in sorted({entry.spec.group for entry in entries}):
        of_group = [entry for entry in entries if entry.spec.group == group]
        failed = [entry for entry in of_group if entry.status is Status.FAILED]
        if failed:
            facts = {
                "group": group,
                "failed": len(failed),
                "total": len(of_group),
                "retries": max(entry.retry_count for entry in failed),
                "cause": _counted(entry.kind or "unknown" for entry in failed),
            }
            yield filled("group_failed", facts, phase=phase, key=f"group:{phase}:{group}")


def _over(state: DispatchState, phase: str, entries: Sequence[Entry], rows: Sequence[Row]) -> Notice:
    """The end of a phase: counts, how much of each group is there, what was stopped, and the numbers themselves."""
    count = Counter(entry.status for entry in entries)
    stopped = [e for e in entries if e.status is Status.CANCELLED and e.decision and e.decision.by == "autolab"]
    facts = {
        "totals": _totals(phase, count, len(entries), key_result(rows)),
        "cancelled": count[Status.CANCELLED],
        "coverage": ", ".join(_coverage(entries)),
        "stops": len(stopped) or "none",
    }
    parked = count[Status.ON_HOLD] + count[Status.UNREACHABLE]
    all_over = not any(is_active(entry) for entry in state.entries.values() if not entry.archived)
    return filled(
        "phase_done",
        facts,
        phase=phase,
        status="finished" if all_over and not parked else "completed",
        action=f"{parked} wait for a decision: autolab status" if parked else "none",
        wandb=_wandb(entries),
        key=f"over:{phase}",
    )


def _totals(phase: str, count: Mapping[Status, int], total: int, key: str) -> str:
    """The first words of the end of a phase: fixed, because programs match them."""
    title = phase_title(phase)
    done, failed = count[Status.DONE], count[Status.FAILED]
    if title == "Phase 4":
        return f"[Phase 4 done] {total} pilots complete ({done} done, {failed} failed). Top result: {key}"
    held = count[Status.ON_HOLD]
    return f"[{title} done] {total} experiments ({done} done, {failed} failed, {held} on_hold). Key result: {key}"


def _coverage(entries: Sequence[Entry]) -> Iterator[str]:
    for group in sorted({entry.spec.group for entry in entries}):
        of_group = [entry for entry in entries if entry.spec.group == group]
        yield f"{group} {sum(entry.status is Status.DONE for entry in of_group)}/{len(of_group)}"


def _wandb(entries: Iterable[Entry]) -> str:
    """The project's page, from the first run that named an address of its own."""
    for entry in entries:
        said = best(entry, "wandb_run_id")
        if isinstance(said, str) and said.startswith("https://"):
            return said.split("/runs/", 1)[0]
    return ""


def _counted(names: Iterable[str], form: str = "{name} ({count})") -> str:
    """Each name with how often it came, the most frequent first."""
    return ", ".join(form.format(name=name, count=count) for name, count in Counter(names).most_common())
