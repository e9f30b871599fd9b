"""What takes too long or is silent too often: a person is asked, and nothing is ever ended for it.

Clocks that decide stand in the journal: the claim's instant, what looks counted, the level that was asked about last.
How long a command runs is its host's own word wherever there is one; the queue before it never counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from autolab.model.event import Event, Marked, Parked, QuestionClosed, Unparked
from autolab.model.observation import Claim, HostFacts, Liveness, Look, Sighting
from autolab.model.plan import LabPlan, PatiencePlan
from autolab.model.state import DispatchState, Entry, Run, Status
from autolab.rules.decisions import PARKING
from autolab.rules.hosts import SILENT
from autolab.rules.outcome import words
from autolab.rules.questions import ask_about, open_question, remind, withdraw
from autolab.rules.subjects import phase_of

TICKS_S: Final = 100  # of proc(5) start times: USER_HZ, the same on every Linux since 2.6
OVER: Final = (  # what is no question any more once an end is seen
    "unknown_end", "unreachable", "intermittent", "host_removed", "timeout", "stalled", "gpu_idle",
    "old_phase",
)  # fmt: skip
_LOOKED_AT: Final = "nothing: it is neither ended nor launched again, and it is looked at"


def ran_s(claim: Claim | None, host: HostFacts) -> float:
    """Seconds since the claim's command began, by its host's clock since boot; 0.0 where that cannot be told."""
    if claim is None or not host.uptime_s or host.boot_id != claim.boot_id:
        return 0.0
    return max(host.uptime_s - claim.start_ticks / TICKS_S, 0.0)


def levels_passed(multiple: float, patience: PatiencePlan) -> int:
    """How many of the levels lie at or below ``multiple``: overdue, remind, and then each twice the one before."""
    passed, level = 0, patience.overdue
    while multiple >= level:
        passed += 1
        level = patience.remind if passed == 1 else level * 2
    return passed


def is_news(before: Sighting, now: Sighting, expected_s: float, patience: PatiencePlan) -> bool:
    """Whether a look that shows nothing else new changes what patience thinks, or is due to be recorded anyway."""
    if now.at - before.at >= timedelta(seconds=patience.look_told_s):
        return True
    passed = [levels_passed(each.ran_s / expected_s, patience) for each in (before, now)]
    return passed[0] != passed[1] or is_silent(before, patience) != is_silent(now, patience)


def is_silent(sighting: Sighting, patience: PatiencePlan) -> bool:
    """Whether its log has been as long as it is for too long."""
    return silence_s(sighting) >= patience.silent_log_s


def silence_s(sighting: Sighting) -> float:
    """Seconds for which its log has been as long as it is; 0.0 where that is not known."""
    return (sighting.at - sighting.grew_at).total_seconds() if sighting.grew_at is not None else 0.0


def judge(state: DispatchState, entry: Entry, sighting: Sighting, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """What a look at an open, claimed attempt says about waiting for it."""
    run = entry.open_run
    if run is None or run.claim is None or entry.spec.executor != "autolab":
        return
    if sighting.look in SILENT:
        yield from _silent(state, entry, run, sighting, plan, now)
    elif sighting.look is Look.SEEN:
        yield from _seen_again(state, entry, now)
        if Liveness.ALIVE in (sighting.child, sighting.runner) and entry.decision is None:
            yield from _overdue(state, state.entries[entry.id], run, sighting, plan, now)
            yield from _stalled(state, state.entries[entry.id], run, sighting, plan, now)
            yield from _old_phase(state, state.entries[entry.id], run, sighting, plan, now)


def _of(entry: Entry, now: datetime) -> dict[str, Any]:
    return {"at": now, "id": entry.id, "attempt": entry.attempt}


def _park(entry: Entry, reason: str, why: str, now: datetime) -> Iterator[Event]:
    """On hold: it needs a decision. Never against a person's own, and whatever runs goes on."""
    if entry.decision is None and entry.status in {Status.RUNNING, Status.UNREACHABLE}:
        yield Parked(**_of(entry, now), reason=reason, why=why)


# --- no answer (1.63) ------------------------------------------------------------------------------------------------


def _silent(
    state: DispatchState, entry: Entry, run: Run, sighting: Sighting, plan: LabPlan, now: datetime
) -> Iterator[Event]:
    host = state.hosts.get(run.host)
    misses, every = (host.misses if host else 0), plan.policies.ask_after_misses
    known = open_question(state, entry.id, "unreachable")
    if host is not None and misses and (known is not None or misses % every == 0):
        seen = f"{run.host} did not answer {misses} times in a row: {host.why}"
        yield from _park(entry, "unreachable", seen, now)
        yield from withdraw(state, entry.id, now, "it does not answer at all now", "intermittent")
        yield from ask_about(state, entry, "unreachable", now, seen=seen, did=_LOOKED_AT)
    elif known is None and _is_intermittent(run, sighting, plan.patience):
        seen = f"{run.host} did not answer {sighting.missed} of {sighting.looks} looks; the last: {sighting.reason}"
        yield Marked(**_of(entry, now), reason="intermittent", level=float(sighting.missed))
        yield from _park(entry, "intermittent", seen, now)
        yield from ask_about(state, entry, "intermittent", now, seen=seen, did=_LOOKED_AT)


def _is_intermittent(run: Run, sighting: Sighting, patience: PatiencePlan) -> bool:
    """So many looks failed in all, or such a share of them; after a question, so many more."""
    asked_at = run.marks.get("intermittent", 0.0)
    if sighting.missed >= asked_at + patience.misses:
        return True
    share = sighting.missed / sighting.looks if sighting.looks >= patience.least_looks else 0.0
    return not asked_at and share > patience.missed_share


def _seen_again(state: DispatchState, entry: Entry, now: datetime) -> Iterator[Event]:
    """The host answers: what was parked for its silence alone runs on."""
    closed = list(withdraw(state, entry.id, now, "it was seen again", "unreachable"))
    yield from closed
    if closed and entry.status is Status.ON_HOLD and entry.decision is None and not _parked_still(state, entry, closed):
        yield Unparked(**_of(entry, now), why="it was seen again")


def _parked_still(state: DispatchState, entry: Entry, closed: list[Event]) -> bool:
    gone = {event.question for event in closed if isinstance(event, QuestionClosed)}
    return any(q.about == entry.id and q.reason in PARKING and q.id not in gone for q in state.questions.values())


# --- it runs, and takes long -----------------------------------------------------------------------------------------


def _overdue(
    state: DispatchState, entry: Entry, run: Run, sighting: Sighting, plan: LabPlan, now: datetime
) -> Iterator[Event]:
    """Parked at twice what was expected, reminded of at three times, then at each doubling (1.36, B18, B19)."""
    expected_s = entry.spec.expected_duration_hours * 3600
    span_s = sighting.ran_s or (now - (run.started_at or now)).total_seconds()
    passed = levels_passed(span_s / expected_s, plan.patience)
    if passed <= run.marks.get("timeout", 0.0):
        return
    yield Marked(**_of(entry, now), reason="timeout", level=float(passed))
    times = f"{span_s / expected_s:.1f} times the {words(timedelta(seconds=expected_s))} that were expected"
    seen = f"it has run for {words(timedelta(seconds=span_s))} on {run.host}, {times}, and it is alive"
    if (known := open_question(state, entry.id, "timeout")) is not None:
        yield remind(known, now, seen)
        return
    yield from _park(entry, "timeout", f"timeout: {seen}", now)
    did = "parked it as on_hold; its processes were not touched, and it is looked at"
    yield from ask_about(state, entry, "timeout", now, seen=seen, did=did)


def _stalled(
    state: DispatchState, entry: Entry, run: Run, sighting: Sighting, plan: LabPlan, now: datetime
) -> Iterator[Event]:
    """A log that does not grow is asked about, again after twice the silence, and no more once it grows."""
    asked_s, silent_s = run.marks.get("stalled", 0.0), silence_s(sighting)
    if silent_s < plan.patience.silent_log_s:
        if asked_s:
            yield Marked(**_of(entry, now), reason="stalled", level=0.0)
            yield from withdraw(state, entry.id, now, "its log grows again", "stalled")
    elif not asked_s or silent_s >= 2 * asked_s:
        yield Marked(**_of(entry, now), reason="stalled", level=silent_s)
        silent = f"its log has had {sighting.log_size} bytes for {words(timedelta(seconds=silent_s))}"
        did = "nothing: its processes were not touched, and it is looked at"
        yield from ask_about(state, entry, "stalled", now, seen=f"{silent}, and it is alive on {run.host}", did=did)


def _old_phase(
    state: DispatchState, entry: Entry, run: Run, sighting: Sighting, plan: LabPlan, now: datetime
) -> Iterator[Event]:
    """What still runs long after a later phase began is asked about once (1.45)."""
    began = run.started_at or run.intended_at
    later = [(kept.since, name) for name, kept in state.patience.items() if kept.since and kept.since > began]
    late = later and now - began >= timedelta(seconds=plan.patience.old_phase_s)
    if not late or "old_phase" in run.marks or max(later)[1] == phase_of(entry):
        return
    yield Marked(**_of(entry, now), reason="old_phase", level=1.0)
    ran = f"it has run for {words(now - began)} on {run.host}"
    seen = f"{ran}, and a later phase has begun; it belongs to {entry.spec.phase}"
    did = "nothing: its phase counts as open until its end is proven"
    yield from ask_about(state, entry, "old_phase", now, seen=seen, did=did)
