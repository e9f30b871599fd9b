"""What the output of ``ssh -G`` means."""

from __future__ import annotations

from pathlib import Path

import pytest

from autolab.errors import HostUnreachable
from autolab.hosts.openssh_config import Target, parse, parse_jump, resolve

HOME = Path("/home/kim")
SAID = """\
host gpu7
user kim
hostname 10.0.0.7
port 2222
identitiesonly yes
identityfile ~/.ssh/id_ed25519
identityfile /keys/%r@%h
userknownhostsfile /home/kim/.ssh/known_hosts /home/kim/.ssh/known_hosts2
globalknownhostsfile /etc/ssh/ssh_known_hosts
"""


def target(more: str = "", **environ: str) -> Target:
    """The target in ``SAID`` and further lines, which come first."""
    return parse("gpu7", more + SAID, environ, HOME)


def test_a_target_is_read_with_all_its_files() -> None:
    found = target()
    assert (found.hostname, found.port, found.user, found.address) == ("10.0.0.7", 2222, "kim", "10.0.0.7:2222")
    assert found.identity_files == (HOME / ".ssh/id_ed25519", Path("/keys/kim@10.0.0.7"))
    assert [path.name for path in found.known_hosts] == ["known_hosts", "known_hosts2", "ssh_known_hosts"]
    assert found.identities_only


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ("", "[10.0.0.7]:2222"),
        ("port 22\n", "10.0.0.7"),
        ("hostkeyalias Login\n", "login"),
        ("hostname GPU7\n", "[gpu7]:2222"),
    ],
)
def test_a_host_key_is_known_under_the_name_that_ssh_uses(more: str, name: str) -> None:
    assert target(more).key_name == name


@pytest.mark.parametrize(
    ("said", "jumps"),
    [
        ("", ()),
        ("proxyjump none\n", ()),
        ("proxyjump a,kim@b:2200\n", ("a", "kim@b:2200")),
        ("proxyjump ssh://a\n", ("a",)),
    ],
)
def test_jump_hosts_come_in_the_order_of_the_way(said: str, jumps: tuple[str, ...]) -> None:
    assert target(said).jumps == jumps


def test_a_proxy_command_has_its_tokens_replaced() -> None:
    assert target("proxycommand nc -x 100%% %h %p %r %n\n").proxy_command == "nc -x 100% 10.0.0.7 2222 kim gpu7"


@pytest.mark.parametrize(
    ("said", "agent"),
    [
        ("", "/run/agent"),
        ("identityagent none\n", ""),
        ("identityagent SSH_AUTH_SOCK\n", "/run/agent"),
        ("identityagent $OTHER\n", "/run/other"),
        ("identityagent ~/.agent\n", "/home/kim/.agent"),
    ],
)
def test_the_agent_is_the_one_that_ssh_would_ask(said: str, agent: str) -> None:
    assert target(said, SSH_AUTH_SOCK="/run/agent", OTHER="/run/other").agent == agent


def test_known_hosts_files_may_be_none() -> None:
    assert target("userknownhostsfile none\nglobalknownhostsfile none\n").known_hosts == ()


@pytest.mark.parametrize(
    ("hop", "meaning"),
    [
        ("gate", ("gate", [])),
        ("kim@gate:2200", ("gate", ["-l", "kim", "-p", "2200"])),
        ("[::1]:2200", ("::1", ["-p", "2200"])),
    ],
)
def test_a_jump_host_is_a_name_and_options(hop: str, meaning: tuple[str, list[str]]) -> None:
    assert parse_jump(hop) == meaning


@pytest.mark.parametrize("alias", ["-oProxyCommand=x", "", "a b", "a;b", "$(x)"])
def test_what_is_not_a_name_never_reaches_the_command_line(alias: str) -> None:
    with pytest.raises(HostUnreachable, match="not the name of a host"):
        resolve(alias, None)
