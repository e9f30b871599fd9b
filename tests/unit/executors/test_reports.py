"""Answers of hosts as text: what is believed, and what is only said to make no sense."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.errors import UnreadableReply
from autolab.executors.dialects import reports
from autolab.executors.dialects.dialect import Seen
from autolab.model.action import Job
from autolab.model.command import Reply
from autolab.model.observation import Liveness, Look

NOW = datetime(2026, 11, 20, tzinfo=UTC)
JOB = Job("lab", "one", 1, "~/s/lab/one/a1", "token", "f00d", "/p")
HOST = "autolab 1\nhost boot\x1fmachine\x1fnode\x1fpid:[1]\x1f12.5\n"
NONCE = "0123456789abcdef" * 2
CLAIM: dict[str, object] = {
    "nonce": NONCE, "lab": "lab", "id": "one", "attempt": 1, "token": "token", "spec_hash": "f00d",
    "pid": 7, "start_ticks": 8, "runner_pid": 5, "runner_start_ticks": 6,
    "boot_id": "boot", "pid_ns": "pid:[1]", "machine_id": "machine", "node": "node", "by": "x",
}  # fmt: skip


def answer(*lines: str, outside: str = "", files: bytes = b"") -> Seen:
    """What is read from a report of one job made of ``lines``."""
    report = HOST + "job one/a1\nrun 1\n" + "".join(f"{line}\n" for line in lines) + f"end\n{outside}files\n"
    return read(report.encode() + files)


def read(out: bytes) -> Seen:
    return reports.read_jobs(Reply(out, 0), {"one/a1": JOB}, NOW)["one"]


def claim(**changes: object) -> str:
    return "claim " + json.dumps(CLAIM | changes)


def archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_a_running_attempt_is_read_with_its_host() -> None:
    seen = answer("log 12", "staged boot boot", claim(), "child alive", "runner alive")
    assert seen.claim is not None
    assert (seen.look, seen.claim.pid, seen.claim.runner_start_ticks) == (Look.SEEN, 7, 6)
    assert (seen.child, seen.runner, seen.log_size, seen.staged_boot) == (Liveness.ALIVE, Liveness.ALIVE, 12, "boot")
    assert (seen.host.node, seen.host.uptime_s) == ("node", 12.5)


def test_an_end_brings_its_log_and_what_the_job_said() -> None:
    end = f'exit {{"nonce":"{NONCE}","status":3,"at":1790000000,"uptime_s":99.5}}'
    files = archive(**{"one/a1/out.log": b"hello"}) + archive(**{"dispatch/one.run.json": b"{}"})
    seen = answer("log 5", claim(), "child gone", "runner gone", end, files=files)
    assert seen.exit is not None
    assert (seen.exit.status, seen.exit.at, seen.exit.uptime_s) == (3, "2026-09-21T14:13:20+00:00", 99.5)
    assert (seen.log, seen.run_json) == (b"hello", b"{}")


def test_a_log_that_was_not_brought_is_not_an_empty_log() -> None:
    end = f'exit {{"nonce":"{NONCE}","status":0,"at":1,"uptime_s":1}}'
    assert answer("log 70000", claim(), end).log is None
    assert answer("log 0", claim(), end).log == b""
    assert answer("log 5", claim(), end, files=b"no archive").log is None


@pytest.mark.parametrize(
    "changes",
    [
        {"pid": "7"}, {"pid": True}, {"pid": -1}, {"pid": 2**63}, {"nonce": 5}, {"id": "two"}, {"attempt": 2},
        {"lab": "other"}, {"spec_hash": "beef"}, {"start_ticks": 1.5}, {"node": None},
    ],
)  # fmt: skip
def test_a_claim_with_a_wrong_field_is_garbled_and_no_claim(changes: dict[str, object]) -> None:
    seen = answer(claim(**changes), "child alive")
    assert (seen.claim, seen.look) == (None, Look.SEEN)
    assert seen.garbled.startswith("claim: ")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "5", '{"nonce":"a","nonce":"b"}', "[" * 900])
def test_a_claim_that_is_no_object_is_garbled(text: str) -> None:
    assert answer(f"claim {text}").garbled


@pytest.mark.parametrize(
    "record",
    ['{"nonce":"other","status":0,"at":1,"uptime_s":1}', '{"status":0}', f'{{"nonce":"{NONCE}","status":256,"at":1}}',
     f'{{"nonce":"{NONCE}","status":"0","at":1}}', "{", f'{{"nonce":"{NONCE}","status":-1,"at":1}}'],
)  # fmt: skip
def test_an_exit_record_that_is_not_the_claims_is_no_end(record: str) -> None:
    seen = answer(claim(), f"exit {record}")
    assert (seen.exit, bool(seen.garbled)) == (None, True)


def test_a_fence_is_no_claim() -> None:
    seen = answer('claim {"nonce":"FENCED00","lab":"lab","id":"one","attempt":1,"by":"me"}')
    assert (seen.fenced, seen.claim, seen.garbled) == (True, None, "")


def test_facts_that_the_shell_adds_behind_the_reports_belong_to_their_attempt() -> None:
    seen = answer(claim(), outside="result one/a1 fresh\nothers one/a1 2\nunreadable one/a1 1\nothers two/a1 9\n")
    assert (seen.result, seen.others, seen.unreadable) == ("fresh", 2, 1)


def test_a_report_without_its_end_mark_is_unreadable() -> None:
    assert read((HOST + "job one/a1\nrun 1\n" + claim() + "\nfiles\n").encode()).look is Look.UNREADABLE


@pytest.mark.parametrize("out", [b"", b"hello\nfiles\n", HOST.encode(), b"autolab 1\nhost a\x1fb\nfiles\n"])
def test_what_is_no_answer_of_ours_is_refused_as_a_whole(out: bytes) -> None:
    with pytest.raises(UnreadableReply):
        read(out)


def test_a_full_disk_is_told_from_other_complaints() -> None:
    for error, look in (("tar: write: No space left on device", Look.NO_SPACE), ("mkdir: not today", Look.CANNOT)):
        seen = read(f"{HOST}error {error}\njob one/a1\nrun 0\nend\nfiles\n".encode())
        assert (seen.look, seen.reason) == (look, error)


def test_another_driver_is_named() -> None:
    seen = read(f"{HOST}driver 9 clone-b\njob one/a1\nrun 1\nend\nfiles\n".encode())
    assert (seen.look, "9 clone-b" in seen.reason) == (Look.NOT_DRIVER, True)


def test_a_lab_folder_that_is_not_there_holds_no_attempt_and_one_that_cannot_be_entered_is_unknown() -> None:
    seen = read(f"{HOST}nothing\nfiles\n".encode())
    assert (seen.look, seen.run) == (Look.SEEN, False)
    assert read(f"{HOST}files\n".encode()).look is Look.UNREADABLE
    assert read(f"{HOST}error the state folder cannot be entered\nfiles\n".encode()).look is Look.CANNOT


@given(st.binary(max_size=200))
def test_no_answer_of_any_kind_does_more_than_be_unreadable(noise: bytes) -> None:
    for out in (
        noise,
        HOST.encode() + noise + b"\nfiles\n",
        HOST.encode() + b"job one/a1\n" + noise + b"\nend\nfiles\n",
    ):
        try:
            seen = read(out)
        except UnreadableReply:
            continue
        assert seen.exit is None
