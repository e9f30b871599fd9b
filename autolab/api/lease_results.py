"""What calls about the lab's record give: who may drive it, what came back of it, whether its view is true."""

from __future__ import annotations

from typing_extensions import TypedDict


class LeaseReport(TypedDict):
    """Who drives the lab; ``ours``: this clone does. ``number`` 0: nobody ever did. ``anchor`` keeps the lease."""

    number: int
    anchor: str
    holder: str | None
    since: str | None
    where: str | None
    reason: str
    ours: bool
    clone: str


class HeldLine(TypedDict):
    """What a host said when the lease was taken: its attempts, those that the journal lacked, what makes no sense."""

    host: str
    attempts: int
    adopted: list[str]
    strange: list[str]
    given_up: bool


class LeaseTaken(LeaseReport):
    """The lease once it was taken."""

    hosts: list[HeldLine]


class LeaseMoved(LeaseTaken):
    """The lease once another host keeps it."""

    moved: bool
    dry_run: bool


class RecoverReport(TypedDict):
    """A journal made anew: what came back, what is held until a person releases it, and what cannot be known."""

    seq: int
    experiments: int
    held: int
    open_attempts: list[str]
    unknown: list[str]
    dry_run: bool


class ReplayReport(TypedDict):
    """``state.json`` against the journal; ``behind``: events that the view does not show yet."""

    events: int
    journal_seq: int
    state_seq: int
    behind: int
    equal: bool
    differences: list[str]
