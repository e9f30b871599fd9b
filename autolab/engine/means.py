"""The settings in force and what is made of them: a host's executor, the orders of an attempt, the plan of a tick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from autolab.engine.check_orders import Environments
from autolab.engine.lab import Lab, dialect_of
from autolab.engine.plan import Orders, plan_of
from autolab.engine.watcher import Watcher
from autolab.engine.wheel import Wheel
from autolab.executors.dialects.process import Process
from autolab.executors.executor import Executor
from autolab.model.action import Driver
from autolab.model.plan import LabPlan
from autolab.model.settings import Settings
from autolab.store.failures import effective_table
from autolab.store.layout import Layout


class Means:
    """What acting needs. ``settings`` may be replaced between two ticks; connections stay as they were made."""

    def __init__(self, layout: Layout, settings: Settings, lab: Lab, clock: Callable[[], datetime]) -> None:
        self.layout, self.settings, self.lab, self.clock = layout, settings, lab, clock
        self.failures = effective_table(settings)
        self._executors: dict[tuple[str, Process], Executor] = {}  # they remember what they saw

    def executor(self, host: str) -> Executor:
        """The one that speaks to this host as the settings say now."""
        dialect = dialect_of(self.settings)
        made = self._executors.get((host, dialect))
        if made is None:  # two lanes may make one each: they forget what the other was told, and nothing else
            connection = self.lab.pool.connection(host)
            made = self._executors[host, dialect] = Executor(connection, dialect, self.clock)
        return made

    def orders(self) -> Orders:
        """What turns an attempt into requests; secrets are read anew."""
        standing = self.lab.seat.standing()
        return Orders(
            lab=self.layout.lab,
            root=self.layout.root,
            settings=self.settings,
            snapshots=self.layout.code,
            driver=Driver(standing.number, standing.clone),
            secrets=self.lab.secrets(),
        )

    def logins(self, now: datetime) -> dict[str, int]:
        """Host -> logins of this clone in the last hour."""
        return {name: self.lab.pool.logins(name, now) for name in self.settings.hosts}


class Planning:
    """What decisions need to know of the settings, of the lease and of the code as they are now."""

    def __init__(self, means: Means, wheel: Wheel, watcher: Watcher, environments: Environments) -> None:
        self._means, self._wheel, self._watcher, self._environments = means, wheel, watcher, environments

    def plan(self, launch: bool = True) -> LabPlan:
        """The plan of a tick. ``launch`` False: nothing may be launched by it."""
        why = "" if launch else "this command says nothing to hosts"
        not_driving = self._wheel.problem
        problem = not_driving or self._watcher.code_problem or why
        environments = self._environments.hashes(self._watcher.digest)
        layout, means = self._means.layout, self._means
        plan = plan_of(means.settings, layout.lab, layout.root, problem, means.failures, environments)
        return replace(plan, not_driving=not_driving)

    def shown(self) -> LabPlan:
        """The same as people are shown it: what nobody had a reason to ask yet is no problem."""
        return replace(self.plan(), launching=self._wheel.shown or self._watcher.code_problem)
