"""Rules that only a whole lab can show: who reads, who speaks, what is written, what is sent."""

from __future__ import annotations

import tarfile
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from autolab import events, find_place, history, ps, show, status
from autolab.engine.running import poll, settle
from autolab.errors import NotTheDriver
from autolab.store.files import Files
from autolab.store.git import Git
from autolab.store.snapshot import CodeSnapshots
from tests.labhosts import until
from tests.labs import SmallLab, an_experiment

LOCAL = {"local": {"kind": "local", "slots": 2}}


def everything(root: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every file below ``root``."""
    return {str(p): (p.lstat().st_ino, p.lstat().st_mtime_ns) for p in sorted(root.rglob("*"))}


@pytest.mark.rule("1.2")
def test_looking_changes_no_file(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        lab.add(an_experiment("a"))
        with lab.engine() as at_work:
            at_work.until_are("done", "a")
        before = everything(lab.root)
        place = find_place(lab.root)
        assert status(place)["counts"]["done"] == 1
        ps(place)
        show(place, "a")
        history(place, "a")
        events(place)
        assert everything(lab.root) == before


@pytest.mark.rule("1.28")
def test_what_a_host_did_is_known_only_by_the_sidecar(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        lab.add(an_experiment("a", "exec sleep 60"))
        engine = lab.open_engine()
        try:
            sidecar = lab.layout.sidecar("a")

            def claimed() -> bool:
                """Ticks until the sidecar tells of a claim; the state never knows of it before."""
                told = orjson.loads(sidecar.read_bytes()) if sidecar.exists() else {}
                known = engine.state.entries.get("a")
                assert told.get("status") == "running" or known is None or known.status == "pending"
                if told.get("status") != "running":
                    engine.tick(lab.clock())
                return told.get("status") == "running"

            until(claimed, "the sidecar tells of a claim")

            def taken_in() -> bool:
                engine.tick(lab.clock())
                return engine.state.entries["a"].status == "running"

            until(taken_in, "the state follows the sidecar")
        finally:
            engine.close()


@pytest.mark.rule("1.44", "B69")
def test_an_experiment_has_an_entry_a_sidecar_and_a_page_and_the_state_its_project_and_time(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        lab.add(*(an_experiment(f"e_s{seed}", seed=seed) for seed in range(3)))
        engine = lab.open_engine()
        settle(engine)
        engine.close()
        state = orjson.loads(lab.layout.state.read_bytes())
        assert state["project"] == "small"
        assert state["updated"].endswith("Z")
        assert [entry["seed"] for entry in state["experiments"]] == [0, 1, 2]
        for entry in state["experiments"]:
            assert lab.layout.sidecar(entry["id"]).is_file()
            assert lab.layout.log(entry["id"]).is_file()


@pytest.mark.rule("1.44")
def test_an_archived_experiment_is_never_launched(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        lab.add(an_experiment("old", phase="Phase 4 (archived)"), an_experiment("new"))
        with lab.engine() as at_work:
            at_work.until_are("done", "new")
            assert at_work.status("old") == "pending"
        lab.assert_once_each("new")


@pytest.mark.rule("B41")
def test_a_file_that_was_removed_is_not_in_the_next_snapshot(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        snapshots = CodeSnapshots(lab.layout, Files(), Git(lab.root))
        (lab.root / "gone.py").write_text("print('old')\n")
        first = snapshots.take(lab.clock())
        (lab.root / "gone.py").unlink()
        second = snapshots.take(lab.clock() + timedelta(seconds=1))
        assert first.hash != second.hash
        with tarfile.open(first.tar) as before, tarfile.open(second.tar) as after:
            assert "gone.py" in before.getnames()
            assert "gone.py" not in after.getnames()


@pytest.mark.rule("B31")
def test_a_launch_does_not_wait_for_the_job_and_the_job_does_not_need_the_engine(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        lab.add(an_experiment("a", "until test -e $AUTOLAB_PROJECT_DIR/go; do sleep 0.05; done"))
        engine = lab.open_engine()
        report = poll(engine)  # comes back while the job still waits
        engine.close()
        assert report.running == 1
        lab.go("local")
        with lab.engine() as at_work:
            at_work.until_are("done", "a")
        lab.assert_once_each("a")


def test_a_linked_work_tree_does_not_drive_the_lab_of_the_first_until_that_is_gone(tmp_path: Path) -> None:
    with SmallLab(tmp_path, LOCAL) as lab:
        git = Git(lab.root)
        git.ask("add", "--force", "--", ".")
        git.ask("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all")
        lab.open_engine().close()
        git.ask("worktree", "add", "-q", str(tmp_path / "linked"))
        linked = SmallLab.at(tmp_path / "linked")
        with pytest.raises(NotTheDriver, match="driven in the work tree"):
            linked.open_engine()
        assert not linked.layout.state.exists()
        lab.layout.settings.unlink()
        linked.open_engine().close()
