"""Proving who we are: the keys of the agent and of files, in the order of ssh, each offered once, no prompt ever."""

from __future__ import annotations

import base64
import binascii
import contextlib
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.pkey import UnknownKeyType

from autolab.errors import HostUnreachable, LoginRefused
from autolab.hosts.openssh_config import Target

AGENT_WITHIN_S: Final = 10.0


class _Agent(paramiko.agent.AgentSSH):
    """The agent at a socket: paramiko's own class knows only SSH_AUTH_SOCK, and waits for it without end."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(AGENT_WITHIN_S)
            self._socket.connect(path)
            self._connect(self._socket)  # type: ignore[attr-defined]  # absent from the stubs
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()


@dataclass(slots=True)
class _Found:
    """Keys to offer, first one first, and what kept others from being offered, for the refusal's text."""

    keys: list[paramiko.PKey] = field(default_factory=list)
    locked: list[Path] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def prove_ourselves(transport: paramiko.Transport, target: Target) -> None:
    """Log in; raises LoginRefused after each key was offered once, HostUnreachable if the connection broke."""
    found = _Found()
    with contextlib.ExitStack() as open_until_done:
        of_agent = _from_agent(target, found, open_until_done)
        _collect(target, of_agent, found)
        for number, key in enumerate(found.keys):
            try:
                if _offer(transport, target, key):
                    return
            except HostUnreachable as error:
                if not number:
                    raise
                text = f"{_who(target)} closed the door after {number} of {len(found.keys)} keys"
                raise LoginRefused(
                    text, hint=f"name the key: IdentityFile, IdentitiesOnly; {_by_hand(target)}"
                ) from error
    raise _refusal(target, found)


def _offer(transport: paramiko.Transport, target: Target, key: paramiko.PKey) -> bool:
    try:
        wanted_too = transport.auth_publickey(target.user, key)
    except paramiko.BadAuthenticationType as error:
        allowed = ", ".join(error.allowed_types)
        raise LoginRefused(f"{_who(target)} takes no keys, only: {allowed}", hint=_by_hand(target)) from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        if transport.is_active() and "timeout" not in str(error):
            return False  # refused, or the agent would not sign with it
        raise HostUnreachable(f"{target.alias}: the connection broke during login: {error}") from error
    if wanted_too:
        raise LoginRefused(f"{_who(target)} wants more than a key: {', '.join(wanted_too)}", hint=_by_hand(target))
    return True


def _who(target: Target) -> str:
    return f"{target.alias}: {target.user}@{target.address}"


def _by_hand(target: Target) -> str:
    return f"see what `ssh {target.alias}` says"


def _refusal(target: Target, found: _Found) -> LoginRefused:
    if found.locked:
        locked = ", ".join(str(path) for path in found.locked)
        return LoginRefused(
            f"{_who(target)} did not let us in: {locked} needs its passphrase, and no agent holds it",
            hint=f"ssh-add {found.locked[0]}, then `ssh {target.alias}` must log in without a question",
        )
    tried = f"{len(found.keys)} key{'' if len(found.keys) == 1 else 's'} offered"
    why = "; ".join([tried, *found.passed_over])
    return LoginRefused(f"{_who(target)} did not let us in ({why})", hint=_by_hand(target))


def _from_agent(target: Target, found: _Found, until_done: contextlib.ExitStack) -> dict[bytes, paramiko.PKey]:
    if not target.agent:
        return {}
    try:
        agent = _Agent(target.agent)
    except (OSError, paramiko.SSHException) as error:
        found.passed_over.append(f"the agent at {target.agent} does not answer: {error}")
        return {}
    until_done.callback(agent.close)
    return {key.asbytes(): key for key in agent.get_keys()}


def _collect(target: Target, of_agent: dict[bytes, paramiko.PKey], found: _Found) -> None:
    """The order of ssh: named keys that the agent holds, its other keys unless IdentitiesOnly, then the files."""
    named = {path: blob for path in target.identity_files if (blob := _public_part(path))}
    held = [blob for blob in named.values() if blob in of_agent]
    others = [] if target.identities_only else [blob for blob in of_agent if blob not in held]
    found.keys += [of_agent[blob] for blob in dict.fromkeys([*held, *others])]
    for path in target.identity_files:
        if named.get(path) not in of_agent and path.suffix != ".pub":
            _read_key(path, found)


def _public_part(path: Path) -> bytes:
    """The public key beside a key file, or in it if it is public; empty if there is none."""
    public = path if path.suffix == ".pub" else path.with_name(path.name + ".pub")
    try:
        return base64.b64decode(public.read_text(encoding="ascii").split()[1], validate=True)
    except (OSError, ValueError, IndexError, binascii.Error):
        return b""


def _read_key(path: Path, found: _Found) -> None:
    try:
        found.keys.append(paramiko.PKey.from_path(path))
    except FileNotFoundError:
        return  # ssh's list of defaults names files that few people have
    except (TypeError, paramiko.PasswordRequiredException):  # TypeError: cryptography's word for "encrypted"
        found.locked.append(path)
    except (OSError, ValueError, paramiko.SSHException, UnsupportedAlgorithm, UnknownKeyType) as error:
        found.passed_over.append(f"{path} cannot be read: {str(error)[:100]}")
