"""An attempt is closed and its results are here: done, again, elsewhere, or a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from autolab.model.documents import best
from autolab.model.event import Cancelled, Event, HostChanged, Parked, Requeued, Succeeded
from autolab.model.plan import LabPlan, Policies
from autolab.model.state import DispatchState, End, EndHow, Entry, HostState, HostStatus, Run
from autolab.rules import noticing
from autolab.rules.aftermath import answer
from autolab.rules.diagnosis import diagnose
from autolab.rules.questions import ask_about_host, withdraw

TERMINATED: Final = 128 + 15  # a shell's status of what TERM ended


def needs_collecting(run: Run) -> bool:
    """Whether the host may hold something of this closed attempt that belongs here."""
    return run.end is not None and run.end.how in {EndHow.EXIT, EndHow.LOST, EndHow.HOST_RESTART}


def result_is_late(entry: Entry, policies: Policies, now: datetime) -> datetime | None:
    """Until when a clean end may still wait for its declared result; None: not, or no longer.

    Network file systems show a file late; after the grace its absence is a failure.
    """
    run = entry.run
    if (
        run is None
        or run.end is None
        or run.end.status != 0
        or found_of(entry).get("result") not in {"absent", "stale"}
    ):
        return None
    until = run.end.at + timedelta(seconds=policies.result_grace_s)
    return until if now < until else None


def found_of(entry: Entry) -> Mapping[str, Any]:
    """What the collector said of the current attempt; empty: nothing yet."""
    found = best(entry, "collected")
    return found if isinstance(found, Mapping) else {}


def causes_of(entry: Entry) -> tuple[str, ...]:
    """What the host itself recorded about the end: words such as ``kernel_oom``; none where nothing can be read."""
    evidence = found_of(entry).get("evidence")
    causes = evidence.get("causes") if isinstance(evidence, Mapping) else None
    return tuple(str(word) for word in causes) if isinstance(causes, (list, tuple)) else ()


def conclude(state: DispatchState, entry: Entry, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """The verdict on a closed, collected attempt."""
    run = entry.run
    assert run is not None
    assert run.end is not None
    found = found_of(entry)
    yield from withdraw(state, entry.id, now, "it ended", *noticing.ASKED)
    if entry.decision is not None and entry.decision.what == "cancel":
        # Also after a clean end: a script that catches TERM leaves with 0, and nothing may be built upon that.
        why = f"cancelled by {entry.decision.by}; ended: {run.end.detail}"
        yield Cancelled(at=now, id=entry.id, attempt=entry.attempt, why=why)
        return
    if entry.decision is not None and entry.decision.what == "restart" and (run.kills or run.end.status != 0):
        yield _restarted(entry, entry.decision.by, run.end.detail, now)
        return
    tail = str(best(entry, "log_tail") or "")
    diagnosis = diagnose(_as_judged(run, run.end), tail, str(found.get("result", "")), plan.failures)
    if diagnosis is None:
        yield from _succeeded(state, entry, run, found, now)
    elif entry.decision is not None:
        why = f"{diagnosis.kind.name}; held by {entry.decision.by}"
        yield Parked(at=now, id=entry.id, attempt=entry.attempt, reason="held", judged=True, why=why)
    else:
        yield from _host_fault(state, run, plan.policies, entry, now)
        yield from answer(state, entry, run, diagnosis, plan.policies, now)


def _as_judged(run: Run, end: End) -> End:
    """An attempt that was stopped and left with 0, as a script that catches TERM does, did not end well."""
    return replace(end, status=TERMINATED) if run.stopping and run.kills and end.status == 0 else end


def _restarted(entry: Entry, by: str, detail: str, now: datetime) -> Event:
    """A new attempt of what a person had ended; nothing of the old one lives."""
    return Requeued(
        at=now,
        id=entry.id,
        attempt=entry.attempt,
        kind="restarted",
        remedy="again",
        charged=False,
        avoid=entry.avoid,
        why=f"ended as {by} asked ({detail}): attempt {entry.attempt + 1}",
    )


def _succeeded(
    state: DispatchState, entry: Entry, run: Run, found: Mapping[str, Any], now: datetime
) -> Iterator[Event]:
    checked = bool(entry.spec.result_file)
    result = {key: found[key] for key in ("path", "sha256", "bytes") if key in found} if checked else None
    span = span_of(run, now)
    took = "" if span is None else f" in {words(span)}"
    how = "" if checked else " (no result declared: exit status 0 is all that says so)"
    yield Succeeded(at=now, id=entry.id, attempt=entry.attempt, result=result, why=f"done{took}{how}")
    host = state.hosts.get(run.host)
    if host is not None and host.failures:
        yield HostChanged(at=now, host=replace(host, failures=()), why=f"{run.host} ran {entry.id} well")


def _host_fault(state: DispatchState, run: Run, policies: Policies, entry: Entry, now: datetime) -> Iterator[Event]:
    """A host that ends several different experiments within a minute each gets nothing more until a person looks."""
    if run.end is None or run.end.how in {EndHow.WITHDRAWN, EndHow.ABANDONED, EndHow.CARD_TAKEN}:
        return
    fast = run.started_at is None or run.end.at - run.started_at < timedelta(seconds=policies.fast_fail_s)
    host = state.hosts.get(run.host) or HostState(name=run.host)
    if not fast or entry.id in host.failures or host.status is HostStatus.QUARANTINED:
        return
    failures = (*host.failures, entry.id)
    if len(failures) < policies.quarantine_after:
        yield HostChanged(at=now, host=replace(host, failures=failures), why=f"{entry.id} ended fast on {run.host}")
        return
    why = f"{len(failures)} different experiments ended within {policies.fast_fail_s:g} s each: {', '.join(failures)}"
    stopped = replace(host, failures=failures, status=HostStatus.QUARANTINED, since=now, why=why)
    yield HostChanged(at=now, host=stopped, why=f"{run.host} is quarantined: {why}")
    did = "nothing more is launched there; what runs is looked at"
    yield from ask_about_host(state, stopped, "host_quarantined", now, seen=why, did=did)


def span_of(run: Run, now: datetime) -> timedelta | None:
    """How long the attempt ran: by its host's clock where that is known, else as far as we saw."""
    if run.end is not None and run.end.ran_s is not None:
        return timedelta(seconds=run.end.ran_s)
    return None if run.started_at is None else now - run.started_at


def words(span: timedelta) -> str:
    """A length of time for people: ``42 s``, ``7 min``, ``3.5 h``."""
    seconds = max(span.total_seconds(), 0.0)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
