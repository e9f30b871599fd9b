"""A look at an attempt to what it proves. The first matching row of the protocol's table of ends holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from autolab.model.card import REFUSED_CARD
from autolab.model.event import Ended, Event, HostLost, SeenAgain, Staged, Started, Vanished
from autolab.model.observation import NOTHING_SAID, Claim, ExitRecord, Liveness, Look, Sighting
from autolab.model.plan import Policies
from autolab.model.state import End, EndHow, Entry, Run, Status
from autolab.rules import survivors

KILLED: Final = 128 + 9
NO_WORD = frozenset({Look.UNREACHABLE, Look.NO_ANSWER, Look.REFUSED, Look.UNREADABLE})


def judge(entry: Entry, sighting: Sighting, policies: Policies, now: datetime) -> Iterator[Event]:
    """What ``sighting`` means for the open attempt of ``entry``; nothing for one that is closed."""
    run = entry.open_run
    if run is None:
        return
    if sighting.look in NO_WORD:
        yield from _silence(entry, run, sighting, now)
    elif sighting.look is not Look.SEEN or puzzle(entry, sighting):
        return
    elif sighting.fenced:
        yield _fenced(entry, sighting, now)
    elif sighting.claim is not None:
        if run.claim is None:
            yield _of(Started, entry, now, claim=sighting.claim, why=_started(run, sighting.claim))
        yield from _claimed(entry, run, sighting, policies, now)
    elif sighting.staged_boot is not None and run.staged_at is None:
        yield _of(Staged, entry, now, boot_id=sighting.staged_boot, why=f"staged on {run.host}")


def _fenced(entry: Entry, sighting: Sighting, now: datetime) -> Event:
    if sighting.refusals and sighting.reason.startswith(REFUSED_CARD):
        return _ended(entry, EndHow.CARD_TAKEN, now, sighting.reason)
    return _ended(entry, EndHow.FENCED, now, "nothing of this attempt ever started, and nothing can")


def puzzle(entry: Entry, sighting: Sighting) -> str:
    """Why what was seen proves nothing although the host answered, in words; empty: it makes sense.

    A person decides about these: the record that should be there is not, or belongs to something else.
    """
    run = entry.open_run
    if run is None or sighting.look is not Look.SEEN:
        return ""
    if sighting.garbled:
        return f"the claim in {run.dir} cannot be read: {sighting.garbled}"
    if sighting.fenced and run.claim is not None:
        return f"a fence lies in {run.dir} where a claim was seen before"
    if sighting.claim is None and not sighting.fenced:
        if run.claim is not None:
            return f"the claim that was seen in {run.dir} is missing"
        if run.staged_at is not None and not sighting.run:
            return f"the folder {run.dir} that was staged is gone"
        return ""
    claim = sighting.claim
    if claim is None:
        return ""
    if (claim.id, claim.attempt, claim.spec_hash) != (entry.id, run.number, run.spec_hash):
        return f"the claim in {run.dir} belongs to {claim.id} attempt {claim.attempt}, not to what was intended"
    if run.claim is not None and run.claim.nonce != claim.nonce:
        return f"the claim in {run.dir} is another one than the one seen before"
    if sighting.exit is not None and sighting.exit.nonce != claim.nonce:
        return f"the exit record in {run.dir} belongs to another claim"
    if sighting.exit is None and not sighting.refused and sighting.child is Liveness.UNKNOWN:
        return _elsewhere(run, claim, sighting)
    return ""


def _elsewhere(run: Run, claim: Claim, sighting: Sighting) -> str:
    """Who answered is not who claimed: either a proven restart (no puzzle), or unknown."""
    host = sighting.host
    if (host.machine_id, host.node) != (claim.machine_id, claim.node):
        return f"{host.node or 'another machine'} answers for {run.host}; the attempt was claimed on {claim.node}"
    if host.boot_id == claim.boot_id:
        return f"{run.host} looks out of another pid namespace than the one that claimed it: a restarted container?"
    if restarted(run, sighting):
        return ""
    return f"{run.host} shows another boot id, and has been up for longer than since it was last seen"


def restarted(run: Run, sighting: Sighting) -> bool:
    """The very machine that claimed it was booted since we last saw it: nothing of before lives on."""
    claim, host = run.claim or sighting.claim, sighting.host
    if claim is None or not host.boot_id or host.boot_id == claim.boot_id:
        return False
    if (host.machine_id, host.node) != (claim.machine_id, claim.node):
        return False
    last = run.seen_at or run.intended_at
    return timedelta(seconds=host.uptime_s) < sighting.at - last


def _claimed(entry: Entry, run: Run, sighting: Sighting, policies: Policies, now: datetime) -> Iterator[Event]:
    if sighting.refused:
        yield _ended(entry, EndHow.REFUSED, now, sighting.refused)
    elif sighting.exit is not None:
        status = sighting.exit.status
        ran_s = _ran_s(sighting.claim, sighting.exit)
        detail, left = exit_words(status) + survivors.words(sighting.others), sighting.others
        causes = ("cgroup_oom",) if sighting.exit.ooms and status == KILLED else ()
        end = End(how=EndHow.EXIT, at=now, status=status, detail=detail, ran_s=ran_s, survivors=left, causes=causes)
        yield _of(Ended, entry, now, end=end, why=end.detail)
    elif sighting.child is Liveness.UNKNOWN:
        if restarted(run, sighting):
            yield _ended(entry, EndHow.HOST_RESTART, now, f"{run.host} was restarted")
    elif sighting.child is Liveness.ALIVE or sighting.others or sighting.unreadable:
        if entry.status is Status.UNREACHABLE or run.gone_at is not None:
            yield _of(SeenAgain, entry, now, why=f"alive on {run.host}")
    elif sighting.runner is Liveness.GONE:
        yield from _nothing_alive(entry, run, sighting, policies, now)
    elif entry.status is Status.UNREACHABLE:
        yield _of(SeenAgain, entry, now, why=f"finishing on {run.host}")


def _nothing_alive(entry: Entry, run: Run, sighting: Sighting, policies: Policies, now: datetime) -> Iterator[Event]:
    if run.gone_at is None:
        yield _of(Vanished, entry, now, why=f"no process and no exit record on {run.host}; looking again")
    elif sighting.at - run.gone_at >= timedelta(seconds=policies.gone_again_s):
        yield _ended(entry, EndHow.LOST, now, "killed together with its runner; the exit code cannot be known")


def _silence(entry: Entry, run: Run, sighting: Sighting, now: datetime) -> Iterator[Event]:
    if sighting.untouched and sighting.look in NOTHING_SAID and run.staged_at is None:
        yield _ended(entry, EndHow.WITHDRAWN, now, f"{run.host} does not answer: {sighting.reason}")
    elif entry.status is Status.RUNNING and entry.spec.executor == "autolab":
        yield _of(HostLost, entry, now, why=f"{run.host} does not answer: {sighting.reason}")


def exit_words(status: int) -> str:
    """The shell's status for people; above 128 it is that signal, or a program's own code."""
    if status <= 128:
        return f"exit status {status}"
    return f"exit status {status} (signal {status - 128}, or the program's own code)"


def _started(run: Run, claim: Claim) -> str:
    gpus = f":gpu{','.join(run.gpus)}" if run.gpus else ""
    return f"started on {run.host}{gpus} pid={claim.pid}"


def _of(kind: type[Event], entry: Entry, now: datetime, **facts: Any) -> Event:
    return kind(at=now, id=entry.id, attempt=entry.attempt, **facts)


def _ended(entry: Entry, how: EndHow, now: datetime, detail: str) -> Event:
    return _of(Ended, entry, now, end=End(how=how, at=now, detail=detail), why=detail)


TICKS_S: Final = 100  # of proc(5) start times: USER_HZ, the same on every Linux since 2.6


def _ran_s(claim: Claim | None, ended: ExitRecord) -> float | None:
    """How long the command ran by its host's clock since boot, whenever we came to see it."""
    if claim is None or not ended.uptime_s:
        return None
    ran = ended.uptime_s - claim.start_ticks / TICKS_S
    return round(ran, 2) if ran >= 0 else None
