"""What every connection keeps: one question, one whole answer or a named failure, whatever the shell or the way."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from autolab.errors import NoAnswer, UnreadableReply
from autolab.hosts.connection import Connection
from autolab.hosts.framing import request_text
from autolab.hosts.local import LocalConnection
from autolab.model.command import Request

SHELLS = {"dash": ("dash", "-s"), "bash": ("bash", "-s"), "busybox": ("busybox", "sh", "-s")}
EVERY_BYTE = bytes(range(256)) * 40
SOON = timedelta(seconds=0.5)


@pytest.fixture(params=[*SHELLS, pytest.param("ssh", marks=pytest.mark.ssh)])
def host(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A connection of each kind."""
    if request.param == "ssh":
        yield request.getfixturevalue("ssh_to")("lab1")
    else:
        yield LocalConnection("here", SHELLS[request.param])


def test_what_the_script_says_is_the_answer(host: Connection) -> None:
    reply = host.ask(Request("echo hello; printf 'no newline'"))
    assert (reply.out, reply.status) == (b"hello\nno newline", 0)


def test_a_script_that_says_nothing_has_an_empty_answer(host: Connection) -> None:
    assert host.ask(Request("true")).out == b""


@pytest.mark.rule("N18")
def test_the_status_is_the_scripts_own_also_255(host: Connection) -> None:
    assert [host.ask(Request(f"exit {status}")).status for status in (0, 1, 79, 255)] == [0, 1, 79, 255]


def test_answers_may_hold_any_byte(host: Connection) -> None:
    reply = host.ask(Request("cat <&3", payload=EVERY_BYTE))
    assert reply.out == EVERY_BYTE


def test_a_here_document_carries_text_of_a_user_untouched(host: Connection) -> None:
    text = "$(reboot) `x` \\ ' \" $HOME é"
    assert host.ask(Request(f"cat <<'__TEXT__'\n{text}\n__TEXT__")).out.decode() == text + "\n"


def test_five_megabytes_arrive_whole_and_come_back_whole(host: Connection) -> None:
    payload = hashlib.sha256(b"seed").digest() * 160_000
    reply = host.ask(Request("cat <&3", payload=payload))
    assert hashlib.sha256(reply.out).digest() == hashlib.sha256(payload).digest()


def test_a_payload_may_be_a_file(host: Connection, tmp_path: Path) -> None:
    file = tmp_path / "payload"
    file.write_bytes(EVERY_BYTE)
    assert host.ask(Request("wc -c <&3", payload=file)).out.split() == [b"10240"]


def test_the_payload_of_a_script_that_does_not_read_it_is_never_run(host: Connection) -> None:
    reply = host.ask(Request("exit 3", payload=b"echo run by mistake\n" * 100_000))
    assert (reply.out, reply.status) == (b"", 3)


def test_the_scripts_own_input_is_empty(host: Connection) -> None:
    assert host.ask(Request("cat; echo end", payload=b"payload")).out == b"end\n"


def test_an_answer_can_be_streamed_into_a_file(host: Connection) -> None:
    into = BytesIO()
    reply = host.ask(Request("cat <&3; exit 4", payload=EVERY_BYTE * 100), into)
    assert (into.getvalue(), reply.out, reply.status) == (EVERY_BYTE * 100, b"", 4)


def test_an_answer_over_the_limit_is_refused_and_shows_its_beginning(host: Connection) -> None:
    with pytest.raises(UnreadableReply) as refused:
        host.ask(Request("while :; do echo flood; done", limit=100_000))
    assert refused.value.said.startswith("flood\nflood\n")


def test_the_limit_holds_for_streams_too(host: Connection) -> None:
    into = BytesIO()
    with pytest.raises(UnreadableReply):
        host.ask(Request("while :; do echo flood; done", limit=100_000), into)
    assert len(into.getvalue()) <= 100_000


@pytest.mark.rule("N19")
def test_a_flood_on_standard_error_does_not_stop_the_answer(host: Connection) -> None:
    script = "head -c 5000000 /dev/zero >&2; echo done"
    assert host.ask(Request(script)).out == b"done\n"


@pytest.mark.rule("N19")
def test_a_child_that_holds_the_output_open_does_not_hold_the_answer(host: Connection) -> None:
    began = time.monotonic()
    assert host.ask(Request("sleep 5 & echo started")).out == b"started\n"
    assert time.monotonic() - began < 4


@pytest.mark.rule("N2")
def test_no_whole_answer_by_the_deadline_is_no_answer(host: Connection) -> None:
    host.ask(Request("true"))
    began = time.monotonic()
    with pytest.raises(NoAnswer, match="deadline"):
        host.ask(Request("echo half; exec sleep 30", deadline=SOON))
    assert time.monotonic() - began < 5


@pytest.mark.rule("N1")
def test_an_answer_that_is_cut_is_no_answer(host: Connection) -> None:
    with pytest.raises(NoAnswer, match="closed in the middle"):
        host.ask(Request("echo half; kill -9 $$"))


def test_after_a_failed_question_the_next_one_is_answered(host: Connection) -> None:
    with pytest.raises(NoAnswer):
        host.ask(Request("kill -9 $$"))
    assert host.ask(Request("echo well")).out == b"well\n"


def test_a_closed_connection_opens_again_when_asked(host: Connection) -> None:
    host.ask(Request("true"))
    host.close()
    assert host.ask(Request("echo again")).out == b"again\n"


@pytest.mark.rule("N10")
def test_fifty_questions_at_once_are_all_answered(host: Connection) -> None:
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda n: host.ask(Request(f"echo {n}")).out, range(50)))
    assert answers == [b"%d\n" % n for n in range(50)]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.rule("N1")
def test_a_request_cut_anywhere_runs_wholly_or_not_at_all(shell: str, tmp_path: Path) -> None:
    script = f"cat >{tmp_path}/first <<'__X__'\ntext\n__X__\nif true; then\n: >{tmp_path}/second\nfi"
    text = request_text(script, "n0")
    run = _runner(SHELLS[shell], tmp_path)
    whole = [size for size in range(len(text) + 1) if run(text[:size])]
    assert set(whole) <= {len(text) - 1, len(text)}  # the last byte is a newline


def _runner(shell: tuple[str, ...], folder: Path) -> Callable[[bytes], bool]:
    """Whether a shell that gets this text does all of it (True) or nothing."""

    def run(text: bytes) -> bool:
        done = subprocess.run(shell, input=text, capture_output=True, check=False)
        marks = sorted(path.name for path in folder.iterdir())
        for path in folder.iterdir():
            path.unlink()
        assert marks in ([], ["first", "second"])
        assert bool(marks) == (b"BEGIN-n0" in done.stdout) == (b"END-n0 0" in done.stdout)
        return bool(marks)

    return run
