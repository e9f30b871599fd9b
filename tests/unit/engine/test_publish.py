"""What ended attempts brought is put in place whole or not at all."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path
from typing import Any

import pytest

from autolab.engine.publish import TAIL, Publisher
from autolab.errors import AutolabError, DiskFailed
from autolab.executors.dialects.dialect import Collected, Seen
from autolab.model.observation import Look
from autolab.store.faults import count_writes, fault
from autolab.store.files import Files
from autolab.store.layout import Layout
from tests.builders import LAB, T0, a_spec, an_ended_run, an_entry

HEAD = b"exp_id,method,dataset,group,metric,seed,value,host,gpu,finished_at\n"
ROW = b"a,m,d,main,acc,0,0.5,h1,,2026-11-20T10:44:12Z\n"
NAME = "experiments/results/a.csv"


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path, None, LAB)
    layout.dispatch.mkdir()
    return layout


@pytest.fixture
def publisher(layout: Layout, files: Files) -> Publisher:
    return Publisher(layout, files)


def publish(publisher: Publisher, attempt: int = 1, **brought: bytes) -> dict[str, Any]:
    """What is found of files that were fetched."""
    folder = publisher.incoming("h1")
    fetched = {}
    for name, content in brought.items():
        fetched[name] = folder / name
        fetched[name].write_bytes(content)
    entry = an_entry("a", spec=a_spec("a", result_file=NAME))
    found, _ = publisher.publish(entry, an_ended_run(attempt, "a"), Collected(**fetched), T0)
    return dict(found)


def test_a_good_result_is_put_in_place_and_known_by_its_sum(publisher: Publisher, layout: Layout) -> None:
    found = publish(publisher, result=HEAD + ROW)
    assert (layout.root / NAME).read_bytes() == HEAD + ROW
    assert found["result"] == "fresh"
    assert (found["path"], found["bytes"]) == (NAME, len(HEAD + ROW))
    assert found["sha256"] == hashlib.sha256(HEAD + ROW).hexdigest()


@pytest.mark.parametrize(
    "content",
    [b"", b" \n", HEAD, b"exp_id,method,dataset\na,m,d\n", HEAD + ROW.replace(b"a,", b"other,", 1), b'{"acc": 0.'],
)
@pytest.mark.parametrize("before", [None, HEAD + ROW])
def test_a_result_that_is_none_is_not_put_in_place(
    publisher: Publisher, layout: Layout, content: bytes, before: bytes | None
) -> None:
    place = layout.root / NAME
    if before is not None:
        place.parent.mkdir(parents=True)
        place.write_bytes(before)
    found = publish(publisher, 2, result=content)
    assert found["result"] == "invalid"
    assert NAME in found["reason"]
    assert (place.read_bytes() if place.exists() else None) == before
    assert list(place.parent.glob("*.a*")) == []


def test_a_result_that_was_not_written_is_absent_and_an_old_one_is_not_taken_for_it(
    publisher: Publisher, layout: Layout
) -> None:
    publish(publisher, result=HEAD + ROW)
    assert publish(publisher, 2, log=b"ended\n")["result"] == "absent"
    assert (layout.root / NAME).read_bytes() == HEAD + ROW


def test_the_result_of_an_earlier_attempt_is_kept_beside_the_new_one(publisher: Publisher, layout: Layout) -> None:
    new = HEAD + ROW.replace(b"0.5", b"0.7")
    publish(publisher, result=HEAD + ROW)
    publish(publisher, 2, result=new)
    results = (layout.root / NAME).parent
    assert {path.name: path.read_bytes() for path in results.iterdir()} == {"a.csv": new, "a.a1.csv": HEAD + ROW}


def test_the_same_result_again_is_kept_once(publisher: Publisher, layout: Layout) -> None:
    publish(publisher, result=HEAD + ROW)
    publish(publisher, 2, result=HEAD + ROW)
    publish(publisher, 2, result=HEAD + ROW)
    assert [path.name for path in (layout.root / NAME).parent.iterdir()] == ["a.csv"]


def test_publishing_again_after_a_crash_loses_no_earlier_result(publisher: Publisher, layout: Layout) -> None:
    new = HEAD + ROW.replace(b"0.5", b"0.7")
    publish(publisher, result=HEAD + ROW)
    for _ in range(2):
        publish(publisher, 2, result=new)
    assert (layout.root / "experiments/results/a.a1.csv").read_bytes() == HEAD + ROW


def test_a_disk_that_fails_at_any_step_leaves_the_old_result_or_the_new_one_whole(
    publisher: Publisher, layout: Layout, files: Files
) -> None:
    new = HEAD + ROW.replace(b"0.5", b"0.7")
    place = layout.root / NAME
    publish(publisher, result=HEAD + ROW, log=b"ended\n")
    kept = place.with_name("a.a1.csv")
    with count_writes(files) as calls:
        publish(publisher, 2, result=new, log=b"ended\n")
    for step in range(len(calls)):
        place.write_bytes(HEAD + ROW)
        kept.unlink(missing_ok=True)
        with pytest.raises(DiskFailed), fault(files, at=step, error=OSError(errno.EIO, "broken"), lasts=True):
            publish(publisher, 2, result=new, log=b"ended\n")
        assert place.read_bytes() in (HEAD + ROW, new), step
        if place.read_bytes() == new:
            assert kept.read_bytes() == HEAD + ROW, step
        assert {p.name for p in place.parent.iterdir() if not p.name.startswith(".")} <= {"a.csv", "a.a1.csv"}, step


def test_a_result_path_that_leads_out_of_the_project_is_refused(publisher: Publisher, layout: Layout) -> None:
    elsewhere = layout.root.parent / "elsewhere"
    elsewhere.mkdir()
    (layout.root / "experiments").mkdir()
    (layout.root / "experiments/results").symlink_to(elsewhere)
    with pytest.raises(AutolabError):
        publish(publisher, result=HEAD + ROW)
    assert list(elsewhere.iterdir()) == []


def test_each_attempt_has_a_log_of_its_own(publisher: Publisher, layout: Layout) -> None:
    publish(publisher, 1, log=b"one\n")
    publish(publisher, 2, log=b"two\n")
    assert layout.root.joinpath("experiments/logs/a.log").read_bytes() == b"one\n"
    assert layout.root.joinpath("experiments/logs/a_r2.log").read_bytes() == b"two\n"


def test_what_a_look_brought_along_is_kept_and_the_end_of_its_log_is_told(publisher: Publisher, layout: Layout) -> None:
    log = b"x" * TAIL + b"\xffthe end\n"
    seen = Seen(Look.SEEN, T0, log=log, run_json=b'{"acc": 1}')
    found, tail = publisher.publish_inline(an_entry("a"), an_ended_run(1, "a"), seen)
    assert found == {"result": "none", "log": "experiments/logs/a.log", "log_bytes": len(log)}
    assert layout.root.joinpath("experiments/logs/a.log").read_bytes() == log
    assert layout.run_file("a").read_bytes() == b'{"acc": 1}'
    assert tail.endswith("\ufffdthe end\n")
