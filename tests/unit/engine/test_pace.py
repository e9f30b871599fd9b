"""How often a host is looked at."""

from __future__ import annotations

from datetime import datetime

import pytest

from autolab.engine.pace import Pace
from autolab.model.action import Watch
from autolab.model.event import Noted
from autolab.model.plan import Policies
from tests.builders import T0, a_claimed_run, a_state, an_ended_run, an_entry, seconds


def quiet_looks(pace: Pace, count: int, now: datetime = T0) -> list[float]:
    """Seconds between looks at h1, each going out the moment it is due."""
    waits = []
    for _ in range(count):
        pace.looked([Watch("h1", ("a",))], now)
        after = next(s for s in range(1000) if pace.due(["h1"], now + seconds(s)))
        waits.append(float(after))
        now += seconds(after)
    return waits


def test_a_host_that_was_never_looked_at_is_due() -> None:
    assert Pace().due(["h1", "h2"], T0) == {"h1", "h2"}


def test_looks_begin_at_ten_seconds_and_relax_to_two_minutes_while_nothing_happens() -> None:
    waits = quiet_looks(Pace(), 10)
    assert waits[:3] == [10, 15, 23]
    assert waits == sorted(waits)
    assert waits[-3:] == [120, 120, 120]


def test_a_host_where_something_happened_is_looked_at_often_again() -> None:
    pace = Pace()
    quiet_looks(pace, 9)
    pace.happened([Noted(at=T0, kind="seen", id="a", why="seen")], a_state(an_entry("a", run=a_claimed_run(host="h1"))))
    assert quiet_looks(pace, 2) == [10, 15]


@pytest.mark.parametrize("ident", ["", "b", "unknown"])
def test_what_happens_elsewhere_changes_nothing(ident: str) -> None:
    pace = Pace()
    quiet_looks(pace, 9)
    state = a_state(an_entry("a", run=a_claimed_run(host="h1")), an_entry("b", run=a_claimed_run(host="h2")))
    pace.happened([Noted(at=T0, kind="seen", id=ident, why="seen")], state)
    assert quiet_looks(pace, 1) == [120]


def test_each_host_has_its_own_clock() -> None:
    pace = Pace(Policies())
    pace.looked([Watch("h1", ("a",))], T0)
    assert pace.due(["h1", "h2"], T0 + seconds(9)) == {"h2"}
    assert pace.due(["h1", "h2"], T0 + seconds(10)) == {"h1", "h2"}


def test_the_next_look_is_due_for_what_runs_and_no_open_look_covers() -> None:
    pace = Pace()
    pace.looked([Watch("h1", ("a",)), Watch("h2", ("b",))], T0)
    running = a_state(an_entry("a", run=a_claimed_run(host="h1")), an_entry("b", run=an_ended_run(host="h2")))
    assert pace.next_due(running, {}) == T0 + seconds(10)
    assert pace.next_due(running, {"a": 1}) is None
    assert pace.next_due(a_state(), {}) is None
