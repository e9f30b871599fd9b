"""The machines: what is known of them, a test with proof, a command by a person, and keeping one out of use."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from autolab.api.asking import me, wish_id
from autolab.api.experiments import asked
from autolab.api.place import read_state
from autolab.api.project import Project, clock
from autolab.api.view import host_lines, logins_last_hour
from autolab.engine.lab import connections, dialect_of
from autolab.engine.plan import host_plan
from autolab.errors import AskedWrong, OutsideFailed
from autolab.executors.executor import Executor
from autolab.executors.probing import claims
from autolab.executors.runner import spoken
from autolab.hosts.connection import Connection
from autolab.model.command import Request
from autolab.model.wish import Ask, Wish

if TYPE_CHECKING:
    from autolab.api.experiment_results import Changed
    from autolab.api.host_results import Check, ChecksReport, ExecReport, HostLine, HostsReport


def host_list(project: Project) -> HostsReport:
    """Every host of the settings with what the lab knows of it."""
    logins = logins_last_hour(project)
    known = {line["name"]: line for line in host_lines(read_state(project), logins=logins)}
    lines: list[HostLine] = []
    for name, host in project.settings.hosts.items():
        new: HostLine = {
            "name": name, "status": "unknown", "since": None, "why": "", "slots": None, "used": 0,
            "logins_last_hour": logins.get(name, 0),
        }  # fmt: skip
        lines.append({**known.get(name, new), "slots": host.slots})
    return {"at": clock().strftime("%Y-%m-%dT%H:%M:%SZ"), "hosts": lines}


def host_test(project: Project, names: Iterable[str] = ()) -> ChecksReport:
    """Prove hosts (default: all): they answer, have what autolab needs, and their state folder holds a claim."""
    wanted = list(names) or list(project.settings.hosts)
    for name in wanted:
        project.settings.host(name)
    checks: list[Check] = []
    with closing(connections(project.settings, project.layout, clock)) as pool:
        for name in wanted:
            found = prove(project, name, pool.connection(name))
            checks += found
            if all(check["verdict"] != "fail" for check in found):
                checks += _claims(project, name, pool.connection(name))
    return report(checks)


def _claims(project: Project, name: str, connection: Connection) -> list[Check]:
    """The proof by a job: staged, claimed, ended, and a second one fenced."""
    executor = Executor(connection, dialect_of(project.settings), clock)
    with TemporaryDirectory(prefix="autolab-probe-") as scratch:
        found = claims(executor, project.settings.host(name).state_dir, Path(scratch))
    failed = [one for one in found if not one.ok]
    if not failed:
        return [_check(name, "ok", f"a job of ours did there: {', '.join(one.name for one in found)}")]
    return [_check(name, "fail", f"{one.name}: {one.detail}") for one in failed]


def prove(project: Project, name: str, connection: Connection) -> list[Check]:
    """What ``name`` can do, as checks; a host that does not answer is one failed check."""
    plan = host_plan(project.settings, name, project.layout.lab, project.layout.root)
    dialect = dialect_of(project.settings)
    try:
        facts, found = dialect.read_check(connection.ask(dialect.check(plan.run_root)))
    except OutsideFailed as error:
        return [_check(name, "fail", error.message, error.hint or "try `ssh` to it by hand")]
    missing = [one for one in found if not one.ok]
    lines = [_check(name, "ok", f"answers as {facts.node}, has what autolab needs")] if not missing else []
    return lines + [
        _check(name, _weight(one.name), f"{one.name}: {one.detail or 'no'}", _HINTS.get(one.name, ""))
        for one in missing
    ]


_LESSER = frozenset({"machine", "short_sleep", "gpus"})
_HINTS = {
    "links": "set state_dir to a file system with hard links",
    "folder": "set state_dir to a folder that this user may write",
    "proc": "jobs need Linux with /proc",
}


def _weight(what: str) -> str:
    return "warn" if what in _LESSER else "fail"


def _check(name: str, verdict: str, found: str, hint: str = "") -> Check:
    return {"name": f"host {name}", "verdict": verdict, "found": found, "hint": hint}


def report(checks: list[Check]) -> ChecksReport:
    """Checks with how many did not pass."""
    verdicts = [check["verdict"] for check in checks]
    return {"checks": checks, "failed": verdicts.count("fail"), "warned": verdicts.count("warn")}


def host_exec(project: Project, name: str, words: Sequence[str]) -> ExecReport:
    """Run a command on a host, now, and give its output; several words are quoted, one is shell text as it is.

    raises  OutsideFailed: whether it ran is then not known; AskedWrong without a command
    """
    if not words:
        raise AskedWrong("no command", hint=f"autolab host exec {name} -- nvidia-smi")
    project.settings.host(name)
    command = words[0] if len(words) == 1 else shlex.join(words)
    script = spoken("said", command.split("\n")) + 'exec /bin/sh -c "$(said)" 2>&1\n'
    with closing(connections(project.settings, project.layout, clock)) as pool:
        reply = pool.connection(name).ask(Request(script))
    return {
        "host": name,
        "command": command,
        "status": reply.status,
        "output": reply.out.decode("utf-8", "replace"),
    }


def drain(project: Project, names: Sequence[str], *, reason: str, dry_run: bool = False, key: str = "") -> Changed:
    """Launch nothing more on these hosts; what runs there is still looked at."""
    return _use(project, Ask.DRAIN, names, reason, dry_run=dry_run, key=key)


def resume(
    project: Project, names: Sequence[str], *, reason: str = "", dry_run: bool = False, key: str = ""
) -> Changed:
    """Use these hosts again: drained, quarantined or refused ones."""
    return _use(project, Ask.RESUME, names, reason, dry_run=dry_run, key=key)


def _use(project: Project, ask: Ask, names: Sequence[str], reason: str, *, dry_run: bool, key: str) -> Changed:
    for name in names:
        project.settings.host(name)
    wish = Wish(id=wish_id(ask, key), ask=ask, by=me(), why=reason, ids=tuple(names))
    return asked(project, wish, dry_run=dry_run)
