"""The outbox: what waits to be sent to each notifier, and how sending went. It stands beside the journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One notice as it is sent. ``id`` stands in the text too: who gets it twice sees that it is one."""

    id: str
    at: datetime
    title: str
    text: str


@dataclass(slots=True, kw_only=True)
class Post:
    """One notifier's letters, oldest first, and how it went so far.

    tries       failures in a row
    not_before  no new try before
    sent        letters its service took;  given_up: letters that were tried too long, or were too many
    """

    waiting: list[Letter] = field(default_factory=list)
    tries: int = 0
    not_before: datetime | None = None
    sent: int = 0
    sent_at: datetime | None = None
    failed_at: datetime | None = None
    problem: str = ""
    given_up: int = 0


@dataclass(slots=True, kw_only=True)
class Outbox:
    """``seq``: the journal's number up to which notices were taken in."""

    format: int = FORMAT
    seq: int = 0
    posts: dict[str, Post] = field(default_factory=dict)  # by the notifier's name
