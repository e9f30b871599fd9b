"""The key of a host that nobody knows yet: shown before any login, and recorded once a person has compared it."""

from __future__ import annotations

import base64
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from autolab.errors import DiskFailed, HostKeyRefused
from autolab.hosts.known_hosts import HostKey, Known
from autolab.hosts.login import Doors, key_shown
from autolab.hosts.openssh_config import Target


@dataclass(frozen=True, slots=True)
class Shown:
    """What a host shows now. ``file``: where ssh itself would record it."""

    target: Target
    key: HostKey
    known: Known

    @property
    def is_known(self) -> bool:
        return self.key in self.known.keys

    @property
    def file(self) -> Path:
        return self.target.known_hosts[0] if self.target.known_hosts else Path.home() / ".ssh" / "known_hosts"

    def record(self) -> None:
        """Append one line to the user's known hosts, durably; what stands there stays. raises DiskFailed."""
        line = f"{self.target.key_name} {self.key.kind} {base64.b64encode(self.key.blob).decode()}\n"
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.closing(_Appended(self.file)) as file:
                file.add(line.encode())
        except OSError as error:
            raise DiskFailed(f"{self.file} could not be written: {error.strerror}") from error


def look_at_key(alias: str, config_path: Path | None, doors: Doors) -> Shown:
    """The key of the host that ``ssh alias`` would reach; nobody logs in.

    raises  HostUnreachable; HostKeyRefused where this key is revoked, or another one of the host is known: which is
            right only the host's owner can say, and an old key is never taken away by us
    """
    target, key, known = key_shown(alias, config_path, doors)
    if key in known.revoked:
        raise HostKeyRefused(f"{alias}: the key {key.fingerprint} of {target.address} is revoked")
    if known.keys and key not in known.keys:
        fingerprints = ", ".join(f"{one.kind} {one.fingerprint}" for one in known.keys)
        raise HostKeyRefused(
            f"KEY CHANGED for {alias} ({target.address}): known {fingerprints}; offered {key.kind} {key.fingerprint}",
            hint=f"if its owner says that it was reinstalled: ssh-keygen -R '{target.key_name}', then trust it again",
        )
    return Shown(target, key, known)


class _Appended:
    """A file that is added to; a line before that was left without its end gets one."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def add(self, line: bytes) -> None:
        size = os.fstat(self._fd).st_size
        whole = not size or os.pread(self._fd, 1, size - 1) == b"\n"
        os.write(self._fd, line if whole else b"\n" + line)
        os.fsync(self._fd)

    def close(self) -> None:
        os.close(self._fd)
