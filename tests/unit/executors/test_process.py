"""Orders as requests: what travels in a word of ours, what in a here-document, and what does not travel at all."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autolab.errors import InvalidSpec
from autolab.executors.dialects.process import Process, root_of
from autolab.executors.runner import spoken
from autolab.model.action import Code, Driver, Job, StageOrder

JOB = Job("lab", "one", 1, "~/s/lab/one/a1", "token", "f00d", "~/it's $(a) `b`", "out/r 1.json")
ORDER = StageOrder(JOB, Code("d", "~/s/lab/code/d", Path("/nowhere.tar"), {"data": "/d"}), "run me\n", {"A": "b"}, "{}")
NOW = datetime(2026, 11, 20, tzinfo=UTC)
NOTHING: frozenset[str] = frozenset()


def scripts() -> list[str]:
    """One request of every kind."""
    process = Process()
    return [
        process.place(ORDER.code, 10).script,
        process.stage([ORDER]).script,
        process.start([JOB], Driver(1, "c"), 0, NOTHING).script,
        process.look([JOB], 5, NOTHING).script,
        process.fence([JOB], "it's me", NOW).script,
        process.signal([JOB]).script,
        process.collect([JOB]).script,
        process.tail(JOB, 0, 10).script,
        process.check("~/s/lab").script,
    ]


def test_every_request_is_one_compound_command() -> None:
    assert all(script.startswith("{\n") and script.endswith("}\n") for script in scripts())


def test_text_of_a_user_stands_in_quoted_here_documents_alone() -> None:
    for script in scripts():
        end = ""
        for line in script.splitlines():
            if not end and "<<'AL" in line:
                end = line.rpartition("<<'")[2].rstrip("'")
            elif end:
                end = "" if line == end else end
            else:
                assert "it's" not in line
                assert "r 1.json" not in line


def test_the_same_orders_make_the_same_request() -> None:
    assert scripts() == scripts()


def test_a_text_cannot_end_its_own_document() -> None:
    once = spoken("f", ["x"])
    end = once.splitlines()[-2]
    assert end not in spoken("f", [end]).splitlines()[-2]


def test_staging_carries_all_folders_in_one_archive_for_the_user_alone() -> None:
    other = replace(ORDER, job=replace(JOB, id="two", dir="~/s/lab/two/a1"))
    payload = Process().stage([ORDER, other]).payload
    assert isinstance(payload, bytes)
    with tarfile.open(fileobj=io.BytesIO(payload)) as tar:
        members = {member.name: member for member in tar}
        env = tar.extractfile("two/a1/env")
        assert env is not None
        assert env.read() == b"A=b\n"
    assert {f"{id}/a1/{name}" for id in ("one", "two") for name in ("spec.json", "cmd.sh", "env")} <= set(members)
    assert {member.mode for member in members.values() if member.isreg()} == {0o600}


@pytest.mark.parametrize(
    "order",
    [
        replace(ORDER, job=replace(JOB, project_dir="/a\nb")),
        replace(ORDER, job=replace(JOB, project_dir="/a\tb")),
        replace(ORDER, job=replace(JOB, project_dir="/a\x1fb")),
        replace(ORDER, job=replace(JOB, project_dir="relative")),
        replace(ORDER, job=replace(JOB, result_file="../r")),
        replace(ORDER, job=replace(JOB, result_file="/etc/shadow")),
        replace(ORDER, job=replace(JOB, id="../x")),
        replace(ORDER, job=replace(JOB, id="-rf")),
        replace(ORDER, job=replace(JOB, dir="~/s/lab/two/a1")),
        replace(ORDER, env={"A B": "c"}),
        replace(ORDER, env={"A": "b\nc"}),
        replace(ORDER, env={"UID": "0"}),
    ],
)
def test_an_order_that_no_shell_could_carry_is_refused(order: StageOrder) -> None:
    with pytest.raises(InvalidSpec):
        Process().stage([order])


def test_one_request_speaks_of_one_lab_folder() -> None:
    with pytest.raises(InvalidSpec):
        Process().look([JOB, replace(JOB, id="two", dir="~/other/lab/two/a1")], 0, NOTHING)


def test_the_lab_folder_is_two_above_the_attempt() -> None:
    assert root_of(JOB) == "~/s/lab"


def test_a_look_that_stays_open_has_as_much_more_time() -> None:
    short, long = (Process().look([JOB], hold, NOTHING).deadline for hold in (0, 30))
    assert (long - short).total_seconds() == 30
