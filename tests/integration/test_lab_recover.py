"""The record of a lab is deleted and made anew: waiting work is held, what runs is found, nothing runs twice."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from autolab.api.lease import lease_show, lease_take
from autolab.api.place import find_place
from autolab.api.project import open_project
from autolab.api.recovery import recover
from autolab.errors import Busy, StoreDamaged
from autolab.model.documents import parse_event
from autolab.model.state import DispatchState
from autolab.model.transitions import fold
from tests.labs import GO, SmallLab, an_experiment


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[SmallLab]:
    """One that is done, one that runs, one that waits; no engine at work, its record and git as it left them."""
    with SmallLab(tmp_path, {"local": {"kind": "local", "slots": 1}}) as lab:
        lab.add(an_experiment("done", "true", priority=2), an_experiment("runs", GO, priority=1))
        lab.add(an_experiment("waits", "true"))
        with lab.engine() as at_work:
            at_work.until_are("done", "done")
            at_work.until_are("running", "runs")
            at_work.until_are("pending", "waits")
        yield lab


def lose_the_record(lab: SmallLab) -> None:
    shutil.rmtree(lab.layout.journal)


def ended_once(lab: SmallLab) -> None:
    """After a release everything ends, each once, and the journal says what state.json says."""
    lab.go()
    lab.wish("release", ids=["waits"])
    with lab.engine() as at_work:
        at_work.until_are("done", "done", "runs", "waits")
    lab.assert_once_each("done", "runs", "waits")
    lab.assert_replay_equals_state()


def test_a_deleted_journal_comes_back_with_what_waited_held_and_everything_ends_once(lab: SmallLab) -> None:
    was = {ident: entry.status for ident, entry in lab.replayed().entries.items()}
    lose_the_record(lab)
    with pytest.raises(StoreDamaged) as refused:
        lab.open_engine()
    assert "autolab recover" in refused.value.hint
    place = find_place(lab.root)
    told = recover(place, dry_run=True)
    assert not lab.layout.journal.exists() or not list(lab.layout.journal.iterdir())
    assert recover(place) == {**told, "dry_run": False}
    assert (told["experiments"], told["held"], told["open_attempts"]) == (3, 1, ["runs.1"])
    assert told["unknown"] == []
    state = lab.replayed()
    assert {i: e.status for i, e in state.entries.items()} == {**was, "waits": "on_hold"}
    with lab.engine() as at_work:
        at_work.until_are("running", "runs")
        at_work.until_are("on_hold", "waits")
    ended_once(lab)


def test_a_snapshot_older_than_the_view_is_brought_up_to_it(lab: SmallLab) -> None:
    put_back_the_snapshot(lab, 3)
    was = lab.replayed()
    lose_the_record(lab)
    told = recover(find_place(lab.root))
    assert (told["seq"], told["unknown"], told["open_attempts"]) == (was.seq + 1, [], ["runs.1"])
    assert lab.replayed().entries["done"] == was.entries["done"]
    ended_once(lab)


def test_what_was_launched_in_a_gap_is_found_on_its_host_and_not_launched_elsewhere(tmp_path: Path) -> None:
    hosts = {name: {"kind": "local", "slots": 1, "state_dir": str(tmp_path / name)} for name in ("left", "right")}
    with SmallLab(tmp_path, hosts) as lab:
        lab.add(an_experiment("done", "true", host="left"))
        with lab.engine() as at_work:
            at_work.until_are("done", "done")
            lab.add(an_experiment("runs", GO))
            at_work.until_are("running", "runs")
        forget(lab, "launch_intended", "runs")
        told = recover(find_place(lab.root))
        assert told["held"] == 1
        assert "events" in told["unknown"][0]
        project = open_project(lab.root)
        assert not lease_show(project)["ours"]  # what said which clone this is was lost too
        taken = lease_take(project, "recovered")
        assert [run for host in taken["hosts"] for run in host["adopted"]] == ["runs.1"]
        lab.wish("release", ids=["runs"])
        with lab.engine() as at_work:
            at_work.until_are("running", "runs")
            lab.go()
            at_work.until_are("done", "done", "runs")
        lab.assert_once_each("done", "runs")
        lab.assert_replay_equals_state()


def forget(lab: SmallLab, event: str, ident: str) -> None:
    """Lose the record; git's snapshot is older than this event, and the view does not reach back to it."""
    lines = lab.layout.journal_view.read_bytes().splitlines(keepends=True)
    shown = [json.loads(line) for line in lines]
    at = next(i for i, line in enumerate(shown) if (line["event"], line["id"]) == (event, ident))
    put_back_the_snapshot(lab, shown[at]["seq"] - 1)
    lab.layout.journal_view.write_bytes(b"".join(lines[at + 1 :]))
    shutil.rmtree(lab.layout.record)


def put_back_the_snapshot(lab: SmallLab, seq: int) -> None:
    """Make refs/autolab/state what it would have been at ``seq``."""
    state = DispatchState(project="small", lab=lab.lab)
    for document in lab.events()[:seq]:
        fold(state, parse_event(document))
    git = ["git", "-C", str(lab.root)]

    def said(*words: str, given: bytes = b"") -> str:
        return subprocess.run([*git, *words], input=given, capture_output=True, check=True).stdout.decode().strip()

    blob = said("hash-object", "-w", "--stdin", given=orjson.dumps(state))
    tree = said("mktree", given=f"100644 blob {blob}\tsnapshot.json\n".encode())
    who = ["-c", "user.name=t", "-c", "user.email=t@t"]
    commit = said(*who, "commit-tree", tree, "-m", "older")
    said("update-ref", "refs/autolab/state", commit)


def test_recovering_is_refused_where_a_journal_is_or_an_engine_runs_or_nothing_is_left(lab: SmallLab) -> None:
    place = find_place(lab.root)
    with pytest.raises(StoreDamaged, match="is there"):
        recover(place)
    with closing(lab.open_engine()), pytest.raises(Busy):
        recover(place)
    lose_the_record(lab)
    drop_the_ref(lab)
    for view in (lab.layout.journal_view, lab.layout.state):
        view.unlink()
    for dry_run in (True, False):
        with pytest.raises(StoreDamaged, match="refs/autolab/state") as refused:
            recover(place, dry_run=dry_run)
        assert "git fetch" in refused.value.hint
    assert not list(lab.layout.journal.glob("*.jsonl"))


def drop_the_ref(lab: SmallLab) -> None:
    subprocess.run(["git", "-C", str(lab.root), "update-ref", "-d", "refs/autolab/state"], check=True)


def test_without_the_ref_a_view_that_reaches_back_to_the_beginning_gives_everything(lab: SmallLab) -> None:
    was = lab.replayed()
    lose_the_record(lab)
    drop_the_ref(lab)
    told = recover(find_place(lab.root))
    assert (told["seq"], told["held"], told["open_attempts"]) == (was.seq + 1, 1, ["runs.1"])
    assert [line.split(",")[0] for line in told["unknown"]] == [f"events after {was.seq}"]
    assert lab.replayed().entries["runs"] == was.entries["runs"]
    ended_once(lab)


@pytest.mark.rule("B10")
@pytest.mark.parametrize("committed", [False, True])
def test_without_ref_and_view_the_state_that_people_see_is_enough_and_hosts_say_the_rest(
    lab: SmallLab, committed: bool
) -> None:
    was = lab.replayed()
    lab.layout.journal_view.unlink()
    if committed:
        git = ["git", "-C", str(lab.root), "-c", "user.name=t", "-c", "user.email=t@t"]
        subprocess.run([*git, "add", "-f", "dispatch/state.json"], check=True)
        subprocess.run([*git, "commit", "-qm", "state", "--no-verify"], check=True)
        lab.layout.state.unlink()
    shutil.rmtree(lab.layout.record)
    drop_the_ref(lab)
    told = recover(find_place(lab.root))
    assert (told["seq"], told["experiments"], told["held"], told["open_attempts"]) == (was.seq + 2, 3, 2, [])
    assert any("runs.1" in line for line in told["unknown"])
    assert any("git fetch" in line for line in told["unknown"])
    assert lab.replayed().entries["done"].status == "done"
    with lab.engine() as at_work:
        at_work.until_are("on_hold", "runs", "waits")
    taken = lease_take(open_project(lab.root), "recovered")
    assert "runs.1" in [run for host in taken["hosts"] for run in host["adopted"]]
    lab.wish("release", ids=["runs"])
    ended_once(lab)


def test_a_damaged_journal_is_kept_aside(lab: SmallLab) -> None:
    segment = max(lab.layout.journal.iterdir())
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join([*lines[:2], b"damage\n", *lines[3:]]))
    with pytest.raises(StoreDamaged):
        lab.open_engine()
    told = recover(find_place(lab.root))
    assert "damaged" in told["unknown"][0]
    (aside,) = lab.layout.record.glob("journal.damaged-*")
    assert (aside / segment.name).read_bytes().count(b"damage\n") == 1
    ended_once(lab)
