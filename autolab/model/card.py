"""GPUs: what a vendor's tool says of them, who is on them, and what of them an attempt was given."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

CARD_DIR: Final = "/tmp/autolab-cards"  # noqa: S108 - one folder of a host for all users and labs there, sticky
REFUSED_CARD: Final = "card "  # how a child begins that refuses because of a card: neither its fault nor its host's


@dataclass(frozen=True, slots=True)
class CardUser:
    """A process on a card. ``token`` is of the attempt it belongs to, where its environment could be read."""

    pid: int
    user: str = ""
    mib: int | None = None
    token: str = ""


@dataclass(frozen=True, slots=True)
class Reservation:
    """A link of the host's card folder that could not be proven over: somebody's attempt has the card."""

    user: str
    lab: str = ""  # first 8 characters
    id: str = ""
    attempt: int = 0
    nonce: str = ""
    mib: int | None = None  # what it shares the card for; None: the whole card


@dataclass(frozen=True, slots=True)
class Card:
    """One card, or one MIG instance of one.

    index     what people and the design call it: ``0``; a MIG instance ``0:2`` is instance 2 of card 0
    key       what the tool's list of processes calls it
    uuid      what the job is told and what is reserved; "" where the tool names none
    utilization  percent; None with ``problem`` empty: the tool has none for it (MIG)
    problem   why nothing may be placed there whatever the numbers say; "": nothing is wrong with it
    """

    index: str
    key: str
    model: str = ""
    uuid: str = ""
    memory_mib: int | None = None
    used_mib: int | None = None
    utilization: float | None = None
    problem: str = ""
    users: tuple[CardUser, ...] = ()
    reserved: tuple[Reservation, ...] = ()


@dataclass(frozen=True, slots=True)
class CardReport:
    """What one question about a host's cards brought.

    probe    the tool that answered; "": there is none on the host
    problem  why nothing is known although a tool is there; nothing is placed then
    at       our clock, when the question went out
    """

    probe: str = ""
    cards: tuple[Card, ...] = ()
    problem: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GivenCard:
    """A card as an attempt has it. ``mib`` None: all of it, beside nobody; else it shares the card for that much."""

    index: str
    key: str = ""
    uuid: str = ""
    mib: int | None = None

    @property
    def name(self) -> str:
        """What it is reserved under on its host: the same for every lab there."""
        return self.uuid or self.key or f"gpu-{self.index}"


@dataclass(frozen=True, slots=True)
class CardNote:
    """A card as the state keeps it for ``status``: ``why`` says what keeps it from being given out; "": nothing."""

    index: str
    model: str = ""
    memory_mib: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class CardNotes:
    """A host's cards as the state keeps them; ``problem``: why nothing is known of them."""

    probe: str = ""
    cards: tuple[CardNote, ...] = field(default_factory=tuple)
    problem: str = ""
