"""What we wrote: digests of the views, so that our own old bytes are told from what people wrote; and the lab's key."""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path
from typing import Final

from autolab.errors import StoreDamaged
from autolab.store.files import Files
from autolab.store.layout import Layout

KEPT: Final = 1_000  # digests a file
_LIMIT: Final = 1 << 20
_KEY_BYTES: Final = 32


def digest_of(data: bytes) -> str:
    """16 hexadecimal characters that name ``data``."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


class Hashes:
    """The digests of the last 1,000 contents that we gave each view, oldest first. One writer: the engine."""

    def __init__(self, layout: Layout, files: Files) -> None:
        self.layout, self.files = layout, files
        self._lists: dict[str, dict[str, None]] | None = None

    def knows(self, path: Path, digest: str) -> bool:
        """Whether we once wrote content with this ``digest`` to ``path``."""
        return digest in self._load().get(path.name, {})

    def is_last(self, path: Path, digest: str) -> bool:
        """Whether that is what we gave ``path`` last."""
        return next(reversed(self._load().get(path.name, {})), None) == digest

    def remember(self, path: Path, digest: str) -> None:
        """Durably, before ``path`` gets that content: else a crash would make it look like somebody else's."""
        lists = self._load()
        if self.is_last(path, digest):
            return
        before = [one for one in lists.get(path.name, {}) if one != digest]
        kept = [*before[-KEPT + 1 :], digest]
        grown = {**lists, path.name: dict.fromkeys(kept)}
        text = json.dumps({name: list(digests) for name, digests in grown.items()})
        self.files.make_dirs(self.layout.hashes.parent)
        self.files.replace(self.layout.hashes, text.encode())
        self._lists = grown

    def _load(self) -> dict[str, dict[str, None]]:
        if self._lists is None:
            data = self.files.read(self.layout.hashes, _LIMIT)
            try:
                lists = json.loads(data) if data else {}
                self._lists = {name: dict.fromkeys(digests) for name, digests in lists.items()}
            except (ValueError, AttributeError, TypeError):
                self._lists = {}  # then our own views look foreign and are kept aside: safe, only noisy
        return self._lists


def lab_key(layout: Layout, files: Files) -> bytes:
    """The lab's random key, made at first use; it marks our sidecars against mix-ups, not against an attacker here."""
    data = files.read(layout.key, 4096)
    if data is None:
        files.make_dirs(layout.key.parent)
        data = secrets.token_bytes(_KEY_BYTES)
        files.replace(layout.key, data, mode=0o600)
    if len(data) != _KEY_BYTES:
        raise StoreDamaged(
            f"{layout.key} holds {len(data)} bytes, not {_KEY_BYTES}", hint="remove it: a new one is made"
        )
    return data
