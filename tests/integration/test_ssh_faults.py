"""What happens to questions when the host, its shell or the way to it misbehaves."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from autolab.errors import HostUnreachable, NoAnswer, UnreadableReply
from autolab.hosts.ssh import SshConnection
from autolab.model.command import Request
from tests.labhosts import LabHosts, until

pytestmark = pytest.mark.ssh
HELLO = Request("echo hello")
Connect = Callable[..., SshConnection]


class Watched(BytesIO):
    """An answer in the making: does something once, as soon as its first bytes are there."""

    def __init__(self, then: Callable[[], object]) -> None:
        super().__init__()
        self._then = then
        self._done = False

    def write(self, piece: bytes) -> int:  # type: ignore[override]
        written = super().write(piece)
        if not self._done:
            self._done = True
            self._then()
        return written


@pytest.mark.rule("N12")
def test_what_start_up_files_print_is_noise(lab: LabHosts, ssh_to: Connect) -> None:
    lab.bashrc("lab1", "echo Welcome to lab1; printf 'BEGIN-0\\nEND-0 0'; echo oops >&2")
    reply = ssh_to("lab1").ask(HELLO)
    assert reply.out == b"hello\n"
    assert reply.noise.startswith(b"Welcome to lab1\nBEGIN-0")


@pytest.mark.rule("N12")
def test_of_much_noise_four_kibibytes_are_kept(lab: LabHosts, ssh_to: Connect) -> None:
    lab.bashrc("lab1", "head -c 3000000 /dev/zero")
    reply = ssh_to("lab1").ask(Request("cat <&3", payload=b"x" * 100_000))
    assert (len(reply.out), len(reply.noise)) == (100_000, 4096)


@pytest.mark.rule("N12")
def test_a_start_up_file_that_is_slow_only_takes_time(lab: LabHosts, ssh_to: Connect) -> None:
    lab.bashrc("lab1", "sleep 1")
    assert ssh_to("lab1").ask(Request("cat <&3", payload=b"late")).out == b"late"


@pytest.mark.rule("N13")
def test_a_start_up_file_that_exits_leaves_no_shell_to_answer(lab: LabHosts, ssh_to: Connect) -> None:
    lab.bashrc("lab1", "echo This account is closed.; exit 1")
    with pytest.raises(UnreadableReply, match="the remote shell did not answer") as refused:
        ssh_to("lab1").ask(HELLO)
    assert "This account is closed." in refused.value.said


@pytest.mark.rule("N13")
def test_a_login_shell_that_is_none_does_not_answer(lab: LabHosts, ssh_to: Connect) -> None:
    lab.configure("lab1", "ForceCommand /usr/sbin/nologin")
    with pytest.raises(UnreadableReply, match="the remote shell did not answer"):
        ssh_to("lab1").ask(HELLO)


@pytest.mark.rule("N14")
@pytest.mark.parametrize("shell", ["tcsh", "fish"])
def test_a_login_shell_of_another_family_only_hands_the_question_on(lab: LabHosts, ssh_to: Connect, shell: str) -> None:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is missing")
    lab.configure("lab1", f'ForceCommand exec {found} -c "$SSH_ORIGINAL_COMMAND"')  # as sshd runs a login shell
    assert ssh_to("lab1").ask(Request("a='it''s'; echo $a")).out == b"its\n"


@pytest.mark.rule("N14")
def test_a_host_with_nothing_but_busybox_answers(lab: LabHosts, ssh_to: Connect) -> None:
    lab.path_only("lab1", lab.busybox_folder())
    assert ssh_to("lab1").ask(Request("command -v sed")).out.decode() == f"{lab.busybox_folder()}/sed\n"


@pytest.mark.rule("N10")
def test_a_host_that_allows_two_sessions_answers_twenty_questions_at_once(lab: LabHosts, ssh_to: Connect) -> None:
    lab.configure("lab1", "MaxSessions 2")
    connection = ssh_to("lab1")
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda n: connection.ask(Request(f"echo {n}")).out, range(20)))
    assert answers == [b"%d\n" % n for n in range(20)]


def test_many_questions_cost_one_login(ssh_to: Connect) -> None:
    logins: list[int] = []
    connection = ssh_to("lab1", may_log_in=lambda: logins.append(1) is None)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: connection.ask(HELLO), range(24)))
    assert len(logins) == 1


@pytest.mark.rule("N1")
def test_a_connection_cut_in_the_middle_of_an_answer_is_no_answer(lab: LabHosts, ssh_to: Connect) -> None:
    connection = ssh_to("lab1")
    into = Watched(lambda: lab.cut("lab1"))
    with pytest.raises(NoAnswer, match="closed in the middle"):
        connection.ask(Request("head -c 100000 /dev/zero; exec sleep 30"), into)
    assert connection.ask(HELLO).out == b"hello\n"


@pytest.mark.rule("N1")
def test_a_connection_that_died_between_questions_is_replaced_without_a_word(lab: LabHosts, ssh_to: Connect) -> None:
    connection = ssh_to("lab1")
    connection.ask(HELLO)
    lab.cut("lab1")
    assert connection.ask(HELLO).out == b"hello\n"


@pytest.mark.rule("N1")
def test_a_payload_cut_on_the_way_is_no_answer(lab: LabHosts, ssh_to: Connect) -> None:
    request = Request("head -c 1000 <&3; sleep 30", payload=b"x" * 50_000_000, deadline=timedelta(seconds=20))
    with pytest.raises(NoAnswer, match="closed"):
        ssh_to("lab1").ask(request, Watched(lambda: lab.cut("lab1")))


@pytest.mark.root
@pytest.mark.rule("N2")
def test_packets_that_vanish_during_a_question_are_no_answer_by_its_deadline(lab: LabHosts, ssh_to: Connect) -> None:
    connection = ssh_to("lab1")
    connection.ask(HELLO)
    into = Watched(lambda: lab.drop("lab1"))
    began = time.monotonic()
    with pytest.raises(NoAnswer, match="within 3 s"):
        connection.ask(Request("echo half; exec sleep 30", deadline=timedelta(seconds=3)), into)
    assert time.monotonic() - began < 8


@pytest.mark.root
@pytest.mark.rule("N2")
def test_a_payload_into_a_black_hole_ends_by_its_deadline(lab: LabHosts, ssh_to: Connect) -> None:
    connection = ssh_to("lab1")
    request = Request("echo ready; cat <&3 >/dev/null", payload=b"x" * 80_000_000, deadline=timedelta(seconds=3))
    began = time.monotonic()
    with pytest.raises(NoAnswer):
        connection.ask(request, Watched(lambda: lab.drop("lab1")))
    assert time.monotonic() - began < 10


@pytest.mark.root
@pytest.mark.rule("N2")
def test_a_dead_link_is_noticed_long_before_a_far_deadline(lab: LabHosts, ssh_to: Connect) -> None:
    request = Request("echo half; exec sleep 300", deadline=timedelta(minutes=5))
    began = time.monotonic()
    with pytest.raises(NoAnswer, match="closed in the middle"):
        ssh_to("lab1").ask(request, Watched(lambda: lab.drop("lab1")))
    assert time.monotonic() - began < 60  # keepalive 15 s, then 30 s without an acknowledgement


@pytest.mark.root
@pytest.mark.rule("N2")
def test_after_a_black_hole_the_host_is_asked_over_a_new_connection(lab: LabHosts, ssh_to: Connect) -> None:
    connection = ssh_to("lab1")
    connection.ask(HELLO)
    lab.drop("lab1")
    with pytest.raises(HostUnreachable):
        connection.ask(Request("echo lost", deadline=timedelta(seconds=1)))
    lab.undrop("lab1")
    assert connection.ask(HELLO).out == b"hello\n"


@pytest.mark.root
def test_a_host_that_was_restarted_is_asked_over_a_new_connection(lab: LabHosts, ssh_to: Connect) -> None:
    boot_id = Request("cat /proc/sys/kernel/random/boot_id")
    connection = ssh_to("lab1")
    before = connection.ask(boot_id).out
    lab.stop("lab1")
    lab.start("lab1")
    assert connection.ask(boot_id).out != before


def test_closing_ends_questions_that_are_under_way(ssh_to: Connect) -> None:
    connection = ssh_to("lab1")
    with pytest.raises(NoAnswer, match="closed"):
        connection.ask(Request("echo half; exec sleep 30"), Watched(connection.close))


def test_no_thread_and_no_descriptor_is_left_after_closing(ssh_to: Connect) -> None:
    connection = ssh_to("lab1")
    connection.ask(HELLO)
    connection.close()
    until(lambda: not _ours(), "the threads of the first connection are gone")
    before = _descriptors()
    for _ in range(3):
        connection.ask(Request("cat <&3", payload=b"x" * 100_000))
        connection.close()
    until(lambda: not _ours() and _descriptors() <= before, "everything is let go")


def _ours() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("autolab-", "Thread-"))]


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
