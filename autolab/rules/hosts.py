"""What is known of hosts by what looks at their jobs say, and when they may be asked again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from autolab.model.event import Event, HostChanged
from autolab.model.observation import Look, Sighting
from autolab.model.plan import HostPlan, Policies
from autolab.model.readiness import Readiness, Stage
from autolab.model.state import DispatchState, HostState, HostStatus
from autolab.rules.questions import ask_about_host, withdraw

SILENT = frozenset({Look.UNREACHABLE, Look.NO_ANSWER, Look.UNREADABLE})
TROUBLE = frozenset({Look.NO_SPACE, Look.CANNOT, Look.NOT_DRIVER})
BY_PERSON = frozenset({HostStatus.DRAINED, HostStatus.QUARANTINED})  # a look does not change these


def heard(state: DispatchState, name: str, sighting: Sighting, policies: Policies, now: datetime) -> Iterator[Event]:
    """What one look says of its host; several jobs of the same look say it once."""
    host = state.hosts.get(name) or HostState(name=name)
    if sighting.look is Look.SEEN:
        yield from _answered(state, host, sighting, now)
    elif host.missed_at is not None and sighting.at <= host.missed_at:
        return
    elif sighting.look in SILENT:
        yield _missed(host, HostStatus.UNREACHABLE, sighting, policies, now)
    elif sighting.look in TROUBLE:
        yield _missed(host, HostStatus.TROUBLED, sighting, policies, now)
    elif sighting.look is Look.REFUSED:
        yield _missed(host, HostStatus.REFUSED, sighting, policies, now)
        did = "no further login is tried until you say so, and at most every half hour"
        yield from ask_about_host(state, host, "host_refused", now, seen=sighting.reason, did=did)


def _answered(state: DispatchState, host: HostState, sighting: Sighting, now: datetime) -> Iterator[Event]:
    facts = replace(sighting.host, uptime_s=0.0)
    status = host.status if host.status in BY_PERSON else HostStatus.READY
    if (status, facts) == (host.status, host.facts) and not host.misses:
        return
    if in_trouble(host, now):
        return  # that it answers makes no room on its disk
    since = host.since if status is host.status else now
    changed = replace(host, status=status, facts=facts, misses=0, not_before=None, since=since)
    changed = replace(changed, why="" if status is HostStatus.READY else host.why)
    yield HostChanged(at=now, host=changed, why=f"{host.name} answers")
    yield from withdraw(state, f"host:{host.name}", now, "it answers again", "host_refused")


def _missed(host: HostState, status: HostStatus, sighting: Sighting, policies: Policies, now: datetime) -> Event:
    misses = host.misses + 1
    steps = policies.backoff_s
    wait = timedelta(seconds=steps[-1] if status is HostStatus.REFUSED else steps[min(misses, len(steps)) - 1])
    status = host.status if host.status in BY_PERSON else status
    changed = replace(
        host,
        status=status,
        since=host.since if host.status is status else now,
        why=sighting.reason,
        misses=misses,
        missed_at=sighting.at,
        not_before=now + wait,
    )
    return HostChanged(
        at=now, host=changed, why=f"{host.name}: {sighting.reason}; next try in {wait.total_seconds():g} s"
    )


def may_ask(host: HostState | None, now: datetime) -> bool:
    """Whether the back-off lets us say anything to the host now; one in trouble answers, and what runs is looked at."""
    return host is None or host.not_before is None or host.not_before <= now or host.status is HostStatus.TROUBLED


def in_trouble(host: HostState | None, now: datetime) -> bool:
    """It answers and cannot take anything new before its back-off is over."""
    return host is not None and host.status is HostStatus.TROUBLED and bool(host.not_before and host.not_before > now)


def is_open(state: DispatchState, host: HostPlan, now: datetime) -> bool:
    """Whether new work may go there, as far as the host's being ready is known and needed."""
    known = state.readiness.get(host.name)
    if known is not None and known.stage is Stage.FAILED:
        return False
    if not host.environment:
        return True
    return known is not None and known.stage is Stage.READY and not is_outdated(known, host, now)


def is_outdated(known: Readiness, host: HostPlan, now: datetime) -> bool:
    """Of one that was found ready: its environment is another now, or that was too long ago."""
    return known.environment != host.environment or (known.valid_until is not None and known.valid_until <= now)


def relieve(state: DispatchState, now: datetime) -> Iterator[Event]:
    """A host in trouble whose back-off is over may be tried again with new work: it answers, and nothing else tells.

    One that was silent is asked first whether it is there (``hello``).
    """
    for host in list(state.hosts.values()):
        troubled = host.status is HostStatus.TROUBLED
        if troubled and host.not_before is not None and host.not_before <= now and not has_work(state, host):
            again = replace(host, status=HostStatus.UNKNOWN, since=now, not_before=None)
            yield HostChanged(at=now, host=again, why=f"{host.name} is tried again")


def has_work(state: DispatchState, host: HostState) -> bool:
    """Something of ours is open there, so that it is looked at anyway."""
    return any(run is not None and run.host == host.name for run in (e.open_run for e in state.entries.values()))
