"""What an engine knows of a lease that lies on a host: asked for, kept while there is no answer, never assumed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from autolab.engine.lanes import Lanes
from autolab.engine.seat import RemoteSeat
from autolab.engine.wheel import Wheel
from autolab.errors import AutolabError, HostUnreachable, StoreDamaged
from autolab.model.state import Status
from autolab.store.files import Files
from autolab.store.layout import Layout
from autolab.store.lease import Lease, Leases
from tests.builders import LAB, T0, a_claimed_run, a_state, an_entry, seconds

AGAIN, BACKOFF = timedelta(seconds=60), (timedelta(seconds=30), timedelta(seconds=120))


@dataclass
class Anchor:
    """An anchor of the test's own: what lies there, and whether it answers."""

    lease: Lease | None = None
    error: AutolabError | None = None
    asked: int = 0

    def read(self) -> Lease | None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.lease

    def write(self, lease: Lease) -> Lease:
        self.lease = self.lease or lease
        return self.lease


@dataclass
class Asked:
    """A seat and its clock."""

    root: Path
    anchor: Anchor = field(default_factory=Anchor)

    def __post_init__(self) -> None:
        self.now = T0
        leases = Leases(Layout(self.root, None, LAB), self.anchor, Files())
        self.seat = RemoteSeat(leases, "gpu1", lambda: self.now, AGAIN, BACKOFF)

    def ask(self) -> str:
        self.seat.asking()()
        return self.seat.standing().problem


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path)


def test_before_the_anchor_was_asked_nothing_may_be_launched(asked: Asked) -> None:
    assert "gpu1 was not asked yet" in asked.seat.standing().problem
    assert (asked.seat.known, asked.seat.due_at(), asked.anchor.asked) == (False, T0, 0)


def test_the_first_to_ask_has_the_lease_and_asks_again_later(asked: Asked) -> None:
    assert asked.ask() == ""
    assert (asked.seat.standing().number, asked.seat.known) == (1, True)
    assert asked.seat.due_at() == T0 + AGAIN


def test_what_was_confirmed_holds_while_the_anchor_is_silent_and_not_once_it_says_otherwise(asked: Asked) -> None:
    asked.ask()
    asked.anchor.error = HostUnreachable("gpu1: no route")
    assert asked.ask() == ""
    assert asked.seat.due_at() == T0 + BACKOFF[0]
    asked.anchor.error = None
    assert asked.anchor.lease is not None
    asked.anchor.lease = replace(asked.anchor.lease, number=2, clone="another", who="ana")
    assert "driven by ana" in asked.ask()


def test_an_anchor_that_never_answered_keeps_everything_from_being_launched_and_is_asked_ever_less(
    asked: Asked,
) -> None:
    asked.anchor.error = HostUnreachable("gpu1: no route")
    assert asked.ask() == "gpu1 does not say who drives this lab, and nothing is launched until it does: no route"
    waits = []
    for _ in range(3):
        due = asked.seat.due_at()
        assert due is not None
        waits.append((due - asked.now).total_seconds())
        asked.now = due
        asked.ask()
    assert waits == [30, 120, 120]


def test_a_damaged_lease_is_no_lease_whatever_was_confirmed(asked: Asked) -> None:
    asked.ask()
    asked.anchor.error = StoreDamaged("gpu1: lease/1 cannot be read")
    assert "lease/1 cannot be read" in asked.ask()


def test_it_is_not_due_again_while_it_is_being_asked(asked: Asked) -> None:
    work = asked.seat.asking()
    assert asked.seat.due_at() is None
    work()
    assert asked.seat.due_at() is not None


def test_an_anchor_is_asked_only_while_something_waits_to_be_launched(asked: Asked) -> None:
    wheel = Wheel(asked.seat, Lanes(lambda: None))
    assert wheel.due_at(a_state(an_entry("e1", Status.RUNNING, a_claimed_run()))) is None
    assert wheel.due_at(a_state(an_entry("e1"))) == T0
    assert (wheel.problem != "", wheel.shown) == (True, "")


def test_having_the_lease_is_an_event_once(asked: Asked) -> None:
    wheel, state = Wheel(asked.seat, Lanes(lambda: None)), a_state(an_entry("e1"))
    assert wheel.taken(state, T0) == []
    asked.ask()
    (taken,) = wheel.taken(state, T0)
    assert taken.name == "driver_taken"
    assert wheel.taken(replace(state, driver=1), T0 + seconds(1)) == []
