"""Which host keys are known: OpenSSH's known_hosts files, format of sshd(8). Read, never written."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public key as it stands in files and on the wire: its type and its bytes."""

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """As ``ssh-keygen -l`` prints it."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")
        return f"SHA256:{digest}"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one host: the keys it may have, and keys nobody may have."""

    keys: tuple[HostKey, ...]
    revoked: tuple[HostKey, ...]


def keys_of(name: str, lines: Iterable[str]) -> Known:
    """The keys of the host known as ``name`` (lower case, ``[host]:port`` off port 22), in the files' order.

    A name with a port that has no key of its own falls back to the bare name, as in ssh. Lines that make no sense and
    certificate authorities are passed over: they make no key known.
    """
    entries = [entry for line in lines if (entry := _parse(line))]
    revoked = tuple(key for marker, names, key in entries if marker == "@revoked" and _names_it(names, name))
    keys = _plain(entries, name)
    if not keys and name.startswith("[") and "]:" in name:
        keys = _plain(entries, name[1:].rpartition("]:")[0])
    return Known(keys, revoked)


def _plain(entries: Iterable[tuple[str, str, HostKey]], name: str) -> tuple[HostKey, ...]:
    return tuple(dict.fromkeys(key for marker, names, key in entries if not marker and _names_it(names, name)))


def _parse(line: str) -> tuple[str, str, HostKey] | None:
    """(marker or empty, host names, key) of one line."""
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    marker = words.pop(0) if words[0].startswith("@") else ""
    if len(words) < 3:
        return None
    try:
        return marker, words[0], HostKey(words[1], base64.b64decode(words[2], validate=True))
    except binascii.Error:
        return None


def _names_it(names: str, name: str) -> bool:
    """Whether the first field of a line, hashed or a list of patterns, means the host."""
    if names.startswith("|1|"):
        return _hash_matches(names, name)
    wanted = False
    for pattern in names.lower().split(","):
        if pattern.startswith("!"):
            if _glob(pattern[1:], name):
                return False
        elif _glob(pattern, name):
            wanted = True
    return wanted


def _glob(pattern: str, name: str) -> bool:
    return fnmatchcase(name, pattern.replace("[", "[[]"))  # brackets belong to the name here: only * and ? are special


def _hash_matches(field: str, name: str) -> bool:
    salt, _, digest = field[3:].partition("|")
    try:
        made = hmac.new(base64.b64decode(salt), name.encode(), hashlib.sha1).digest()  # the format's own choice
        return hmac.compare_digest(made, base64.b64decode(digest))
    except binascii.Error:
        return False
