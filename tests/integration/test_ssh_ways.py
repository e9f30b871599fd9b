"""How a host is reached, and what is said when it is not: configuration, jump hosts, and each way of being away."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from autolab.errors import HostKeyRefused, HostUnreachable, LoginRefused
from autolab.hosts.ssh import SshConnection
from autolab.model.command import Request
from tests.labhosts import PORT, USERLANDS, LabHosts, until

pytestmark = [pytest.mark.ssh, pytest.mark.parametrize("userland", USERLANDS, indirect=True, scope="module")]
HELLO = Request("echo hello")
Connect = Callable[..., SshConnection]


@pytest.fixture
def config(lab: LabHosts, tmp_path: Path) -> Callable[[str], Path]:
    """From lines that go first to a configuration with them before the lab's own."""

    def write(text: str) -> Path:
        path = tmp_path / "config"
        path.write_text(text + lab.config.read_text())
        return path

    return write


@pytest.fixture
def mute() -> Iterator[int]:
    """A port on this machine that takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def test_what_an_included_file_says_holds(lab: LabHosts, ssh_to: Connect, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.write_text(f"Include {lab.config}\n")
    assert ssh_to("lab1", outer).ask(HELLO).out == b"hello\n"


@pytest.mark.rule("N20")
def test_a_host_behind_a_jump_host_is_reached_through_it(lab: LabHosts, ssh_to: Connect, config: Callable) -> None:
    through = config("Host lab2\n  ProxyJump lab1\n")
    reply = ssh_to("lab2", through).ask(Request("echo $SSH_CONNECTION; hostname"))
    (
        client,
        *_,
    ) = reply.out.decode().split()
    if lab.isolated:
        assert client == lab.address("lab1")


@pytest.mark.rule("N20")
def test_jump_hosts_in_a_row_are_gone_through_in_order(lab: LabHosts, ssh_to: Connect, config: Callable) -> None:
    target = f"Host lab-far\n  HostName {lab.address('lab1')}\n  ProxyJump lab1,{lab.user.pw_name}@lab2:{PORT}\n"
    through = config(target)
    reply = ssh_to("lab-far", through).ask(Request("echo $SSH_CONNECTION"))
    if lab.isolated:
        assert reply.out.decode().split()[0] == lab.address("lab2")


@pytest.mark.rule("N20")
def test_a_jump_host_that_is_down_is_named(lab: LabHosts, ssh_to: Connect, config: Callable) -> None:
    through = config("Host lab2\n  ProxyJump lab1\n")
    lab.kill_sshd("lab1")
    with pytest.raises(HostUnreachable, match=f"lab1: {lab.address('lab1')}:{PORT} refused"):
        ssh_to("lab2", through).ask(HELLO)


@pytest.mark.rule("N20")
def test_a_host_that_is_down_behind_a_jump_host_is_named(lab: LabHosts, ssh_to: Connect, config: Callable) -> None:
    through = config("Host lab2\n  ProxyJump lab1\n")
    lab.kill_sshd("lab2")
    with pytest.raises(HostUnreachable, match="lab2: the jump host lab1 could not reach"):
        ssh_to("lab2", through).ask(HELLO)


@pytest.mark.rule("N6")
def test_the_key_of_a_jump_host_is_checked_like_any_other(lab: LabHosts, ssh_to: Connect, config: Callable) -> None:
    through = config("Host lab2\n  ProxyJump lab1\n")
    lab.change_key("lab1")
    with pytest.raises(HostKeyRefused, match="KEY CHANGED for lab1"):
        ssh_to("lab2", through).ask(HELLO)


def test_a_proxy_command_of_the_user_carries_the_connection(lab: LabHosts, ssh_to: Connect, config: Callable) -> None:
    through = config("Host lab1\n  ProxyCommand busybox nc %h %p\n")
    connection = ssh_to("lab1", through)
    assert connection.ask(HELLO).out == b"hello\n"


@pytest.mark.rule("N3")
def test_a_name_that_nobody_knows_is_said_to_be_unknown(ssh_to: Connect, config: Callable) -> None:
    with pytest.raises(HostUnreachable, match=r"the name nowhere\.invalid is not known"):
        ssh_to("far", config("Host far\n  HostName nowhere.invalid\n")).ask(HELLO)


@pytest.mark.rule("N3")
def test_a_port_where_nothing_listens_is_said_to_refuse(lab: LabHosts, ssh_to: Connect) -> None:
    lab.kill_sshd("lab1")
    with pytest.raises(HostUnreachable, match="refused the connection"):
        ssh_to("lab1").ask(HELLO)


@pytest.mark.root
@pytest.mark.rule("N3")
def test_a_host_that_is_off_is_said_to_have_no_way_there(lab: LabHosts, ssh_to: Connect) -> None:
    lab.stop("lab1")
    with pytest.raises(HostUnreachable, match=f"{PORT}: no way there"):
        ssh_to("lab1").ask(HELLO)


@pytest.mark.root
@pytest.mark.rule("N3")
def test_a_black_hole_is_said_not_to_answer(lab: LabHosts, ssh_to: Connect) -> None:
    lab.drop("lab1")
    with pytest.raises(HostUnreachable, match="does not answer within 10 s"):
        ssh_to("lab1").ask(HELLO)


@pytest.mark.rule("N4")
def test_a_port_without_a_banner_is_said_to_be_no_ssh_server(ssh_to: Connect, config: Callable, mute: int) -> None:
    with pytest.raises(HostUnreachable, match="not as an SSH server"):
        ssh_to("lab1", config(f"Host lab1\n  HostName 127.0.0.1\n  Port {mute}\n")).ask(HELLO)


@pytest.mark.rule("N11")
def test_a_door_that_is_shut_before_the_banner_is_knocked_at_again(
    ssh_to: Connect, config: Callable, tmp_path: Path
) -> None:
    door = tmp_path / "door"
    door.write_text(f"[ -e {tmp_path}/knocked ] && exec busybox nc $1 $2\n: >{tmp_path}/knocked\n")
    through = config(f"Host lab1\n  ProxyCommand /bin/sh {door} %h %p\n")
    assert ssh_to("lab1", through).ask(HELLO).out == b"hello\n"


@pytest.mark.rule("N11")
def test_a_server_that_stays_full_is_unreachable_until_a_place_is_free(lab: LabHosts, ssh_to: Connect) -> None:
    lab.configure("lab1", "MaxStartups 1")
    with closing(the_one_place_at(lab)), pytest.raises(HostUnreachable, match="not as an SSH server"):
        ssh_to("lab1").ask(HELLO)
    assert ssh_to("lab1").ask(HELLO).out == b"hello\n"


def the_one_place_at(lab: LabHosts) -> socket.socket:
    """A login that stays under way and fills the server's only place."""
    tried: list[socket.socket] = []

    def greeted() -> bool:
        tried.append(socket.create_connection((lab.address("lab1"), PORT)))
        return tried[-1].recv(4) == b"SSH-" or tried[-1].close() is not None

    until(greeted, "lab1 has a free place")
    return tried[-1]


def test_a_name_that_ssh_would_take_for_an_option_is_refused(lab: LabHosts) -> None:
    with pytest.raises(HostUnreachable, match="not the name of a host"):
        SshConnection("x", "-oProxyCommand=touch /tmp/x", lab.config).ask(HELLO)


def test_a_configuration_that_ssh_refuses_is_quoted(ssh_to: Connect, config: Callable) -> None:
    with pytest.raises(HostUnreachable, match="Bad configuration option: nonsense"):
        ssh_to("lab1", config("Nonsense yes\n")).ask(HELLO)


def test_a_used_up_login_budget_refuses_before_the_host_is_touched(ssh_to: Connect) -> None:
    with pytest.raises(HostUnreachable, match="as many logins within the hour"):
        ssh_to("lab1", may_log_in=lambda: False).ask(Request("true", deadline=timedelta(seconds=5)))


def test_an_account_that_does_not_exist_is_refused(ssh_to: Connect, config: Callable) -> None:
    with pytest.raises(LoginRefused, match="nobody-here@"):
        ssh_to("lab1", config("Host lab1\n  User nobody-here\n")).ask(HELLO)
