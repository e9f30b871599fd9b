"""What ``autolab notify`` gives. Instants are UTC, ISO 8601, text."""

from __future__ import annotations

from typing_extensions import TypedDict


class NotifierLine(TypedDict):
    """A notifier: where its address is kept, what it is sent, and how sending went."""

    name: str
    url: str
    events: list[str]
    waiting: int
    sent: int
    last_sent: str | None
    last_failed: str | None
    problem: str
    next_try: str | None
    given_up: int


class NotifiersReport(TypedDict):
    """All notifiers; ``log`` is the file that holds every notice, whoever was told."""

    at: str
    notifiers: list[NotifierLine]
    log: str


class Delivery(TypedDict):
    """One try with one notifier; ``problem`` says why it was not sent."""

    name: str
    sent: bool
    problem: str


class SendReport(TypedDict):
    deliveries: list[Delivery]
    failed: int
