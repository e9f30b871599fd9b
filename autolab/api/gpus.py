"""The GPUs of hosts as they are now: free or not and why, and who is on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from autolab.api.place import read_state
from autolab.api.project import Project, clock
from autolab.engine.lab import connections
from autolab.engine.plan import card_rules, host_plan
from autolab.errors import AutolabError
from autolab.executors.dialects.process import Process
from autolab.executors.executor import Executor
from autolab.hosts.pool import Pool
from autolab.model.card import Card, CardReport
from autolab.model.ids import lab8, token
from autolab.model.plan import HostPlan
from autolab.rules.cards import kept_from, listed

if TYPE_CHECKING:
    from autolab.api.gpu_results import GpuHolder, GpuHost, GpuLine, GpusReport

AT_WORK: Final = frozenset({"running", "unreachable"})
AT_ONCE: Final = 8  # hosts that are asked at the same time


def host_gpus(project: Project, names: Iterable[str] = ()) -> GpusReport:
    """Ask hosts (default: all that give out GPUs) about their cards, now. Launches nothing and changes nothing.

    raises  UnknownName; a host that does not answer is a line with its problem
    """
    named = list(names)
    for name in named:
        project.settings.host(name)
    wanted = named or [name for name, host in project.settings.hosts.items() if host.gpus != "none"]
    ours = _ours(project)
    with (
        closing(connections(project.settings, project.layout, clock)) as pool,
        ThreadPoolExecutor(AT_ONCE) as asking,
    ):
        hosts = list(asking.map(lambda name: _host(project, pool, name, ours), wanted))
    return {"at": clock().strftime("%Y-%m-%dT%H:%M:%SZ"), "hosts": hosts}


def _ours(project: Project) -> list[Mapping[str, Any]]:
    """The lab's experiments that hold something."""
    entries = read_state(project)["experiments"]
    return [e for e in entries if e["status"] in AT_WORK or (e["status"] == "pending" and e.get("substatus"))]


def _host(project: Project, pool: Pool, name: str, ours: Sequence[Mapping[str, Any]]) -> GpuHost:
    plan = host_plan(project.settings, name, project.layout.lab, project.layout.root)
    probe = "auto" if plan.probe == "none" else plan.probe
    try:
        report = Executor(pool.connection(name), Process(), clock).cards(probe, plan.card_dir, (name,))
    except AutolabError as error:
        return {"name": name, "probe": "", "problem": error.message, "gpus": []}
    here = [entry for entry in ours if entry.get("host") == name]
    lines = [_line(project, plan, report, card, here) for card in report.cards]
    return {"name": name, "probe": report.probe, "problem": report.problem, "gpus": lines}


def _line(
    project: Project, plan: HostPlan, report: CardReport, card: Card, here: Sequence[Mapping[str, Any]]
) -> GpuLine:
    lab = project.layout.lab
    ids = {token(lab, entry["id"], int(entry.get("attempt") or 0)): entry["id"] for entry in here}
    holders = [entry["id"] for entry in here if card.index in str(entry.get("gpu", "")).split(",")]
    offered = any(one.index == card.index for one in listed(report, replace(plan, probe="auto")))
    why = kept_from(card, plan, card_rules(project.settings.gpus), frozenset(ids), lab8(lab))
    if holders:
        why = f"held by {', '.join(holders)}"
    elif not offered:
        why = "not given out: see `gpus` of the host in autolab.yaml"
    return {
        "index": card.index,
        "uuid": card.uuid,
        "model": card.model,
        "memory_mib": card.memory_mib,
        "used_mib": card.used_mib,
        "utilization": card.utilization,
        "free": not (why or report.problem),
        "why": why or report.problem,
        "holders": _holders(card, holders, ids, lab8(lab)),
    }


def _holders(card: Card, experiments: Sequence[str], ids: Mapping[str, str], lab: str) -> list[GpuHolder]:
    """Experiments of this lab, strangers' processes, reservations of other labs."""
    found: list[GpuHolder] = [
        {"kind": "experiment", "id": ident, "user": "", "pid": None, "mib": _sum(card, ids, ident), "lab": lab}
        for ident in experiments
    ]
    found += [
        {"kind": "process", "id": "", "user": user.user, "pid": user.pid, "mib": user.mib, "lab": ""}
        for user in card.users
        if user.token not in ids
    ]
    found += [
        {"kind": "reservation", "id": one.id, "user": one.user, "pid": None, "mib": one.mib, "lab": one.lab}
        for one in card.reserved
        if one.lab != lab
    ]
    return found


def _sum(card: Card, ids: Mapping[str, str], ident: str) -> int | None:
    """What its processes take of the card; None: not told."""
    said = [user.mib for user in card.users if ids.get(user.token) == ident and user.mib is not None]
    return sum(said) if said else None
