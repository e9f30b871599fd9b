"""GPUs of hosts: which are free and why not, when to ask again, what a job is told, what it was seen to take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from autolab.model.card import REFUSED_CARD, Card, CardNote, CardNotes, CardReport, GivenCard
from autolab.model.documents import best
from autolab.model.event import Event, HostChanged, PeakSeen
from autolab.model.ids import lab8
from autolab.model.observation import Look
from autolab.model.plan import CardRules, HostPlan, LabPlan
from autolab.model.state import DispatchState, Entry, HostState, Run

Reports = Mapping[str, CardReport]
MORE_BY: Final = 1.05  # a peak is news when it is this much above the one before


# --- what is known ---------------------------------------------------------------------------------------------------


def is_asked(plan: HostPlan) -> bool:
    """Whether a tool tells of this host's cards; otherwise they are as the settings say."""
    return plan.probe != "none" and plan.gpus != ()


def listed(report: CardReport | None, plan: HostPlan) -> tuple[Card, ...]:
    """The cards that the settings let be given out there; none where nothing is known."""
    if not is_asked(plan) or (report is not None and not report.probe):
        return tuple(Card(index, f"gpu-{index}") for index in plan.gpus or ())
    if report is None or report.problem:
        return ()
    return tuple(card for card in report.cards if plan.gpus is None or card.index.split(":")[0] in plan.gpus)


def kept_from(card: Card, plan: HostPlan, rules: CardRules, ours: frozenset[str], lab: str) -> str:
    """Why ``card`` is not given out, in words that do not change with every number; "": nothing speaks against it.

    ours  tokens of open attempts of this lab: their processes are no strangers
    lab   first 8 characters of this lab's id: its reservations are in the ledger anyway
    """
    if card.index.split(":")[0] in plan.avoid or card.index in plan.avoid:
        return "not given out: gpu_avoid names its index"
    if named := [one for one in (*plan.avoid, *rules.avoid) if not one.isdigit() and _is_model(card, one)]:
        return f"not given out: gpu_avoid names {named[0]}"
    if card.problem:
        return card.problem
    if stranger := next((user for user in card.users if user.token not in ours), None):
        return f"in use by pid {stranger.pid} of {stranger.user or 'an unknown user'}"
    if holder := next((one for one in card.reserved if one.lab != lab), None):
        return f"reserved by {holder.id or 'somebody'} of user {holder.user} (lab {holder.lab or 'unknown'})"
    if card.users:
        return ""  # all of them ours: their use and memory are not a stranger's
    if card.utilization is not None and card.utilization >= rules.busy_percent:
        return f"busy: {rules.busy_percent:g} % or more"
    if card.memory_mib and card.used_mib is not None and card.used_mib >= rules.used_fraction * card.memory_mib:
        return f"memory in use: {100 * rules.used_fraction:g} % or more"
    return ""


def _is_model(card: Card, named: str) -> bool:
    return named.casefold() in card.model.casefold()


def tokens(state: DispatchState) -> frozenset[str]:
    """Of all attempts that may be alive: a process that carries one is not a stranger."""
    return frozenset(run.token for entry in state.entries.values() if (run := entry.open_run) is not None)


def _ended_since(state: DispatchState, host: str, asked_at: datetime | None) -> frozenset[str]:
    """Tokens of attempts there that have ended since the host was asked: it saw them, and they are no strangers."""
    ended = (entry.run for entry in state.entries.values() if entry.run is not None and entry.run.host == host)
    return frozenset(r.token for r in ended if asked_at is not None and r.end is not None and r.end.at >= asked_at)


def noted(state: DispatchState, reports: Reports, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """What hosts said of their cards, where that is news: for people, and for whoever asks why something waits."""
    ours = tokens(state) if reports else frozenset()
    for name, report in reports.items():
        if name not in plan.hosts:
            continue
        host = state.hosts.get(name) or HostState(name=name)
        then = ours | _ended_since(state, name, report.at)
        notes = notes_of(report, plan.hosts[name], plan.cards, then, lab8(state.lab))
        if host.cards != notes:
            yield HostChanged(at=now, host=replace(host, cards=notes), why=f"{name}: {_news(host.cards, notes)}")


def _news(before: CardNotes | None, now: CardNotes) -> str:
    if now.problem:
        return now.problem
    if not now.probe:
        return "no tool there tells of GPUs" if not now.cards else f"has {len(now.cards)} GPUs by the settings"
    known = {note.index: note for note in before.cards} if before is not None else {}
    if known.keys() != {note.index for note in now.cards}:
        return f"lists {len(now.cards)} GPU{'' if len(now.cards) == 1 else 's'}"
    changed = [note for note in now.cards if known[note.index] != note]
    return "; ".join(f"GPU {note.index} {note.why or 'is free'}" for note in changed[:4]) or "its GPUs are known again"


def notes_of(report: CardReport, plan: HostPlan, rules: CardRules, ours: frozenset[str], lab: str) -> CardNotes:
    """A report as the state keeps it."""
    cards = tuple(
        CardNote(card.index, card.model, card.memory_mib, kept_from(card, plan, rules, ours, lab))
        for card in listed(report, plan)
    )
    return CardNotes(report.probe, cards, report.problem)


# --- when to ask -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asking:
    """Hosts to ask about their cards now, and when the next is due."""

    now: frozenset[str]
    next_at: datetime | None


def to_ask(
    state: DispatchState, plan: LabPlan, asked: Mapping[str, datetime], hungry: Iterable[Entry], now: datetime
) -> Asking:
    """Which hosts' cards somebody wants to know of: because an experiment waits for one, or runs on one.

    asked   host -> when it was last asked
    hungry  what waits for nothing but room and wants a card
    """
    hosts = {name for name, host in plan.hosts.items() if is_asked(host)}
    if not hosts:
        return Asking(frozenset(), None)
    waiting = any(True for _ in hungry)
    due: dict[str, datetime] = {}
    let_go, at_work = last_ends(state), _at_work(state)
    for name in hosts:
        if not waiting and name not in at_work:
            continue
        last = asked.get(name)
        if last is None:
            due[name] = now
            continue
        every = plan.cards.look_s if waiting else plan.cards.measure_s
        due[name] = last + timedelta(seconds=every)
        if waiting and any(end >= last for end in let_go.get(name, {}).values()):
            due[name] = now
    later = [at for at in due.values() if at > now]
    return Asking(frozenset(name for name, at in due.items() if at <= now), min(later, default=None))


def _at_work(state: DispatchState) -> set[str]:
    runs = (entry.open_run for entry in state.entries.values())
    return {run.host for run in runs if run is not None and run.cards and run.claim is not None}


def last_ends(state: DispatchState) -> dict[str, dict[str, datetime]]:
    """Host -> card -> when the last attempt there ended: what was said of the card before shows it at work."""
    ends: dict[str, dict[str, datetime]] = {}
    for entry in state.entries.values():
        run = entry.run
        if run is not None and run.end is not None and run.gpus:
            here = ends.setdefault(run.host, {})
            for index in run.gpus:
                here[index] = max(here.get(index, run.end.at), run.end.at)
    return ends


def refusal(entry: Entry) -> str:
    """Why the child of the open attempt would not take a card it was given; "": it did not say so."""
    told = best(entry, "sighting")
    if not isinstance(told, Mapping) or told.get("look") != Look.SEEN or not told.get("refusals"):
        return ""
    reason = str(told.get("reason", ""))
    return reason if reason.startswith(REFUSED_CARD) else ""


# --- what a job is told ----------------------------------------------------------------------------------------------


def visible(gpus: tuple[str, ...], cards: tuple[GivenCard, ...], probe: str) -> dict[str, str]:
    """The variables that show a job its cards and no others, as its cards' vendor wants them.

    Sources: CUDA's manual (CUDA_VISIBLE_DEVICES takes UUIDs, of MIG instances too), AMD's "GPU isolation techniques"
    (ROCR_VISIBLE_DEVICES takes UUIDs or indices, HIP_VISIBLE_DEVICES indices among what that left), MetaX's runtime.
    """
    indices = ",".join(gpus)
    if probe == "amd-smi":
        left = ",".join(str(place) for place in range(len(gpus)))
        named = ",".join(card.uuid or card.index for card in cards)
        return {"ROCR_VISIBLE_DEVICES": named, "HIP_VISIBLE_DEVICES": left, "CUDA_VISIBLE_DEVICES": left}
    if probe == "mx-smi":
        return {"MACA_VISIBLE_DEVICES": indices, "CUDA_VISIBLE_DEVICES": indices}
    named = ",".join(card.uuid or card.index for card in cards) or indices
    return {"CUDA_VISIBLE_DEVICES": named, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


# --- what it was seen to take ----------------------------------------------------------------------------------------


def peaks(state: DispatchState, reports: Reports, now: datetime) -> Iterator[Event]:
    """More memory of a card than an attempt was seen to take before."""
    for entry in list(state.entries.values()) if reports else ():
        run = entry.open_run
        if run is None or not run.cards or run.claim is None:
            continue
        mib = _taken(run, reports.get(run.host))
        if mib > MORE_BY * (run.peak_mib or 0):
            yield PeakSeen(at=now, id=entry.id, attempt=run.number, mib=mib, why=f"takes {mib} MiB of a GPU")


def _taken(run: Run, report: CardReport | None) -> int:
    """What it takes of the card it takes most of, MiB; 0: not told."""
    if report is None or report.at is None or run.started_at is None or report.at < run.started_at:
        return 0
    most = 0
    for given in run.cards:
        card = next((card for card in report.cards if card.index == given.index), None)
        if card is None:
            continue
        own = sum(user.mib or 0 for user in card.users if user.token == run.token)
        alone = given.mib is None and all(user.token == run.token for user in card.users)
        most = max(most, own or (card.used_mib or 0 if alone and card.users else 0))
    return most
