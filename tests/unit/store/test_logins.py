"""Logins are counted over all processes of a clone, and never keep anybody from logging in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autolab.hosts.pool import LoginBudget, PersonsLogins
from autolab.store.files import Files
from autolab.store.layout import Layout
from autolab.store.logins import FULL, LoginLedger

T0 = datetime(2026, 11, 20, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path, None, "0f1e2d3c4b5a69788796a5b4c3d2e1f0")


def a_poll(layout: Layout, per_hour: int = 2) -> LoginBudget:
    """The budget as a new process has it."""
    return LoginBudget(per_hour, ledger=LoginLedger(layout, Files()))


@pytest.mark.rule("B21")
def test_a_budget_holds_over_polls_and_a_person_is_counted_and_never_refused(layout: Layout) -> None:
    assert [a_poll(layout).take("gpu7", T0 + timedelta(minutes=n)) for n in range(3)] == [True, True, False]
    assert a_poll(layout).take("gpu8", T0)
    assert PersonsLogins(LoginLedger(layout, Files())).take("gpu7", T0)
    assert a_poll(layout).logins("gpu7", T0 + timedelta(minutes=3)) == 3
    assert LoginLedger(layout, Files()).counts(T0 - HOUR) == {"gpu7": 3, "gpu8": 1}
    assert a_poll(layout).take("gpu7", T0 + timedelta(minutes=61))


def test_the_file_stays_small(layout: Layout) -> None:
    ledger = LoginLedger(layout, Files())
    for minute in range(3000):
        ledger.add("gpu7", T0 + timedelta(minutes=minute))
    assert layout.logins.stat().st_size <= FULL + 100
    assert ledger.logins("gpu7", T0 + timedelta(minutes=3000) - HOUR) == 59


@pytest.mark.parametrize("content", [b"x", b"\xff\xfe\n\n1", b"17637 \n", b"nan gpu7\n"])
def test_lines_that_make_no_sense_count_nothing(layout: Layout, content: bytes) -> None:
    ledger = LoginLedger(layout, Files())
    ledger.add("gpu7", T0)
    layout.logins.write_bytes(content + b"\n" + layout.logins.read_bytes())
    assert ledger.logins("gpu7", T0 - HOUR) == 1


def test_what_cannot_be_written_counts_in_this_process(layout: Layout) -> None:
    layout.record.parent.mkdir(parents=True)
    layout.record.write_text("no folder")
    assert [(budget := a_poll(layout)).take("gpu7", T0)] == [True]
    assert budget.logins("gpu7", T0) == 1
