"""Hosts made known: written into ``autolab.yaml``, and their keys into the user's known hosts. Nothing by itself."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autolab.api.place import find_place
from autolab.api.project import Project
from autolab.api.view import engine as live_engine
from autolab.engine.lab import key_shown
from autolab.errors import AskedWrong, Refused
from autolab.store.files import Files
from autolab.store.layout import SETTINGS_FILE
from autolab.store.settings_edit import add_host, host_in

if TYPE_CHECKING:
    from autolab.api.host_results import HostAdded, HostTrusted

_LIMIT = 1 << 20


def host_add(start: Path | str, name: str, host: Mapping[str, Any], *, dry_run: bool = False) -> HostAdded:
    """Add a host to ``autolab.yaml``, whose comments and order stay; the difference, and what came of it.

    host     as it would stand there, ``{"kind": "ssh", "slots": 2}``
    raises   InvalidSettings where that is no host, or the name is there with something else
    """
    place, files = find_place(start), Files()
    path = place.layout.root / SETTINGS_FILE
    before = (files.read(path, _LIMIT) or b"").decode("utf-8", "surrogateescape")
    if host_in(before, name) == dict(host):
        return {"host": name, "diff": "", "outcome": "nothing to change: it is there already", "dry_run": dry_run}
    after = add_host(before, name, host)
    diff = "".join(difflib.unified_diff(_lines(before), _lines(after), SETTINGS_FILE, f"{SETTINGS_FILE} (new)", n=2))
    if dry_run:
        return {"host": name, "diff": diff, "outcome": "nothing was changed (--dry-run)", "dry_run": True}
    if files.read(path, _LIMIT) != before.encode("utf-8", "surrogateescape"):
        raise Refused(f"{SETTINGS_FILE} was changed meanwhile", hint="look at the difference again")
    files.replace(path, after.encode("utf-8", "surrogateescape"), mode=path.stat().st_mode & 0o777)
    later = "; the engine that runs takes it in when it is started again" if live_engine(place) else ""
    return {"host": name, "diff": diff, "outcome": f"added{later}", "dry_run": False}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def host_trust(project: Project, name: str, *, fingerprint: str = "", dry_run: bool = False) -> HostTrusted:
    """The key that a host shows now, recorded in the user's known hosts if it is the one with that ``fingerprint``.

    raises  Refused where it is another; HostKeyRefused where another key is known already, or this one is revoked
            OutsideFailed where the host cannot be asked; AskedWrong for this machine, which has no key
    """
    if project.settings.ssh_alias(name) is None:
        raise AskedWrong(f"{name} is this machine: there is no key to trust")
    shown = key_shown(project.settings, project.layout.root, name)
    outcome = "known already" if shown.is_known else "not recorded"
    if not shown.is_known and fingerprint:
        if fingerprint != shown.key.fingerprint:
            raise Refused(
                f"{name} shows {shown.key.fingerprint}, not {fingerprint}: nothing was recorded",
                hint="someone may stand in between: ask the host's owner",
            )
        if not dry_run:
            shown.record()
            outcome = "recorded"
    return {
        "host": name,
        "address": shown.target.address,
        "kind": shown.key.kind,
        "fingerprint": shown.key.fingerprint,
        "known_hosts": str(shown.file),
        "outcome": outcome,
        "dry_run": dry_run,
    }
