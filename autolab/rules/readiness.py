"""Which hosts are to be checked, what a check means, and whether a host is open to new work: from what is known now.

A host whose settings name no environment is open without a check. One with an environment is checked before its first
launch, when its environment changes, and when what was found is too old; one that failed also when the code changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from autolab.errors import UnknownName
from autolab.model.action import Check
from autolab.model.documents import stamp
from autolab.model.event import CheckAsked, CheckBegun, Event, HostChanged, HostChecked
from autolab.model.observation import Sighting
from autolab.model.plan import HostPlan, LabPlan, Policies
from autolab.model.readiness import Checked, Finding, HostReport, Readiness, Stage, Step
from autolab.model.state import TERMINAL, DispatchState, Entry, HostState, HostStatus
from autolab.model.wish import Wish
from autolab.rules import dispatch, hosts
from autolab.rules.questions import ask_about_host, withdraw
from autolab.rules.room import usable


def is_pending(state: DispatchState) -> bool:
    """Whether a check is under way or to be made."""
    return any(known.stage in {Stage.WANTED, Stage.CHECKING} for known in state.readiness.values())


# --- what came of checks ---------------------------------------------------------------------------------------------


def heard(state: DispatchState, checked: Iterable[Checked], plan: LabPlan, now: datetime) -> Iterator[Event]:
    """What checks that came back say. One of another number than the current is from before, and no news."""
    for word in checked:
        known = state.readiness.get(word.host)
        if known is None or known.stage is not Stage.CHECKING or known.number != word.number:
            continue
        yield from hosts.heard(state, word.host, word.sighting, plan.policies, now)
        if word.report is not None:
            yield from _ended(state, known, word.report, plan, now)
        else:
            yield from _silent(known, word.sighting, now)


def _silent(known: Readiness, sighting: Sighting, now: datetime) -> Iterator[Event]:
    """Said once for each reason; the check goes on under its number when the host may be asked again."""
    why = f"{sighting.look.value.replace('_', ' ')}: {sighting.reason}"
    if known.report is None or known.report.why != why:
        report = HostReport(failed=Step.LOGIN, why=why, findings=(Finding(name="login", verdict="fail", found=why),))
        yield HostChecked(
            at=now, host=known.host, report=report, valid_until=now, why=f"{known.host} is not ready: {why}"
        )


def _ended(state: DispatchState, known: Readiness, report: HostReport, plan: LabPlan, now: datetime) -> Iterator[Event]:
    again = report.may_help and known.tries < plan.policies.check_tries
    wait = _wait(known.tries, plan.policies) if again else None
    yield HostChecked(
        at=now,
        host=known.host,
        report=report,
        valid_until=now + timedelta(seconds=plan.policies.environment_valid_s),
        cards_until=None if report.cards is None else now + timedelta(seconds=plan.policies.cards_valid_s),
        again_at=None if wait is None else now + wait,
        why=_sentence(known, report, wait, plan.policies),
    )
    if report.ready:
        yield from withdraw(state, f"host:{known.host}", now, "it is ready now", "env_failed")


def _wait(tries: int, policies: Policies) -> timedelta:
    return timedelta(seconds=policies.backoff_s[min(tries, len(policies.backoff_s)) - 1])


def _sentence(known: Readiness, report: HostReport, wait: timedelta | None, policies: Policies) -> str:
    if report.ready:
        return f"{known.host} is ready{f': {report.why}' if report.why else ''}"
    tried = f" (try {known.tries} of {policies.check_tries})" if report.may_help else ""
    after = f"; again in {wait.total_seconds():g} s" if wait is not None else ""
    return f"{known.host} is not ready: {report.why}{tried}{after}"


# --- what to check ---------------------------------------------------------------------------------------------------


def begin(state: DispatchState, code: str | None, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """The checks that are due now, as facts that are durable before anything is said to a host."""
    if code is None:
        return
    waiting: list[Entry] | None = None
    for name, host in plan.hosts.items():
        known = state.readiness.get(name)
        if (known is None and not host.environment) or not _may_begin(state, known, plan, name, now):
            continue
        if not _is_due(known, host, code, now):
            continue
        if known is None or known.stage is not Stage.WANTED:  # one to which nobody wants to go is left alone
            if waiting is None:
                waiting = [e for e in state.entries.values() if dispatch.is_due(state, e, now)]
            if not any(could_run(entry, host) for entry in waiting):
                continue
        yield _begun(state, known, host, code, now)


def _may_begin(state: DispatchState, known: Readiness | None, plan: LabPlan, name: str, now: datetime) -> bool:
    if known is not None and known.stage is Stage.CHECKING:
        return False
    if known is not None and known.wanted_by:  # a person's question is asked of a drained host, and without the lease
        return hosts.may_ask(state.hosts.get(name), now)
    return not plan.launching and usable(state.hosts.get(name), now)


def _is_due(known: Readiness | None, host: HostPlan, code: str, now: datetime) -> bool:
    """Whether there is something to find out now."""
    if known is None:
        return True
    if known.stage is Stage.WANTED:
        return known.not_before is None or known.not_before <= now
    if known.stage is Stage.READY:
        return bool(host.environment) and hosts.is_outdated(known, host, now)
    return (known.environment, known.code) != (host.environment, code)


def _begun(state: DispatchState, known: Readiness | None, host: HostPlan, code: str, now: datetime) -> CheckBegun:
    same = known is not None and (known.environment, known.code) == (host.environment, code)
    waited = known is not None and known.stage is Stage.WANTED and (same or not known.number)
    tries = (known.tries if known is not None and waited else 0) + 1
    return CheckBegun(
        at=now,
        host=host.name,
        environment=host.environment,
        code=code,
        tries=tries,
        sample=sample_of(state, host) if known is not None and known.dry_run else "",
        why=f"{host.name} is checked" + (f", try {tries}" if tries > 1 else ""),
    )


def sample_of(state: DispatchState, host: HostPlan) -> str:
    """The first entry of that host, those that still wait before those that ended; empty: there is none."""
    ours = [e for e in state.entries.values() if e.spec.executor == "autolab" and not e.archived]
    fitting = [entry for entry in ours if could_run(entry, host)]
    return min(fitting, key=_turn).id if fitting else ""


def _turn(entry: Entry) -> tuple[bool, int, int, datetime]:
    return (entry.status in TERMINAL, entry.spec.stage, -entry.spec.priority, entry.added_at)


def checks(state: DispatchState, under_way: frozenset[str], plan: LabPlan, now: datetime) -> list[Check]:
    """What is to be done for checks that were begun and that no lane is at work on: after a restart, or a silence."""
    return [
        Check(name, "begun")
        for name, known in state.readiness.items()
        if known.stage is Stage.CHECKING
        and name in plan.hosts
        and name not in under_way
        and hosts.may_ask(state.hosts.get(name), now)
        and not hosts.in_trouble(state.hosts.get(name), now)
    ]


def could_run(entry: Entry, host: HostPlan) -> bool:
    """Whether the design lets ``entry`` run on that host, however full it is."""
    return dispatch.suits(entry, host.name) and (host.gpus is None or entry.spec.resources.gpus <= len(host.gpus))


def clocks(state: DispatchState) -> Iterator[datetime]:
    """When something about checks is due by the clock alone."""
    for known in state.readiness.values():
        yield from (at for at in (known.not_before, known.valid_until) if at is not None)


# --- when no host is left --------------------------------------------------------------------------------------------


def ask(state: DispatchState, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """A question about each failed host that something waits for which can go nowhere else; its own lines, once."""
    failed = {name for name, known in state.readiness.items() if known.stage is Stage.FAILED and name in plan.hosts}
    failed -= {name for name in failed if _left_alone(state.hosts.get(name))}
    failed -= {q.about.removeprefix("host:") for q in state.questions.values() if q.reason == "env_failed"}
    if not failed:
        return
    for name in _only_way(state, plan, failed, now):
        known = state.readiness[name]
        report = known.report or HostReport()
        seen = report.why + (f"\n\n{report.output}" if report.output else "")
        did = f"tried {known.tries} times; nothing is launched there, and what waits for it has no other host"
        yield from ask_about_host(state, state.hosts[name], "env_failed", now, seen=seen, did=did)


def _left_alone(host: HostState | None) -> bool:
    return host is not None and host.status in {HostStatus.DRAINED, HostStatus.QUARANTINED}


def _only_way(state: DispatchState, plan: LabPlan, failed: set[str], now: datetime) -> list[str]:
    found: dict[str, None] = {}
    for entry in state.entries.values():
        if dispatch.is_due(state, entry, now):
            could = [name for name, host in plan.hosts.items() if could_run(entry, host)]
            if could and failed.issuperset(could):
                found |= dict.fromkeys(could)
    return list(found)


def wanted(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """A person wants to know now of these hosts; what is under way already is what they get."""
    for name in dict.fromkeys(wish.ids):
        if name not in plan.hosts:
            raise UnknownName("host", name, plan.hosts)
        why = wish.why or f"{wish.by} wants {name} to be checked"
        dry_run = wish.context.get("dry_run") is True
        yield CheckAsked(at=now, actor=wish.by, host=name, thorough=True, dry_run=dry_run, why=why)
        host = state.hosts.get(name)
        if host is not None and host.not_before is not None:  # a person's word is not made to wait
            asked = replace(host, not_before=None)
            yield HostChanged(at=now, actor=wish.by, host=asked, why=f"{name} may be asked at once")


def told(known: Readiness, policies: Policies) -> dict[str, object]:
    """The member ``environment`` of a host in state.json; ``tries`` counts the one that is under way or comes next."""
    return {
        "stage": known.stage.value,
        "tries": known.tries + (known.stage is Stage.WANTED),
        "of": policies.check_tries,
        "not_before": stamp(known.not_before),
        "why": known.report.why if known.report is not None else "",
    }
