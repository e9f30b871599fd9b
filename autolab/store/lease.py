"""One lab, one driver: which clone may launch. The lease lies on the lab's anchor, and never expires by age."""

from __future__ import annotations

import getpass
import json
import secrets
import socket
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from autolab.errors import NotTheDriver, StoreDamaged
from autolab.store.files import Files
from autolab.store.layout import Layout

_LIMIT: Final = 1 << 16
REASON_LIMIT: Final = 500
_WAY_OUT: Final = "move it away, then: autolab lease take --reason '...'"


@dataclass(frozen=True, slots=True)
class Lease:
    """Who drives: ``number`` only grows; ``clone`` is the copy of the repository that holds it.

    machine, inode  where that clone was, and its git folder's inode: a copied folder is another clone
    """

    number: int
    clone: str
    who: str
    since: str
    where: str
    reason: str = ""
    machine: str = ""
    inode: str = ""

    def __str__(self) -> str:
        return f"{self.who} from {self.where} since {self.since} (lease {self.number})"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether this clone may launch. ``problem`` says why not; empty: it may. ``number`` 0: not known yet."""

    number: int
    clone: str
    problem: str = ""


class Anchor(Protocol):
    """Where the lease of a lab lies. raises OutsideFailed where it does not answer, StoreDamaged"""

    def read(self) -> Lease | None:
        """The lease; None: nobody ever took it."""
        ...

    def write(self, lease: Lease) -> Lease:
        """The lease after ``lease`` was written, which on a host is another's who took the same number first."""
        ...


class Leases:
    """The lease of one lab, as this clone sees it."""

    def __init__(self, layout: Layout, anchor: Anchor, files: Files) -> None:
        self._layout, self._anchor, self._files = layout, anchor, files
        self._clone_path = layout.record / "clone.json"

    def standing(self, now: datetime) -> Standing:
        """Where this clone stands; takes the lease where nobody ever did. raises StoreDamaged: it cannot be read."""
        clone = self.clone()
        lease = self.read()
        if lease is None:
            lease = self._write(1, clone, now, "the lab began here")
        return self.judge(lease)

    def judge(self, lease: Lease) -> Standing:
        """Where this clone stands under ``lease``."""
        clone = self.clone()
        if lease.clone == clone:
            return Standing(lease.number, clone)
        return Standing(lease.number, clone, _refusal(lease))

    def take(self, number: int, reason: str, now: datetime) -> Lease:
        """The lease for this clone under ``number``: a person's act, once every host follows it.

        raises  NotTheDriver where another clone took as high a number meanwhile
        """
        held = self.read()
        if held is not None and held.number >= number and held.clone != self.clone():
            raise NotTheDriver(f"this lab is driven by {held} by now", hint="`autolab lease show` says more")
        taken = self._write(number, self.clone(), now, reason)
        if taken.clone != self.clone():
            raise NotTheDriver(f"this lab is driven by {taken} by now", hint="`autolab lease show` says more")
        return taken

    def problem(self, clone: str) -> str:
        """Why ``clone`` may launch nothing now; empty: it may. The lease may change hands while an engine runs."""
        try:
            lease = self.read()
        except StoreDamaged as error:
            return error.message
        return _refusal(lease) if lease is not None and lease.clone != clone else ""

    def read(self) -> Lease | None:
        """Who drives; None: nobody ever did. raises StoreDamaged, OutsideFailed."""
        return self._anchor.read()

    def clone(self) -> str:
        """This clone's random id. A folder that was copied, here or to another machine, is another clone."""
        place = {"machine": _machine_id(), "inode": self._inode()}
        known = _document(self._clone_path, self._files)
        if known is not None and {key: known.get(key) for key in place} == place:
            return str(known["id"])
        ident = secrets.token_hex(8)
        self._files.make_dirs(self._clone_path.parent)
        self._files.replace(self._clone_path, json.dumps({"id": ident, **place}).encode())
        return ident

    def _inode(self) -> int:
        return (self._layout.common or self._layout.root).stat().st_ino

    def _write(self, number: int, clone: str, now: datetime, reason: str) -> Lease:
        who, where = getpass.getuser(), f"{socket.gethostname()}:{self._layout.root}"
        since = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        place = {"machine": _machine_id(), "inode": str(self._inode())}
        return self._anchor.write(Lease(number, clone, who, since, where, reason[:REASON_LIMIT], **place))


class LocalAnchor:
    """The lease in a folder of this user's own, such as ``~/.local/state/autolab/<lab8>``."""

    def __init__(self, folder: Path, files: Files) -> None:
        self._path, self._files = folder / "lease.json", files

    def read(self) -> Lease | None:
        document = _document(self._path, self._files)
        return None if document is None else lease_of(document, str(self._path))

    def write(self, lease: Lease) -> Lease:
        self._files.make_dirs(self._path.parent, 0o700)
        self._files.replace(self._path, json.dumps(asdict(lease), indent=2).encode(), mode=0o600)
        return lease


def lease_of(document: dict[str, Any], where: str) -> Lease:
    """The lease that was read from ``where``; raises StoreDamaged."""
    try:
        lease = Lease(**document)
    except TypeError as error:
        raise StoreDamaged(f"{where} is no lease: {error}", hint=_WAY_OUT) from error
    if type(lease.number) is not int or not all(isinstance(v, str) for k, v in document.items() if k != "number"):
        raise StoreDamaged(f"{where} is no lease: a field is not what it should be", hint=_WAY_OUT)
    return lease


def _document(path: Path, files: Files) -> dict[str, Any] | None:
    data = files.read(path, _LIMIT)
    if data is None:
        return None
    try:
        document = json.loads(data)
    except ValueError as error:
        raise StoreDamaged(f"{path} cannot be read: {error}", hint=_WAY_OUT) from error
    if not isinstance(document, dict):
        raise StoreDamaged(f"{path} holds no object", hint=_WAY_OUT)
    return document


def _refusal(lease: Lease) -> str:
    return f"this lab is driven by {lease}; nothing is launched from here"


def _machine_id() -> str:
    try:
        return Path("/etc/machine-id").read_text("ascii").strip()
    except OSError:  # not Linux, or a container without one
        return socket.gethostname()
