"""One lab, one driver: the lease of clones on one machine."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from autolab.errors import NotTheDriver, StoreDamaged
from autolab.store.files import Files
from autolab.store.layout import Layout
from autolab.store.lease import Leases, LocalAnchor

LAB = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@pytest.fixture
def anchor(tmp_path: Path) -> Path:
    return tmp_path / "anchor"


@pytest.fixture
def first(tmp_path: Path, anchor: Path) -> Leases:
    """The leases as the first clone sees them."""
    return a_clone(tmp_path / "first", anchor)


def a_clone(root: Path, anchor: Path) -> Leases:
    root.mkdir(exist_ok=True)
    return Leases(Layout(root, None, LAB), LocalAnchor(anchor, Files()), Files())


@pytest.fixture
def copied(tmp_path: Path, anchor: Path, first: Leases, now: datetime) -> Leases:
    """A copy of the first clone's folder, made once that one drives."""
    first.standing(now)
    shutil.copytree(tmp_path / "first", tmp_path / "copy")
    return a_clone(tmp_path / "copy", anchor)


def test_the_first_clone_takes_the_lease_and_keeps_it_when_it_asks_again(first: Leases, now: datetime) -> None:
    begun = first.standing(now)
    assert (begun.number, begun.problem) == (1, "")
    assert first.standing(now + timedelta(days=900)) == begun
    assert first.problem(begun.clone) == ""


def test_a_copied_folder_is_another_clone_and_is_told_who_drives(first: Leases, copied: Leases, now: datetime) -> None:
    holder, told = first.standing(now), copied.standing(now)
    assert told.clone != holder.clone
    assert told.number == holder.number
    lease = first.read()
    assert lease is not None
    assert lease.who in told.problem
    assert "/first since 2026-11-20T10:44:12Z" in told.problem
    assert copied.problem(told.clone) == told.problem
    assert first.standing(now) == holder


def test_a_folder_that_was_moved_is_the_same_clone(tmp_path: Path, anchor: Path, first: Leases, now: datetime) -> None:
    begun = first.standing(now)
    (tmp_path / "first").rename(tmp_path / "moved")
    assert a_clone(tmp_path / "moved", anchor).standing(now) == begun


def test_a_lease_never_expires_by_age(copied: Leases, now: datetime) -> None:
    assert copied.standing(now + timedelta(days=10_000)).problem


def test_a_taken_lease_has_its_number_and_reason_and_the_former_driver_is_refused(
    first: Leases, copied: Leases, now: datetime
) -> None:
    old = first.standing(now)
    taken = copied.take(2, "the old laptop is gone", now)
    assert (taken.number, taken.reason, taken.clone) == (2, "the old laptop is gone", copied.clone())
    assert copied.standing(now).problem == ""
    assert "lease 2" in first.problem(old.clone)
    assert first.standing(now).number == 2


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_number_only_grows(first: Leases, copied: Leases, now: datetime, number: int) -> None:
    copied.take(2, "moved", now)
    with pytest.raises(NotTheDriver, match="lease 2"):
        first.take(number, "back again", now)
    assert first.read() == copied.read()
    assert first.take(3, "back again", now).number == 3


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"number": 1}', '{"who": 1, "what": 2}', "\ufffe"])
def test_an_unreadable_lease_is_damage_and_nobody_may_launch(first: Leases, now: datetime, content: str) -> None:
    begun = first.standing(now)
    path = lease_of(first)
    path.write_text(content)
    with pytest.raises(StoreDamaged, match=r"lease\.json"):
        first.standing(now)
    assert "lease.json" in first.problem(begun.clone)
    assert path.read_text() == content


@pytest.mark.parametrize(("field", "value"), [("number", "seven"), ("number", None), ("clone", 7)])
def test_a_lease_whose_fields_make_no_sense_is_damage(first: Leases, now: datetime, field: str, value: object) -> None:
    first.standing(now)
    path = lease_of(first)
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(StoreDamaged, match=r"lease\.json"):
        first.standing(now)


def test_the_lease_is_read_by_its_owner_alone(first: Leases, now: datetime, anchor: Path) -> None:
    first.standing(now)
    assert (lease_of(first).stat().st_mode & 0o777, anchor.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_clone_that_lost_its_own_name_is_another_one(tmp_path: Path, first: Leases, now: datetime) -> None:
    first.standing(now)
    (Layout(tmp_path / "first", None, LAB).record / "clone.json").unlink()
    assert first.standing(now).problem


def lease_of(leases: Leases) -> Path:
    return leases._anchor._path
