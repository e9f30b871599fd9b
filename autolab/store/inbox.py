"""Wishes: what others ask of the engine. An inbox beside git for autolab's own, a drop box for foreign ones."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from autolab.errors import Bug
from autolab.model.observation import Unreadable
from autolab.store.files import Files, read_regular, reason
from autolab.store.hashes import digest_of
from autolab.store.layout import Layout
from autolab.store.strict_json import Malformed, parse_object

LIMIT: Final = 1 << 20  # of what foreign programs drop, and of an outcome
OWN_LIMIT: Final = 1 << 28  # of our own wishes: one may add ten thousand experiments
OUTCOMES_KEPT: Final = 500
PATIENCE_S: Final = 10.0  # a dropped file that cannot be read is given that long to become whole
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\.json")


@dataclass(frozen=True, slots=True)
class Wish:
    """One request: ``id`` names it until it is settled; ``document`` is what was asked."""

    id: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits: wishes, oldest first, and files that are none."""

    wishes: list[Wish]
    unreadable: list[Unreadable]


class Inbox:
    """Wishes of autolab's own processes. Any process puts; the engine settles; who asked reads the outcome."""

    def __init__(self, layout: Layout, files: Files) -> None:
        self.folder, self.settled, self.files = layout.inbox, layout.settled, files

    def put(self, wish: Mapping[str, Any], now: datetime, name: str = "") -> str:
        """Make ``wish`` durable and give its id; ids sort by ``now``. ``name`` is for wishes that must act once."""
        name = name or f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(8)}"
        _check_name(name)
        self.files.make_dirs(self.folder)
        self.files.replace(self.folder / f"{name}.json", json.dumps(dict(wish)).encode(), mode=0o600)
        return name

    def pending(self) -> Waiting:
        """What waits to be settled."""
        return _read_all(self.folder, OWN_LIMIT)

    def settle(self, wish: str, outcome: Mapping[str, Any]) -> None:
        """After the journal holds what came of it: leave ``outcome`` for who asked, and take the wish away."""
        _check_name(wish)
        self.files.make_dirs(self.settled)
        self.files.replace(self.settled / f"{wish}.json", json.dumps(dict(outcome)).encode(), durable=False, mode=0o600)
        self.files.remove(self.folder / f"{wish}.json")
        self._forget_old()

    def outcome(self, wish: str) -> Mapping[str, Any] | None:
        """What came of it; None: not settled yet, or so long ago that it was forgotten."""
        _check_name(wish)
        data = self.files.read(self.settled / f"{wish}.json", LIMIT)
        return None if data is None else parse_object(data)

    def _forget_old(self) -> None:
        names = sorted(path.name for path in self.settled.glob("*.json"))
        if len(names) > 2 * OUTCOMES_KEPT:
            for name in names[:-OUTCOMES_KEPT]:
                self.files.remove(self.settled / name)


class DropBox:
    """``dispatch/inbox/``: wishes that foreign programs leave as JSON files; nothing goes before the journal has it."""

    def __init__(self, layout: Layout, files: Files) -> None:
        self.folder, self.files = layout.drop_box, files

    def pending(self, now: datetime) -> Waiting:
        """What was dropped; a file that cannot be read is left out until it had 10 s to become whole."""
        waiting = _read_all(self.folder, LIMIT)
        stale = [bad for bad in waiting.unreadable if self._age_s(Path(bad.path), now) >= PATIENCE_S]
        return Waiting(waiting.wishes, stale)

    def accept(self, name: str) -> None:
        """Take a wish away that the journal holds now."""
        self.files.remove(self._path(name))

    def reject(self, name: str, why: str) -> Path:
        """Keep it as ``<name>.rejected`` with the reason beside it; where it is now."""
        path = self._path(name)
        kept = path.with_name(f"{path.name}.rejected")
        self.files.replace(kept.with_name(f"{kept.name}.reason"), f"{why}\n".encode(), durable=False)
        self.files.move(path, kept)
        return kept

    def _path(self, name: str) -> Path:
        _check_name(name)
        return self.folder / f"{name}.json"

    def _age_s(self, path: Path, now: datetime) -> float:
        try:
            return now.timestamp() - path.lstat().st_mtime
        except FileNotFoundError:
            return 0.0


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(f"{name}.json"):
        raise Bug(f"{name!r} is not the name of a wish")


def _read_all(folder: Path, limit: int) -> Waiting:
    waiting = Waiting([], [])
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in paths:
        if path.suffix == ".json" and not path.name.startswith("."):
            found = _read(path, limit)
            if isinstance(found, Wish):
                waiting.wishes.append(found)
            elif found is not None:
                waiting.unreadable.append(found)
    return waiting


def _read(path: Path, limit: int) -> Wish | Unreadable | None:
    data = b""
    try:
        if not _NAME.fullmatch(path.name):
            raise Malformed("its name is not made of letters, digits, dot, dash and underscore")
        data = read_regular(path, limit)
        return Wish(path.stem, parse_object(data))
    except FileNotFoundError:
        return None
    except Malformed as error:
        return Unreadable(str(path), str(error), digest_of(data))
    except OSError as error:
        return Unreadable(str(path), reason(error), digest_of(reason(error).encode()))
