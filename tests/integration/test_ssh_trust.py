"""Who we talk to and who we are: host keys, user keys, agents. No person is asked, nothing is accepted by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autolab.errors import HostKeyRefused, LoginRefused
from autolab.hosts.ssh import SshConnection
from autolab.model.command import Request
from tests.labhosts import PORT, LabHosts, until

pytestmark = pytest.mark.ssh
HELLO = Request("echo hello")
Connect = Callable[..., SshConnection]


def config_with(lab: LabHosts, folder: Path, *first: str) -> Path:
    """The lab's ssh configuration with lines that go before it."""
    path = folder / "config"
    path.write_text("Host lab*\n" + "".join(f"  {line}\n" for line in first) + lab.config.read_text())
    return path


def fingerprint(public_key: str) -> str:
    printed = subprocess.run(["ssh-keygen", "-lf", "-"], input=public_key, capture_output=True, text=True, check=True)
    return printed.stdout.split()[1]


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(path)], check=True)
    return path


def locked_copy(key: Path, folder: Path) -> Path:
    """The same key behind a passphrase."""
    copy = folder / "locked"
    shutil.copy(key, copy)
    copy.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-P", "", "-f", str(copy)], check=True)
    shutil.copy(key.with_suffix(".pub"), copy.with_suffix(".pub"))
    return copy


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """The socket of an ssh agent without keys."""
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    until(path.exists, "the agent listens")
    yield path
    process.terminate()
    process.wait(10)


@pytest.mark.rule("N6")
@pytest.mark.parametrize("lax", ["StrictHostKeyChecking no", "StrictHostKeyChecking accept-new"])
def test_a_changed_host_key_is_refused_with_both_fingerprints_however_lax_ssh_is(
    lab: LabHosts, ssh_to: Connect, tmp_path: Path, lax: str
) -> None:
    before = lab.public_key("lab1")
    lab.change_key("lab1")
    with pytest.raises(HostKeyRefused, match="KEY CHANGED for lab1") as refused:
        ssh_to("lab1", config_with(lab, tmp_path, lax)).ask(HELLO)
    assert f"known ssh-ed25519 {fingerprint(before)}" in refused.value.message
    assert f"offered ssh-ed25519 {fingerprint(lab.public_key('lab1'))}" in refused.value.message
    assert "ssh-keygen -R" in refused.value.hint


@pytest.mark.rule("N7")
def test_an_unknown_host_key_is_refused_and_not_written_down(lab: LabHosts, ssh_to: Connect, tmp_path: Path) -> None:
    empty = tmp_path / "known"
    empty.touch()
    config = config_with(lab, tmp_path, f"UserKnownHostsFile {empty}", "StrictHostKeyChecking no")
    with pytest.raises(HostKeyRefused, match="not known") as refused:
        ssh_to("lab1", config).ask(HELLO)
    assert fingerprint(lab.public_key("lab1")) in refused.value.message
    assert empty.read_text() == ""


def test_hashed_names_in_known_hosts_are_found(lab: LabHosts, ssh_to: Connect, tmp_path: Path) -> None:
    known = tmp_path / "known"
    shutil.copy(lab.known_hosts, known)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True)
    config = config_with(lab, tmp_path, f"UserKnownHostsFile {tmp_path}/absent {known}")
    assert ssh_to("lab1", config).ask(HELLO).out == b"hello\n"


def test_a_host_key_alias_is_the_name_that_is_looked_up(lab: LabHosts, ssh_to: Connect, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text(f"cluster-login {lab.public_key('lab1')}\n")
    config = config_with(lab, tmp_path, f"UserKnownHostsFile {known}", "HostKeyAlias cluster-login")
    assert ssh_to("lab1", config).ask(HELLO).out == b"hello\n"


def test_of_several_kinds_of_host_key_the_known_one_is_asked_for(
    lab: LabHosts, ssh_to: Connect, tmp_path: Path
) -> None:
    other = make_key(lab.dir / f"ecdsa-{tmp_path.name}", "ecdsa")
    public = other.with_suffix(".pub").read_text()
    known = tmp_path / "known"
    known.write_text(f"[{lab.address('lab1')}]:{PORT} {public}")
    lab.configure("lab1", f"HostKey {other}")
    assert ssh_to("lab1", config_with(lab, tmp_path, f"UserKnownHostsFile {known}")).ask(HELLO).out == b"hello\n"


def test_a_revoked_host_key_is_refused_although_it_is_known(lab: LabHosts, ssh_to: Connect, tmp_path: Path) -> None:
    revoked = tmp_path / "revoked"
    revoked.write_text(f"@revoked * {lab.public_key('lab1')}\n")
    config = config_with(lab, tmp_path, f"UserKnownHostsFile {lab.known_hosts} {revoked}")
    with pytest.raises(HostKeyRefused, match="revoked"):
        ssh_to("lab1", config).ask(HELLO)


@pytest.mark.rule("N8")
def test_a_key_that_the_host_does_not_take_is_offered_once(lab: LabHosts, ssh_to: Connect, tmp_path: Path) -> None:
    stranger = make_key(tmp_path / "stranger")
    config = tmp_path / "config"
    config.write_text(lab.config.read_text().replace(str(lab.user_key), str(stranger)))
    lab.configure("lab1", "LogLevel VERBOSE")
    with pytest.raises(LoginRefused, match="1 key offered") as refused:
        ssh_to("lab1", config).ask(HELLO)
    assert "ssh lab1" in refused.value.hint
    log = (lab.dir / "lab1" / "log").read_text()
    assert log.count(fingerprint(stranger.with_suffix(".pub").read_text())) == 1


@pytest.mark.rule("N9")
def test_a_locked_key_without_an_agent_is_refused_without_a_prompt(
    lab: LabHosts, ssh_to: Connect, tmp_path: Path
) -> None:
    locked = locked_copy(lab.user_key, tmp_path)
    config = tmp_path / "config"
    config.write_text(lab.config.read_text().replace(str(lab.user_key), str(locked)))
    with pytest.raises(LoginRefused, match=f"{locked} needs its passphrase") as refused:
        ssh_to("lab1", config).ask(HELLO)
    assert f"ssh-add {locked}" in refused.value.hint


@pytest.mark.rule("N9")
def test_an_agent_opens_what_a_locked_key_does_not(lab: LabHosts, ssh_to: Connect, tmp_path: Path, agent: Path) -> None:
    locked = locked_copy(lab.user_key, tmp_path)
    config = tmp_path / "config"
    text = lab.config.read_text().replace(str(lab.user_key), str(locked))
    config.write_text(text.replace("IdentityAgent none", f"IdentityAgent {agent}"))
    shutil.copy(lab.user_key, tmp_path / "open")
    (tmp_path / "open").chmod(0o600)
    subprocess.run(
        ["ssh-add", "-q", str(tmp_path / "open")], env={**os.environ, "SSH_AUTH_SOCK": str(agent)}, check=True
    )
    assert ssh_to("lab1", config).ask(HELLO).out == b"hello\n"


@pytest.mark.rule("N9")
def test_an_agent_that_is_gone_is_named(lab: LabHosts, ssh_to: Connect, tmp_path: Path) -> None:
    config = tmp_path / "config"
    text = lab.config.read_text().replace(str(lab.user_key), str(tmp_path / "absent"))
    config.write_text(text.replace("IdentityAgent none", f"IdentityAgent {tmp_path}/gone"))
    with pytest.raises(LoginRefused, match=r"the agent at .*/gone does not answer"):
        ssh_to("lab1", config).ask(HELLO)


@pytest.mark.rule("N9")
def test_a_host_that_wants_a_second_factor_is_refused(lab: LabHosts, ssh_to: Connect) -> None:
    lab.configure("lab1", "PasswordAuthentication yes", "AuthenticationMethods publickey,password")
    with pytest.raises(LoginRefused, match="more than a key: password"):
        ssh_to("lab1").ask(HELLO)
