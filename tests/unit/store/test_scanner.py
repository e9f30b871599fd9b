"""The scan: what is new, what is gone, and how little is read for it."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from autolab.model.observation import Sidecar, Unreadable
from autolab.store.fingerprint import fingerprint
from autolab.store.layout import Layout
from autolab.store.scanner import EVERY, Scan, Scanner

OLD = 1_700_000_000


def put(layout: Layout, name: str, text: str, mtime: float = OLD) -> Path:
    """By rename, as executors write."""
    layout.dispatch.mkdir(exist_ok=True)
    temp = layout.dispatch / f".{name}.tmp"
    temp.write_text(text)
    os.utime(temp, (mtime, mtime))
    return temp.rename(layout.dispatch / name)


def ids(scan: Scan) -> list[str]:
    return sorted(reading.id for reading in scan.readings)


@pytest.fixture
def later() -> datetime:
    """A moment at which files of this test have settled."""
    return datetime.now().astimezone() + timedelta(minutes=1)


@pytest.fixture
def scanner(layout: Layout) -> Scanner:
    return Scanner(layout)


def test_the_first_scan_gives_everything_and_the_next_only_what_changed(
    layout: Layout, scanner: Scanner, later: datetime
) -> None:
    put(layout, "e1.status.json", '{"status":"running"}')
    put(layout, "e2.run.json", '{"wandb_run_id":"x"}')
    put(layout, "state.json", "{}")
    assert ids(scanner.scan(later)) == ["e1", "e2"]
    assert ids(scanner.scan(later)) == []
    put(layout, "e1.status.json", '{"status":"done"}')
    assert ids(scanner.scan(later)) == ["e1"]


def test_the_same_content_written_again_is_no_news(layout: Layout, scanner: Scanner, later: datetime) -> None:
    put(layout, "e1.status.json", "{}")
    scanner.scan(later)
    put(layout, "e1.status.json", "{}")
    assert ids(scanner.scan(later)) == []


@pytest.mark.rule("B4")
def test_one_bad_file_stops_nobody_and_is_tried_again_when_it_changes(
    layout: Layout, scanner: Scanner, later: datetime
) -> None:
    put(layout, "bad.status.json", '{"status":')
    put(layout, "good.status.json", '{"status":"done"}')
    kinds = {reading.id: type(reading) for reading in scanner.scan(later).readings}
    assert kinds == {"bad": Unreadable, "good": Sidecar}
    assert scanner.scan(later).readings == []
    assert scanner.unreadable.keys() == {"bad.status.json"}, "it still makes no sense"
    put(layout, "bad.status.json", '{"status":"done"}')
    [reading] = scanner.scan(later).readings
    assert isinstance(reading, Sidecar)
    assert not scanner.unreadable


def test_a_settled_file_that_lies_about_its_times_is_read_by_every_tenth_scan(
    layout: Layout, scanner: Scanner, later: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autolab.store.scanner._signature", lambda file: (1, 2, OLD * 10**9, OLD * 10**9))
    put(layout, "e1.status.json", '{"pid":1}')
    scanner.scan(later)
    put(layout, "e1.status.json", '{"pid":2}')
    found = [ids(scanner.scan(later)) for _ in range(EVERY - 1)]
    assert found[:-1] == [[]] * (EVERY - 2)
    assert found[-1] == ["e1"]


@pytest.mark.parametrize(("read_after_s", "news"), [(1.0, ["e1"]), (2.5, [])])
def test_a_file_counts_as_settled_only_when_read_two_seconds_after_its_change(
    layout: Layout, scanner: Scanner, monkeypatch: pytest.MonkeyPatch, read_after_s: float, news: list[str]
) -> None:
    changed = datetime.fromtimestamp(OLD).astimezone()
    monkeypatch.setattr("autolab.store.scanner._signature", lambda file: (1, 9, OLD * 10**9, OLD * 10**9))
    put(layout, "e1.status.json", '{"pid":1}')
    scanner.scan(changed + timedelta(seconds=read_after_s))
    put(layout, "e1.status.json", '{"pid":2}')
    assert ids(scanner.scan(changed + timedelta(minutes=1))) == news


def test_a_sidecar_that_was_removed_is_said_once(layout: Layout, scanner: Scanner, later: datetime) -> None:
    put(layout, "e1.status.json", "{}").unlink()
    put(layout, "e2.status.json", "{}")
    scanner.scan(later)
    (layout.dispatch / "e2.status.json").unlink()
    assert scanner.scan(later).gone == ["e2.status.json"]
    assert scanner.scan(later).gone == []
    put(layout, "e2.status.json", "{}")
    assert ids(scanner.scan(later)) == ["e2"]


def test_named_files_are_looked_at_alone(layout: Layout, scanner: Scanner, later: datetime) -> None:
    put(layout, "e1.status.json", "{}")
    put(layout, "e2.status.json", "{}")
    found = scanner.scan_names(
        ["e1.status.json", "e1.status.json", "state.json", "../e9.status.json", "no.run.json"], later
    )
    assert (ids(found), found.gone) == (["e1"], [])
    assert ids(scanner.scan(later)) == ["e2"]


def test_scanning_all_reads_all_and_forgetting_gives_all(layout: Layout, scanner: Scanner, later: datetime) -> None:
    put(layout, "e1.status.json", "{}")
    scanner.scan(later)
    assert ids(scanner.scan_all(later)) == []
    scanner.forget()
    assert ids(scanner.scan(later)) == ["e1"]


def test_a_folder_that_is_gone_or_new_is_no_error(layout: Layout, scanner: Scanner, later: datetime) -> None:
    assert scanner.scan(later).readings == []
    put(layout, "e1.status.json", "{}")
    assert ids(scanner.scan(later)) == ["e1"]


def test_a_fingerprint_changes_with_every_file_that_counts_and_with_no_other(layout: Layout) -> None:
    assert fingerprint(layout.dispatch) == ""
    put(layout, "e1.status.json", "{}")
    seen = {first := fingerprint(layout.dispatch, ["state.json"])}
    put(layout, "state.json", "{}")
    put(layout, ".temporary", "")
    assert fingerprint(layout.dispatch, ["state.json"]) == first
    put(layout, "e1.status.json", "{}")
    seen.add(fingerprint(layout.dispatch, ["state.json"]))
    os.utime(layout.dispatch / "e1.status.json", (OLD + 1, OLD + 1))
    seen.add(fingerprint(layout.dispatch, ["state.json"]))
    put(layout, "e2.status.json", "{}")
    seen.add(fingerprint(layout.dispatch, ["state.json"]))
    assert len(seen) == 4
