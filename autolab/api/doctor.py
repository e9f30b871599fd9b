"""Whether everything a lab needs is there and in order: each finding with what to do about it. Changes nothing."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from autolab.api.hosts import prove, report
from autolab.api.lease import lease_show
from autolab.api.place import Placed, find_place, read_state
from autolab.api.project import Project, clock, open_project
from autolab.api.replay import replay
from autolab.api.setup import ATTRIBUTES
from autolab.api.view import engine as live_engine
from autolab.engine.lab import connections
from autolab.errors import AutolabError
from autolab.model.host import SshHost
from autolab.model.settings import Secret
from autolab.notify.notifier import can_send
from autolab.store.files import TEMP_SUFFIX

if TYPE_CHECKING:
    from autolab.api.host_results import Check, ChecksReport

OLD_S: Final = 3600  # a temporary file that old belongs to nobody who still writes
MIB: Final = 1 << 20
WITHIN_S: Final = 10


def doctor(start: Path | str = ".") -> ChecksReport:
    """Look at this machine, the project, its record and its hosts."""
    checks = [_program("git", "git keeps the history of a lab")]
    try:
        place = find_place(start)
    except AutolabError as error:
        return report([*checks, _said("project", "fail", error.message, error.hint)])
    for name, look in _OF_PLACE.items():
        checks += _guarded(name, look, place)
    try:
        project = open_project(start)
    except AutolabError as error:
        return report([*checks, _said("autolab.yaml", "fail", error.message, error.hint)])
    checks.append(
        _said("autolab.yaml", "ok", f"project {project.settings.project}, {len(project.settings.hosts)} host(s)")
    )
    for name, look_at in _OF_PROJECT.items():
        checks += _guarded(name, look_at, project)
    return report(checks)


def _guarded(name: str, look: Callable[..., Iterator[Check]], at: Placed) -> list[Check]:
    """What ``look`` finds; an error of ours is itself a finding, and the next look goes on."""
    try:
        return list(look(at))
    except AutolabError as error:
        return [_said(name, "fail", error.message, error.hint)]


def _said(name: str, verdict: str, found: str, hint: str = "") -> Check:
    return {"name": name, "verdict": verdict, "found": found, "hint": hint}


def _program(name: str, why: str, *words: str) -> Check:
    path = shutil.which(name)
    if path is None:
        return _said(name, "fail", "not found in PATH", f"install it: {why}")
    try:
        done = subprocess.run(
            [path, *(words or ("--version",))], capture_output=True, text=True, timeout=WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return _said(name, "fail", f"{path} does not run: {error}")
    return _said(name, "ok", (done.stdout or done.stderr).strip().split("\n")[0])


def _repository(place: Placed) -> Iterator[Check]:
    layout = place.layout
    if layout.common is None:
        yield _said("repository", "warn", "not in a git repository", "`git init` keeps the history safe from accidents")
        return
    yield _said("repository", "ok", f"record in {layout.record}")
    attributes = layout.root / ".gitattributes"
    lines = attributes.read_text("utf-8", "replace").splitlines() if attributes.is_file() else []
    if any(line not in lines for line in ATTRIBUTES):
        yield _said(
            ".gitattributes", "warn", "views may be merged or converted by git", "`autolab init` adds the lines"
        )


def _disk(place: Placed) -> Iterator[Check]:
    for name, path in (("project", place.layout.root), ("record", place.layout.record)):
        folder = path if path.is_dir() else place.layout.root
        if not os.access(folder, os.W_OK):
            yield _said(f"disk of the {name}", "fail", f"{folder} cannot be written", "who owns it? is it read-only?")
            continue
        there = os.statvfs(folder)
        free = there.f_bavail * there.f_frsize // MIB
        verdict = "ok" if free >= 1024 else "warn" if free >= 100 else "fail"
        yield _said(f"disk of the {name}", verdict, f"{free} MiB free", "" if verdict == "ok" else "free some space")


def _lock(place: Placed) -> Iterator[Check]:
    holder = live_engine(place)
    if holder is None:
        yield _said("engine", "warn", "nobody drives this lab now", "`autolab daemon`, or `autolab daemon install`")
    else:
        yield _said(
            "engine", "ok", f"{holder['what']} (pid {holder['pid']} on {holder['host']}) since {holder['since']}"
        )
    launching = read_state(place).get("launching")
    if launching:
        yield _said("launching", "warn", str(launching), "`autolab lease show` says who drives")


def _temporary(place: Placed) -> Iterator[Check]:
    """What killed writers left behind. Harmless: the next engine sweeps its own folders."""
    now = clock().timestamp()
    folders = (place.layout.dispatch, place.layout.progress, place.layout.record, place.layout.journal)
    old = [
        Path(entry.path)
        for folder in folders
        if folder.is_dir()
        for entry in os.scandir(folder)
        if entry.name.endswith(TEMP_SUFFIX) and now - entry.stat(follow_symlinks=False).st_mtime > OLD_S
    ]
    if old:
        yield _said("temporary files", "warn", f"{len(old)} old ones, such as {old[0]}", f"rm {old[0]}")
    else:
        yield _said("temporary files", "ok", "none left behind")


def _views(place: Placed) -> Iterator[Check]:
    found = replay(place)
    if found["equal"]:
        late = f", {found['behind']} events behind it" if found["behind"] else ""
        yield _said("journal", "ok", f"{found['events']} events; state.json agrees with it{late}")
    else:
        yield _said(
            "journal", "fail", found["differences"][0], "`autolab poll` renders state.json anew; `autolab replay`"
        )


def _ssh(project: Project) -> Iterator[Check]:
    if any(isinstance(host, SshHost) for host in project.settings.hosts.values()):
        yield _program("ssh", "autolab asks it what an alias of your configuration means", "-V")


def _secrets(project: Project) -> Iterator[Check]:
    for name, secret in project.settings.secrets.items():
        yield _reference(f"secret {name}", secret, project.layout.root)


def _reference(what: str, secret: Secret, root: Path) -> Check:
    """The reference only: no command is run and no value is read."""
    if secret.variable is not None and secret.variable not in os.environ:
        return _said(what, "warn", f"${secret.variable} is not set here", "set it for the engine")
    if secret.file is not None:
        return _secret_file(what, root / Path(secret.file).expanduser())
    if secret.command is not None and shutil.which(secret.command[0]) is None:
        return _said(what, "fail", f"{secret.command[0]} is not in PATH", "install it, or correct the name")
    return _said(what, "ok", "its reference is good")


def _secret_file(what: str, path: Path) -> Check:
    try:
        seen = path.stat()
    except OSError as error:
        return _said(what, "fail", f"{path}: {error.strerror}", "write it there, mode 0600")
    if stat.S_IMODE(seen.st_mode) & 0o077 or seen.st_uid != os.getuid():
        return _said(what, "fail", f"others may read {path}", f"chmod 600 {path}")
    return _said(what, "ok", f"{path} is its owner's alone")


def _lease(project: Project) -> Iterator[Check]:
    report = lease_show(project)
    if report["holder"] is None:
        yield _said("lease", "ok", "nobody drives yet: the first engine takes the lease")
    elif report["ours"]:
        yield _said("lease", "ok", f"this clone drives (number {report['number']}, kept on {report['anchor']})")
    else:
        who = f"{report['holder']} from {report['where']} since {report['since']} (lease {report['number']})"
        yield _said(
            "lease", "warn", f"this lab is driven by {who}; nothing is launched from here", "`autolab lease show`"
        )


def _notifiers(project: Project) -> Iterator[Check]:
    """Whether messages can be sent at all, and where each address is kept; nothing is sent."""
    if project.settings.notify and not can_send():
        missing = "apprise is not installed: nobody is told anything"
        yield _said("notify", "fail", missing, "pip install 'autolab[notify]'")
    for notifier in project.settings.notify:
        yield _reference(f"notify {notifier.name}", notifier.url, project.layout.root)


def _hosts(project: Project) -> Iterator[Check]:
    with closing(connections(project.settings, project.layout, clock)) as pool:
        for name in project.settings.hosts:
            yield from prove(project, name, pool.connection(name))


_OF_PLACE: Final[dict[str, Callable[[Placed], Iterator[Check]]]] = {
    "repository": _repository,
    "disk": _disk,
    "engine": _lock,
    "temporary files": _temporary,
    "journal": _views,
}
_OF_PROJECT: Final[dict[str, Callable[[Project], Iterator[Check]]]] = {
    "ssh": _ssh,
    "secrets": _secrets,
    "lease": _lease,
    "notify": _notifiers,
    "hosts": _hosts,
}
