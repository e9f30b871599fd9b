"""What a silent, refusing or babbling host becomes: a sighting of every attempt that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest

from autolab.errors import (
    DiskFailed,
    HostKeyRefused,
    HostUnreachable,
    LoginRefused,
    NoAnswer,
    OutsideFailed,
    UnreadableReply,
)
from autolab.executors.dialects.dialect import Seen
from autolab.executors.dialects.process import Process
from autolab.executors.executor import Executor
from autolab.model.action import Code, Driver, Job, StageOrder
from autolab.model.command import Reply, Request
from autolab.model.observation import Look

NOW = datetime(2026, 11, 20, tzinfo=UTC)
JOBS = [Job("lab", id, 1, f"~/s/lab/{id}/a1", "token", "f00d", "/p") for id in ("one", "two")]
HOST = b"autolab 1\nhost boot\x1fmachine\x1fnode\x1fpid:[1]\x1f12.5\n"


class Answers:
    """A connection that gives its answers in turn; an exception is raised, the last one for ever."""

    host = "fake"

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []

    def ask(self, request: Request, into: BinaryIO | None = None) -> Reply:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if into is not None:
            into.write(answer)
        return Reply(answer, 0)

    def close(self) -> None:
        """Nothing is open."""


def executor(connection: Answers) -> Executor:
    return Executor(connection, Process(), lambda: NOW)


def orders(archive: Path) -> list[StageOrder]:
    return [StageOrder(job, Code("d", "~/s/lab/code/d", archive), "true\n", {}, "{}") for job in JOBS]


CALLS: dict[str, Callable[[Executor], dict[str, Seen]]] = {
    "stage": lambda executor: executor.stage(orders(Path("/nowhere"))),
    "start": lambda executor: executor.start(JOBS, Driver(1, "c")),
    "look": lambda executor: executor.look(JOBS),
    "fence": lambda executor: executor.fence(JOBS),
    "signal": lambda executor: executor.signal(JOBS),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("error", "look"),
    [
        (HostUnreachable("no route"), Look.UNREACHABLE),
        (NoAnswer("too late"), Look.NO_ANSWER),
        (LoginRefused("key"), Look.REFUSED),
        (HostKeyRefused("changed"), Look.REFUSED),
        (UnreadableReply("fish"), Look.UNREADABLE),
    ],
)
def test_what_fails_on_the_way_is_a_sighting_of_every_attempt(
    call: Callable[[Executor], dict[str, Seen]], error: OutsideFailed, look: Look
) -> None:
    seen = call(executor(Answers(error)))
    assert {id: (one.look, one.reason) for id, one in seen.items()} == {
        "one": (look, str(error)),
        "two": (look, str(error)),
    }


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_nonsense_is_unreadable_and_never_an_end(call: Callable[[Executor], dict[str, Seen]]) -> None:
    assert {one.look for one in call(executor(Answers(b"bash: welcome"))).values()} == {Look.UNREADABLE}


def test_code_travels_only_where_a_host_lacks_it(tmp_path: Path) -> None:
    archive = tmp_path / "code.tar"
    archive.write_bytes(b"tar")
    report = b"".join(b"job %s/a1\nrun 1\nstaged boot boot\nend\n" % job.id.encode() for job in JOBS)
    there = Answers(HOST + report + b"files\n")
    executor(there).stage(orders(archive))
    assert [request.payload == archive for request in there.asked] == [False]
    lacking = HOST + b"lack one/a1\nlack two/a1\nfiles\n"
    away = Answers(lacking, b"placed\n" + HOST + b"over\n", HOST + report + b"files\n")
    seen = executor(away).stage(orders(archive))
    assert [request.payload == archive for request in away.asked] == [False, True, False]
    assert all(one.staged_boot == "boot" for one in seen.values())


def test_code_that_finds_no_room_is_a_full_disk_of_what_needs_it(tmp_path: Path) -> None:
    archive = tmp_path / "code.tar"
    archive.write_bytes(b"tar")
    host = Answers(HOST + b"lack one/a1\nlack two/a1\nfiles\n", HOST + b"error tar: No space left on device\nover\n")
    assert {one.look for one in executor(host).stage(orders(archive)).values()} == {Look.NO_SPACE}


def test_jobs_of_two_lab_folders_are_two_questions() -> None:
    host = Answers(NoAnswer("too late"))
    other = replace(JOBS[1], dir="/elsewhere/lab/two/a1")
    assert len(executor(host).look([JOBS[0], other])) == len(host.asked) == 2


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"over",
        b"file one/a1 log 5 00\nhello\n\nover\n",
        b"file one/a1 log 50 00\nhello",
        b"file two/../a1 log 0 00\n\nover\n",
        b"file one/a1 ../x 0 00\n\nover\n",
        b"file one/a1 log -5 00\n\nover\n",
    ],
)
def test_a_file_that_is_not_whole_is_not_collected(said: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnreadableReply):
        executor(Answers(said)).collect(JOBS[0], tmp_path / "got")
    assert not list((tmp_path / "got").glob("**/log"))


def test_files_that_our_own_disk_does_not_take_are_our_failure(tmp_path: Path) -> None:
    (tmp_path / "got").write_text("a file in the way")
    with pytest.raises(DiskFailed):
        executor(Answers(b"over\n")).collect(JOBS[0], tmp_path / "got")


def test_a_reason_does_not_repeat_the_host_that_whoever_shows_it_names() -> None:
    seen = executor(Answers(HostUnreachable("fake: the line is dead"))).look(JOBS)
    assert {sighting.reason for sighting in seen.values()} == {"the line is dead"}
