"""From the settings to what a check does on a host, and to what its answers mean."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from autolab.engine.plan import LINKED, Orders, host_plan
from autolab.errors import InvalidSpec
from autolab.executors import errands
from autolab.model.action import Code, StageOrder
from autolab.model.host import CondaEnv, NoEnv
from autolab.model.plan import HostPlan
from autolab.model.readiness import HostReport, Readiness
from autolab.model.settings import Settings
from autolab.model.state import Entry
from autolab.rules.environment import create_text, entered_text, install_text, probe_text
from autolab.rules.host_report import Machine, Said, probe_shell, report_of
from autolab.store.files import Files
from autolab.store.layout import Layout

_LIMIT: Final = 1 << 20
# Of a dry run: a tracker would show it among the real runs, and a card may be somebody's.
_QUIET: Final = {"WANDB_MODE": "disabled", "CUDA_VISIBLE_DEVICES": ""}


@dataclass(frozen=True, slots=True)
class CheckOrders:
    """Everything that turns a check into requests."""

    of: Orders

    @property
    def settings(self) -> Settings:
        return self.of.settings

    @property
    def ready_s(self) -> float:
        """How long the errand that makes an environment ready may take: it looks into it twice."""
        given = self.settings.checks
        return (2 * given.probe_within + given.create_within + given.install_within).total_seconds()

    @property
    def dry_run_s(self) -> float:
        return 2 * self.settings.checks.dry_run_within.total_seconds()

    def places(self, name: str) -> dict[str, str]:
        """The folders whose disks matter."""
        return {"project": self._plan(name).project_dir, "state": self.settings.host(name).state_dir}

    def ready(self, known: Readiness) -> StageOrder:
        """The errand that makes the host's environment ready and looks into it."""
        host, given = self.settings.host(known.host), self.settings.checks
        near = self.of.near(known.host, self._plan(known.host).project_dir)
        texts = {
            "probe": probe_text(host.env, near, probe_shell(given.imports)),
            "create": create_text(host.env, near),
            "install": install_text(host.env, near),
        }
        text = errands.ready_text(
            texts,
            f"{self._plan(known.host).run_root}/environments/{known.environment or 'none'}",
            probe_s=given.probe_within.total_seconds(),
            create_s=given.create_within.total_seconds(),
            install_s=given.install_within.total_seconds(),
        )
        return self._order(known, "ready", text, dict(self.of.secrets), self._plan(known.host).project_dir)

    def dry_run(self, known: Readiness, sample: Entry) -> StageOrder:
        """The errand that tries the sample's command; everything it would write goes elsewhere."""
        host = self.settings.host(known.host)
        near = self.of.near(known.host, self._plan(known.host).project_dir)
        command = sample.command or sample.spec.command
        first, second = (
            entered_text(host.env, near, f"{command.rstrip()} {flag}") for flag in ("--dry-run", "--max-samples 2")
        )
        text = errands.dry_text(first, second, LINKED, self.settings.checks.dry_run_within.total_seconds())
        return self._order(known, "dry-run", text, {**self.of.secrets, **sample.spec.env, **_QUIET})

    def report(self, known: Readiness, machine: Machine, ready: Said | None, dry: Said | None) -> HostReport:
        env = self.settings.host(known.host).env
        return report_of(
            machine,
            self.settings.checks,
            ready=ready,
            dry=dry,
            project_dir=self._plan(known.host).project_dir,
            conda_env=(env.name or env.prefix) if isinstance(env, CondaEnv) else None,
        )

    def _order(
        self, known: Readiness, what: str, text: str, env: dict[str, str], project_dir: str | None = None
    ) -> StageOrder:
        name = errands.name_of(self.of.lab, known.host, known.number, what)
        state_dir = self.settings.host(known.host).state_dir
        return errands.order(name, state_dir, self._code(known), text, env, project_dir)

    def _code(self, known: Readiness) -> Code:
        plan = self._plan(known.host)
        return self.of.snapshot(known.host, known.code, plan.run_root, plan.project_dir)

    def _plan(self, name: str) -> HostPlan:
        return host_plan(self.settings, name, self.of.lab, self.of.root)


class Environments:
    """A hash of each host's environment: its settings, and the project's files that it is made from."""

    def __init__(self, layout: Layout, files: Files, settings: Settings) -> None:
        self._layout, self._files, self._settings = layout, files, settings
        self._code: str | None = None
        self._hashes: dict[str, str] | None = None

    def hashes(self, code: str | None) -> Mapping[str, str]:
        """By host, of those that need one. Read anew when the code has become another."""
        if self._hashes is None or (code is not None and code != self._code):
            self._code = code
            hosts = self._settings.hosts.items()
            self._hashes = {name: self._hash(name) for name, host in hosts if not isinstance(host.env, NoEnv)}
        return self._hashes

    def _hash(self, name: str) -> str:
        env = self._settings.host(name).env
        digest = hashlib.sha256(env.model_dump_json().encode())
        digest.update("\0".join(self._settings.checks.imports).encode())
        for path in () if isinstance(env, NoEnv) else env.made_from:
            digest.update(f"\0{path}\0".encode() + self._content(path))
        return digest.hexdigest()[:16]

    def _content(self, path: str) -> bytes:
        """Of a file in the project; empty where there is none, or where it leads out of it."""
        try:
            found = self._layout.inside(path)
        except InvalidSpec:
            return b""
        return (self._files.read(found, _LIMIT) or b"") if found.is_file() else b""
