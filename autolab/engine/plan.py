"""From the settings to what decisions and orders need: plain plans, and the orders of one attempt."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from autolab.model.action import Code, Driver, Job, StageOrder
from autolab.model.failure import Table
from autolab.model.host import LocalHost
from autolab.model.ids import lab8, run_name
from autolab.model.plan import AnswersPlan, CardRules, HostPlan, LabPlan, PatiencePlan, Policies
from autolab.model.settings import GpuSettings, Settings
from autolab.model.state import Entry, Run
from autolab.rules.cards import visible
from autolab.rules.environment import command_text

# What a snapshot leaves out and a job may want to read or write: it lives in the project's folder on the host.
LINKED: Final = ("experiments/results", "experiments/logs", "checkpoints", "dispatch")


def plan_of(
    settings: Settings,
    lab: str,
    root: Path,
    launching: str = "",
    failures: Table = (),
    environments: Mapping[str, str] | None = None,
) -> LabPlan:
    """The settings as decisions see them. ``launching``: why nothing may be launched; empty: it may.

    environments  host -> hash of its environment, of those that need one
    """
    needed = environments or {}
    plans = {name: host_plan(settings, name, lab, root) for name in settings.hosts}
    return LabPlan(
        hosts={name: replace(plan, environment=needed.get(name, "")) for name, plan in plans.items()},
        policies=policies_of(settings),
        patience=patience_of(settings),
        answers=answers_of(settings),
        cards=card_rules(settings.gpus),
        launching=launching,
        failures=failures,
    )


def host_plan(settings: Settings, name: str, lab: str, root: Path) -> HostPlan:
    """One host; a local one without ``dir`` keeps what jobs write apart from the work tree until it is checked."""
    host = settings.host(name)
    run_root = f"{host.state_dir.rstrip('/')}/{lab8(lab)}"
    apart = isinstance(host, LocalHost) and host.dir is None
    return HostPlan(
        name=name,
        kind=host.kind,
        slots=host.slots,
        gpus=_gpus(host.gpus),
        probe=host.gpu_probe,
        avoid=host.gpu_avoid,
        share=host.gpu_share,
        card_dir=host.card_dir,
        cpus=host.cpus,
        mem_mib=host.mem,
        project_dir=f"{run_root}/project" if apart else settings.project_dir(name, str(root)),
        by_hand_dir=settings.project_dir(name, str(root)),
        run_root=run_root,
    )


def _gpus(given: str | int | tuple[int, ...]) -> tuple[str, ...] | None:
    """Card indices that may be given out; None: whatever the host lists."""
    if isinstance(given, str):
        return None if given == "auto" else ()
    return tuple(str(index) for index in (given if isinstance(given, tuple) else range(given)))


def card_rules(given: GpuSettings) -> CardRules:
    """The numbers about GPUs."""
    return CardRules(
        busy_percent=given.busy_percent,
        used_fraction=given.used_fraction,
        memory_factor=given.memory_factor,
        settle_s=given.settle.total_seconds(),
        look_s=given.look_every.total_seconds(),
        measure_s=given.measure_every.total_seconds(),
        avoid=given.avoid,
        estimate=given.estimate or "",
    )


def policies_of(settings: Settings) -> Policies:
    """The numbers decisions use, in seconds."""
    given = settings.policies
    return Policies(
        look_s=given.look_fastest.total_seconds(),
        look_max_s=given.look_slowest.total_seconds(),
        hold_s=given.look_held.total_seconds(),
        gone_again_s=given.gone_again.total_seconds(),
        result_grace_s=given.result_grace.total_seconds(),
        result_again_s=given.result_again.total_seconds(),
        start_tries=given.start_tries,
        start_again_s=given.start_again.total_seconds(),
        ask_after_misses=given.ask_after_misses,
        end_survivors=given.end_survivors,
        kill_again_s=given.kill_again.total_seconds(),
        backoff_s=tuple(step.total_seconds() for step in given.backoff),
        fast_fail_s=given.quarantine_within.total_seconds(),
        quarantine_after=given.quarantine_after,
        give_up_hosts=given.give_up_hosts,
        log_s=given.log_every.total_seconds(),
        sidecar_patience=given.sidecar_patience,
        check_tries=settings.checks.tries,
        environment_valid_s=settings.checks.environment_valid.total_seconds(),
        cards_valid_s=settings.checks.cards_valid.total_seconds(),
    )


def patience_of(settings: Settings) -> PatiencePlan:
    """When people are asked, in seconds, shares and counts."""
    given = settings.patience
    return PatiencePlan(
        overdue=given.overdue,
        remind=given.remind,
        phase_s=given.phase.total_seconds(),
        old_phase_s=given.old_phase.total_seconds(),
        silent_log_s=given.silent_log.total_seconds(),
        idle_gpu_s=given.idle_gpu.total_seconds(),
        misses=given.misses,
        missed_share=given.missed_share,
        least_looks=given.least_looks,
        group_failed=given.group_failed,
        group_least=given.group_least,
        look_told_s=given.look_told.total_seconds(),
        away_s=given.away.total_seconds(),
    )


def answers_of(settings: Settings) -> AnswersPlan:
    """Who may answer, and what is done where nobody does."""
    given = settings.answers
    return AnswersPlan(
        who=given.who,
        reserved=frozenset(given.reserved),
        defaults={reason: (each.option, each.after.total_seconds()) for reason, each in given.defaults.items()},
        evidence_lines=given.evidence_lines,
        code_sent=given.code_by is not None,
    )


@dataclass(frozen=True, slots=True)
class Orders:
    """Everything that turns an attempt into requests: the lab, its settings, where snapshots lie."""

    lab: str
    root: Path
    settings: Settings
    snapshots: Path
    driver: Driver
    secrets: Mapping[str, str]

    def job(self, entry: Entry, run: Run) -> Job:
        """The attempt as every request names it."""
        return Job(
            lab=self.lab,
            id=entry.id,
            attempt=run.number,
            dir=run.dir,
            token=run.token,
            spec_hash=run.spec_hash,
            project_dir=run.project_dir,
            result_file=entry.spec.result_file,
            cards=run.cards,
            card_probe=run.card_probe,
            card_dir=self.settings.host(run.host).card_dir,
        )

    def stage(self, entry: Entry, run: Run) -> StageOrder:
        """Everything its folder holds before it starts."""
        host = self.settings.host(run.host)
        near = self.near(run.host, run.project_dir)
        return StageOrder(
            job=self.job(entry, run),
            code=self.snapshot(run.host, run.code, run.dir.rsplit("/", 2)[0], run.project_dir),
            cmd=command_text(entry.spec, host, run.command, near),
            env=self.environment(entry, run),
            spec_json=orjson.dumps(self.spec_document(entry, run), option=orjson.OPT_INDENT_2).decode(),
        )

    def near(self, name: str, project_dir: str) -> str:
        """Where environments and declared data of the project lie on that host."""
        host = self.settings.host(name)
        return str(self.root) if isinstance(host, LocalHost) and host.dir is None else project_dir

    def snapshot(self, name: str, digest: str, run_root: str, project_dir: str) -> Code:
        """The code on that host. Links lead to where results, checkpoints and declared data live there."""
        links = {each: f"{project_dir}/{each}" for each in LINKED}
        near = self.near(name, project_dir)
        for path in self.settings.host(name).data:
            if not path.startswith(("/", "~")):
                links[path.rstrip("/")] = f"{near}/{path.rstrip('/')}"
        return Code(
            digest=digest, dir=f"{run_root}/code/{digest}", archive=self.snapshots / f"{digest}.tar", links=links
        )

    def environment(self, entry: Entry, run: Run) -> dict[str, str]:
        """Variables of the command: the user's, the secrets', what remedies changed, and ours."""
        ours = {
            "AUTOLAB_RUN_JSON": f"{run.project_dir}/dispatch/{entry.id}.run.json",
            "AUTOLAB_RUN_NAME": run_name(entry.id, run.number),
        }
        if run.gpus:
            ours |= visible(run.gpus, run.cards, run.card_probe)
        elif _gpus(self.settings.host(run.host).gpus) != ():
            ours["CUDA_VISIBLE_DEVICES"] = ""  # a host with cards: an experiment that asked for none sees none
        return {**self.secrets, **entry.spec.env, **run.env, **ours}

    def spec_document(self, entry: Entry, run: Run) -> dict[str, Any]:
        """``spec.json``: what runs there, for people and for another driver (AttemptDocument); no secret is in it."""
        return {
            "lab": self.lab,
            "id": entry.id,
            "attempt": run.number,
            "token": run.token,
            "spec_hash": run.spec_hash,
            "code": run.code,
            "command": run.command,
            "host": run.host,
            "gpus": run.gpus,
            "project_dir": run.project_dir,
            "env": run.env,
            "intended_at": run.intended_at,
            "result_file": entry.spec.result_file,
            "spec": entry.spec,
        }


def home_path(path: str) -> Path:
    """A path on this machine that may begin with ``~/``."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises where there is no home
