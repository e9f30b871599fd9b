"""What makes a clone of a project a lab that may launch: its lease, its connections, its secrets."""

from __future__ import annotations

import math
import os
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from autolab.engine.plan import home_path
from autolab.engine.seat import HostAnchor, LocalSeat, NoAnchor, RemoteSeat, Seat
from autolab.errors import CommandFailed, InvalidSettings
from autolab.executors.dialects.process import Process
from autolab.executors.executor import Executor
from autolab.hosts.connection import Connection
from autolab.hosts.local import LocalConnection
from autolab.hosts.pool import LoginBudget, PersonsLogins, Pool
from autolab.model.host import LocalHost, SshHost
from autolab.model.ids import lab8
from autolab.model.settings import Secret, Settings
from autolab.store.files import Files
from autolab.store.lab_file import HERE, read_anchor
from autolab.store.layout import Layout
from autolab.store.lease import Anchor, Leases, LocalAnchor
from autolab.store.logins import LoginLedger

if TYPE_CHECKING:
    from autolab.hosts.login import Doors
    from autolab.hosts.trust import Shown

SECRET_WITHIN: Final = timedelta(seconds=30)
STATE_DIR: Final = "~/.local/state/autolab"


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab as its engine holds it. ``secrets`` reads them anew at each call: they are kept nowhere."""

    seat: Seat
    pool: Pool
    secrets: Callable[[], Mapping[str, str]]


def lab_of(layout: Layout, settings: Settings, files: Files, clock: Callable[[], datetime]) -> Lab:
    """The lab this clone would drive; no host is asked. raises StoreDamaged where a lease that lies here is damaged."""
    pool = _engines_connections(settings, layout, clock)
    return Lab(
        seat=_seat(layout, settings, files, pool, clock),
        pool=pool,
        secrets=lambda: read_secrets(settings, layout.root, os.environ),
    )


def _seat(layout: Layout, settings: Settings, files: Files, pool: Pool, clock: Callable[[], datetime]) -> Seat:
    anchor = read_anchor(layout, files)
    leases = Leases(layout, anchor_of(anchor, layout, settings, files, pool), files)
    if _lies_here(anchor, settings):
        return LocalSeat(leases, clock())
    return RemoteSeat(leases, anchor, clock, settings.policies.look_slowest, settings.policies.backoff)


def leases_of(layout: Layout, settings: Settings, files: Files, pool: Pool) -> Leases:
    """The lease of this lab, on the anchor that ``dispatch/lab.json`` names; nothing is asked yet."""
    return Leases(layout, anchor_of(read_anchor(layout, files), layout, settings, files, pool), files)


def anchor_of(name: str, layout: Layout, settings: Settings, files: Files, pool: Pool) -> Anchor:
    """The host ``name`` as an anchor; ``local`` is this machine, whatever hosts are called."""
    if name == HERE:
        near = next((host.state_dir for host in settings.hosts.values() if isinstance(host, LocalHost)), STATE_DIR)
    elif name not in settings.hosts:
        return NoAnchor(name)
    else:
        near = settings.hosts[name].state_dir
    folder = f"{near.rstrip('/')}/{lab8(layout.lab)}"
    if _lies_here(name, settings):
        return LocalAnchor(home_path(folder), files)
    return HostAnchor(lambda: Executor(pool.connection(name), dialect_of(settings), pool.clock), name, folder)


def _lies_here(name: str, settings: Settings) -> bool:
    return name == HERE or isinstance(settings.hosts.get(name), LocalHost)


def connections(settings: Settings, layout: Layout, clock: Callable[[], datetime]) -> Pool:
    """A pool for a person's command: its logins count and are never refused. Nothing is opened yet."""
    return Pool(_Connector(settings, layout.root), clock, PersonsLogins(LoginLedger(layout, Files())))


def _engines_connections(settings: Settings, layout: Layout, clock: Callable[[], datetime]) -> Pool:
    """A pool for the engine, whose logins stay within each host's budget, over all polls of the hour."""
    of_hosts = {name: host.logins_per_hour for name, host in settings.hosts.items() if isinstance(host, SshHost)}
    budget = LoginBudget(of_hosts=of_hosts, ledger=LoginLedger(layout, Files()))
    return Pool(_Connector(settings, layout.root), clock, budget)


def dialect_of(settings: Settings) -> Process:
    """How the lab speaks to hosts, by its settings."""
    policies = settings.policies
    grace_s = math.ceil(policies.kill_grace.total_seconds())
    return Process(grace_s=grace_s, answer_s=policies.answer_within.total_seconds())


class _Connector:
    """Makes the connection of a host; all SSH connections share their doors, so that no host sees a rush of logins."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self._settings, self._root = settings, root
        self._doors: Doors | None = None

    def __call__(self, name: str, may_log_in: Callable[[], bool]) -> Connection:
        alias = self._settings.ssh_alias(name)
        if alias is None:
            return LocalConnection(name)
        from autolab.hosts.login import Doors  # paramiko: 250 ms that a lab of local hosts need not pay
        from autolab.hosts.ssh import SshConnection

        self._doors = self._doors or Doors(self._settings.policies.connect_within.total_seconds())
        config = _ssh_config(self._settings, self._root)
        return SshConnection(name, alias, config, doors=self._doors, may_log_in=may_log_in)


def _ssh_config(settings: Settings, root: Path) -> Path | None:
    given = settings.ssh.config
    return None if given is None else root / Path(given).expanduser()


def key_shown(settings: Settings, root: Path, name: str) -> Shown:
    """The key that an SSH host shows now, without a login; see ``look_at_key``."""
    from autolab.hosts.login import Doors
    from autolab.hosts.trust import look_at_key

    doors = Doors(settings.policies.connect_within.total_seconds())
    return look_at_key(settings.ssh_alias(name) or name, _ssh_config(settings, root), doors)


def read_secrets(settings: Settings, root: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Variable -> value of every secret, by its reference. raises InvalidSettings naming the secret, never a value."""
    return {name: read_secret(name, secret, root, env) for name, secret in settings.secrets.items()}


def read_secret(name: str, secret: Secret, root: Path, env: Mapping[str, str]) -> str:
    """The value of one secret. raises InvalidSettings or CommandFailed, which name it and never hold the value."""
    if secret.variable is not None:
        if secret.variable not in env:
            raise InvalidSettings(
                f"secret {name}: the variable {secret.variable} is not set", hint="set it for the engine"
            )
        return env[secret.variable]
    if secret.file is not None:
        return _from_file(name, root / Path(secret.file).expanduser())
    return _from_command(name, list(secret.command or ()), root)


def _from_file(name: str, path: Path) -> str:
    try:
        seen = path.stat()
        data = path.read_bytes()
    except OSError as error:
        raise InvalidSettings(f"secret {name}: cannot read {path}: {error}") from error
    if stat.S_IMODE(seen.st_mode) & 0o077 or seen.st_uid != os.getuid():
        raise InvalidSettings(f"secret {name}: others may read {path}", hint=f"chmod 600 {path}")
    return _text(name, data.rstrip(b"\n"), str(path))


def _from_command(name: str, words: list[str], root: Path) -> str:
    """The first line it prints; it is run in the project, where relative paths of settings begin."""
    try:
        done = subprocess.run(
            words,
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECRET_WITHIN.total_seconds(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(f"secret {name}: {words[0]} did not run: {error}") from error
    if done.returncode != 0:
        raise CommandFailed(f"secret {name}: {words[0]} ended with status {done.returncode}")
    value = done.stdout.split(b"\n", 1)[0].rstrip(b"\r")
    if not value:
        raise CommandFailed(f"secret {name}: {words[0]} printed nothing")
    return _text(name, value, f"what {words[0]} printed")


def _text(name: str, value: bytes, where: str) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        pass  # the error would carry the value
    raise InvalidSettings(f"secret {name}: {where} is not UTF-8")
