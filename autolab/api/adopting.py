"""Taking in what runs already: a process that somebody started by hand becomes an experiment's attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from autolab.api.asking import me, wish_id
from autolab.api.experiments import ad_hoc, asked
from autolab.api.hosts import host_exec
from autolab.api.project import Project, recorded
from autolab.errors import AskedWrong, CommandFailed, UnknownName
from autolab.model.state import Adopting
from autolab.model.wish import Ask, Wish

if TYPE_CHECKING:
    from autolab.api.experiment_results import AdoptReport

# The process's own line, who asks, whose it is, its command. Only a number stands in it.
_WHO = "cat /proc/{pid}/stat && id -u && ls -ldn /proc/{pid} && tr '\\0' ' ' </proc/{pid}/cmdline"
_COMMAND_MAX = 400


def adopt(
    project: Project,
    ident: str,
    *,
    host: str,
    pid: int,
    log: str = "",
    gpus: Sequence[int] = (),
    words: Sequence[str] = (),
    given: Mapping[str, Any] | None = None,
    reason: str = "",
    dry_run: bool = False,
    key: str = "",
) -> AdoptReport:
    """Make process ``pid`` of ``host`` the next attempt of ``ident``: watched, cancelled and collected as any other.

    log    a file on the host that the process writes to: it becomes the attempt's log
    gpus   cards that it uses
    words  its command, and ``given`` other keys (``result_file``), where ``ident`` is not there yet
    raises UnknownName: no such host or experiment; CommandFailed: no such process, or another user's;
           InvalidSpec: nothing could prove that it did well; IllegalTransition: it may run already
    """
    project.settings.host(host)
    if pid < 1:
        raise AskedWrong(f"{pid} is no process id", hint="autolab host exec HOST -- ps x")
    entries = recorded(project).entries
    if ident not in entries and not words:
        raise UnknownName("experiment", ident, entries, hint="add it, or give its command behind --")
    specs = () if ident in entries else (ad_hoc(project, words, ident, {**(given or {}), "host": host}),)
    start_ticks, command = _found(project, host, pid)
    process = Adopting(
        host=host, pid=pid, start_ticks=start_ticks, log=log.removeprefix("~/"), gpus=tuple(str(card) for card in gpus)
    )
    wish = Wish(
        id=wish_id(Ask.ADOPT, key),
        ask=Ask.ADOPT,
        by=me(),
        why=reason,
        ids=(ident,),
        specs=specs,
        context=asdict(process),
    )
    return {**asked(project, wish, dry_run=dry_run), "host": host, "pid": pid, "command": command}


def _found(project: Project, host: str, pid: int) -> tuple[int, str]:
    """When it began, in the host's ticks, and its command; raises CommandFailed where it is not there or not ours."""
    said = host_exec(project, host, [_WHO.format(pid=pid)])
    lines = said["output"].splitlines()
    if said["status"] != 0 or len(lines) < 3:
        raise CommandFailed(f"{host} has no process {pid}", hint=f"autolab host exec {host} -- ps x")
    fields = lines[0].rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in "ZX" or not fields[19].isdigit():
        raise CommandFailed(f"process {pid} on {host} has ended", hint=f"autolab host exec {host} -- ps x")
    owner = lines[2].split()[2:3]
    if owner != [lines[1].strip()] and lines[1].strip() != "0":
        raise CommandFailed(
            f"process {pid} on {host} belongs to another user: it could be neither watched nor ended",
            hint="log in as that user: ssh: in autolab.yaml",
        )
    return int(fields[19]), " ".join(lines[3:])[:_COMMAND_MAX].strip()
