"""The word that a poll leaves for the next one: there is nothing to do while these folders look like this.

Cron asks for months, every few minutes, so nothing that takes time is imported here: no settings, no state and no JSON
is read. The word is lines of text: when it was left, when something is due by the clock, the project's folder, the
lab's folder in the record, and how each place that a tick reads looked.
"""

from __future__ import annotations

import os

from autolab.store.fingerprint import fingerprint, stamp
from autolab.store.whereabouts import SETTINGS_FILE, record_above

FORMAT = "autolab quiet 2"
VIEWS = frozenset({"state.json", "journal.jsonl"})
TRUSTED_S = 1800.0  # for so long a poll may go by what folders look like; then everything is read again
LARGEST = 1 << 16


def word_path(root: str) -> str:
    """The file of the word about the project at ``root``: known without its lab's id, one for each work tree."""
    return f"{record_above(root)}/quiet-{os.stat(root).st_ino}"


def looks_of(root: str, record: str) -> list[str]:
    """What the places that a tick reads look like now."""
    return [
        fingerprint(f"{root}/dispatch", VIEWS),
        fingerprint(f"{record}/inbox"),
        fingerprint(f"{root}/dispatch/inbox"),
        fingerprint(f"{root}/progress", frozenset({"lab.log", "notifications.log"})),
        stamp(f"{root}/{SETTINGS_FILE}"),
    ]


def word(root: str, record: str, looks: list[str], at: float, due_at: float | None) -> bytes:
    """The word as it is written."""
    lines = [FORMAT, repr(at), "" if due_at is None else repr(due_at), root, record, *looks]
    return os.fsencode("\n".join(lines))


def is_quiet(root: str, now: float) -> bool:
    """Whether nothing changed since a poll found nothing to do, and nothing is due by the clock at ``now`` (Unix)."""
    return bool(quiet_record(root, now))


def mark_presence(record: str, now: float) -> None:
    """Who polls and finds nothing to do was here too: see ``engine.presence``. A disk that refuses is no harm."""
    try:  # noqa: SIM105 - contextlib costs a poll with nothing to do more than all that it does
        os.utime(f"{record}/present", (now, now))
    except OSError:
        pass


def quiet_record(root: str, now: float) -> str:
    """The lab's folder in the record where there is nothing to do; else empty."""
    try:
        with open(word_path(root), "rb") as file:
            said = os.fsdecode(file.read(LARGEST)).split("\n")
        mark, at, due_at, its_root, record, *looks = said
        if mark != FORMAT or its_root != root or not float(at) <= now < float(at) + TRUSTED_S:
            return ""
        return record if not (due_at and now >= float(due_at)) and looks == looks_of(root, record) else ""
    except (OSError, ValueError):
        return ""
