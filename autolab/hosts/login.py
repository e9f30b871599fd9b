"""One login over SSH: find the way, prove the host's key, prove ourselves. No prompt, no second guess."""

from __future__ import annotations

import contextlib
import logging
import random
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import paramiko

from autolab.errors import HostKeyRefused, HostUnreachable
from autolab.hosts.identities import prove_ourselves
from autolab.hosts.known_hosts import HostKey, Known, keys_of
from autolab.hosts.openssh_config import Target, parse_jump, resolve

CONNECT_WITHIN_S: Final = 10.0
KEEPALIVE_S: Final = 15
UNACKED_MS: Final = 30_000  # with the keepalive a dead link is noticed within 45 s
TURNED_AWAY: Final = 3  # how often we knock where the door is shut before the banner (MaxStartups)
HOPS: Final = 8
LOGINS_AT_ONCE: Final = 3

_LOG = logging.getLogger("autolab.hosts.paramiko")
_LOG.setLevel(logging.CRITICAL)  # it calls each refused channel an error; what matters of it is in our exceptions

# Keys of one kind sign by several algorithms.
_ALGORITHMS: Final = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


class Doors:
    """At most three logins at once on each address, whoever asks for them. Share one among all connections.

    connect_s  longest wait for a connection, and then for a banner
    step_s     for each of the steps that compute: key exchange, each key offered, each channel
    """

    def __init__(self, connect_s: float = CONNECT_WITHIN_S) -> None:
        self.connect_s, self.step_s = connect_s, 1.5 * connect_s
        self._lock = threading.Lock()
        self._doors: dict[str, threading.BoundedSemaphore] = {}

    @contextlib.contextmanager
    def through(self, address: str, wait_s: float) -> Iterator[None]:
        """Hold a place at the door; raises HostUnreachable if none comes free in time."""
        with self._lock:
            door = self._doors.setdefault(address, threading.BoundedSemaphore(LOGINS_AT_ONCE))
        if not door.acquire(timeout=max(wait_s, 0)):
            raise HostUnreachable(f"{address}: {LOGINS_AT_ONCE} logins there at once are still under way")
        try:
            yield
        finally:
            door.release()


class Session:
    """A logged-in transport and what carries it: the jump host's session, the proxy's process."""

    def __init__(self, transport: paramiko.Transport, carriers: contextlib.ExitStack) -> None:
        self.transport = transport
        self._carriers = carriers
        self._lock = threading.Lock()

    def alive(self) -> bool:
        """Whether the transport thinks so; a dropped link shows only after a while."""
        return self.transport.is_active()

    def close(self) -> None:
        """End it at once, with everything said over it. From any thread, also twice."""
        with self._lock:
            carriers, self._carriers = self._carriers, contextlib.ExitStack()
        carriers.close()


def log_in(alias: str, config_path: Path | None, doors: Doors) -> Session:
    """A session on the host that ``ssh alias`` would reach.

    raises  HostUnreachable  the name is unknown, the port refuses, nothing answers, or what answers is no SSH server
            HostKeyRefused   the host's key is unknown, changed or revoked, whatever StrictHostKeyChecking says
            LoginRefused     the host is the right one and does not let us in
    """
    return _log_in(resolve(alias, config_path), config_path, doors, HOPS)


def _log_in(target: Target, config_path: Path | None, doors: Doors, hops_left: int) -> Session:
    with contextlib.ExitStack() as carriers:
        way = _Way(target, config_path, doors, hops_left)
        with doors.through(target.address, doors.connect_s):
            transport = _shake_hands(way, carriers)
            _check_host_key(transport, target)
            prove_ourselves(transport, target)
        transport.set_keepalive(KEEPALIVE_S)
        return Session(transport, carriers.pop_all())
    raise AssertionError("unreachable")  # ExitStack swallows nothing here


def key_shown(alias: str, config_path: Path | None, doors: Doors) -> tuple[Target, HostKey, Known]:
    """The key that the host of ``ssh alias`` shows now, and which are known of it; nobody logs in there.

    raises  HostUnreachable as ``log_in``; HostKeyRefused, LoginRefused of a jump host on the way
    """
    target = resolve(alias, config_path)
    with contextlib.ExitStack() as carriers:
        with doors.through(target.address, doors.connect_s):
            shown = _shake_hands(_Way(target, config_path, doors, HOPS), carriers).get_remote_server_key()
        return target, HostKey(shown.get_name(), shown.asbytes()), _known(target)
    raise AssertionError("unreachable")  # ExitStack swallows nothing here


class _Way:
    """How bytes get to a target: straight, through the user's proxy command, or through jump hosts."""

    def __init__(self, target: Target, config_path: Path | None, doors: Doors, hops_left: int) -> None:
        self.target = target
        self._config_path = config_path
        self.doors = doors
        self._hops_left = hops_left

    def open(self, carriers: contextlib.ExitStack) -> socket.socket | paramiko.Channel:
        if self.target.jumps:
            return self._through_jump(carriers)
        if self.target.proxy_command:
            return _proxy(self.target.proxy_command, carriers)
        return carriers.enter_context(_connect(self.target, self.doors))

    def _through_jump(self, carriers: contextlib.ExitStack) -> paramiko.Channel:
        """As ssh does: the last jump host is reached through the others, each one checked like the host itself."""
        target, *before, last = self.target, *self.target.jumps
        if not self._hops_left:
            raise HostUnreachable(f"{target.alias}: more than {HOPS} jump hosts in a row")
        name, options = parse_jump(last)
        hop = resolve(name, self._config_path, options)
        hop = replace(hop, jumps=tuple(before)) if before else hop
        session = _log_in(hop, self._config_path, self.doors, self._hops_left - 1)
        carriers.callback(session.close)
        try:
            return session.transport.open_channel(
                "direct-tcpip", (target.hostname, target.port), ("127.0.0.1", 0), timeout=self.doors.step_s
            )
        except (paramiko.SSHException, EOFError, OSError) as error:
            text = f"{target.alias}: the jump host {name} could not reach {target.address}: {error}"
            raise HostUnreachable(text) from error


def _proxy(command: str, carriers: contextlib.ExitStack) -> socket.socket:
    """The user's own ProxyCommand, run by a shell as ssh does, at the other end of a socket pair."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    carriers.callback(process.wait)
    carriers.callback(process.kill)
    return carriers.enter_context(ours)


def _connect(target: Target, doors: Doors) -> socket.socket:
    """A TCP connection that notices a dead link, in one of four ways an error."""
    where = f"{target.alias}: {target.address}"
    for family, kind, protocol, _, place in (addresses := _addresses(target, doors.step_s)):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(doors.connect_s)
            sock.connect(place)
        except OSError as error:
            sock.close()
            if place is not addresses[-1][-1]:
                continue
            raise _unreachable(where, error, doors.connect_s) from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # 40 ms less for every question
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKED_MS)
        return sock
    raise HostUnreachable(f"{where}: the name has no address")


def _unreachable(where: str, error: OSError, within_s: float) -> HostUnreachable:
    if isinstance(error, ConnectionRefusedError):
        return HostUnreachable(f"{where} refused the connection", hint="is sshd running there, on that port?")
    if isinstance(error, TimeoutError):
        return HostUnreachable(f"{where} does not answer within {within_s:g} s", hint="is the host up?")
    return HostUnreachable(f"{where}: no way there: {error.strerror or error}", hint="is the network, or a VPN, up?")


_Address = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


def _addresses(target: Target, within_s: float) -> list[_Address]:
    """The addresses of a name. Asked in a thread of its own: a resolver that hangs cannot be interrupted."""
    found: list[_Address] = []
    wrong: list[OSError] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(target.hostname, target.port, type=socket.SOCK_STREAM))
        except OSError as error:
            wrong.append(error)

    asking = threading.Thread(target=look_up, name="autolab-resolve", daemon=True)
    asking.start()
    asking.join(within_s)
    if not found:
        why = wrong[0].strerror if wrong else f"no answer within {within_s:g} s"
        text = f"{target.alias}: the name {target.hostname} is not known: {why}"
        raise HostUnreachable(text, hint="check the spelling, or HostName in the ssh configuration")
    return found


def _shake_hands(way: _Way, carriers: contextlib.ExitStack) -> paramiko.Transport:
    """Banner and key exchange. A server that shuts the door at once is full (MaxStartups): knock again, later."""
    for knock in range(1, TURNED_AWAY + 1):
        with contextlib.ExitStack() as mine:
            began = time.monotonic()
            transport = _transport(way, mine)
            try:
                transport.start_client(timeout=way.doors.connect_s + way.doors.step_s)
                transport.get_remote_server_key()  # start_client gives up in silence, this does not
                carriers.push(mine.pop_all())
                return transport
            except (paramiko.SSHException, EOFError, OSError) as error:
                at_once = time.monotonic() - began < 2
                if not at_once or knock == TURNED_AWAY or transport.remote_version:
                    raise _no_server(way.target, error, said=transport.remote_version) from error
        time.sleep(random.uniform(0.3, 1.0) * knock)  # noqa: S311  apart from others who were turned away
    raise AssertionError("unreachable")


def _no_server(target: Target, error: Exception, said: str) -> HostUnreachable:
    where = f"{target.alias}: {target.address}"
    if said:
        return HostUnreachable(f"{where}: the SSH key exchange failed: {error}")
    return HostUnreachable(f"{where} answers, but not as an SSH server: {error}", hint="is that the right port?")


def _transport(way: _Way, carriers: contextlib.ExitStack) -> paramiko.Transport:
    transport = paramiko.Transport(way.open(carriers))
    carriers.callback(transport.close)
    transport.daemon = True
    transport.set_log_channel(_LOG.name)
    transport.banner_timeout = way.doors.connect_s
    transport.handshake_timeout = transport.auth_timeout = transport.channel_timeout = way.doors.step_s
    _prefer_known_kinds(transport, _known(way.target))
    return transport


def _known(target: Target) -> Known:
    lines: list[str] = []
    for path in target.known_hosts:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            try:
                lines += path.read_text(encoding="utf-8", errors="replace").splitlines()
            except PermissionError as error:
                raise HostKeyRefused(f"{target.alias}: cannot read the known hosts in {path}") from error
    return keys_of(target.key_name, lines)


def _prefer_known_kinds(transport: paramiko.Transport, known: Known) -> None:
    """Ask for the kinds of key we know, or a host with several would show one that we have never seen."""
    security = transport.get_security_options()
    wanted = [name for key in known.keys for name in _ALGORITHMS.get(key.kind, (key.kind,))]
    offered = list(security.key_types)
    first = [name for name in dict.fromkeys(wanted) if name in offered]
    security.key_types = [*first, *(name for name in offered if name not in first)]


def _check_host_key(transport: paramiko.Transport, target: Target) -> None:
    shown = transport.get_remote_server_key()
    offered = HostKey(shown.get_name(), shown.asbytes())
    known = _known(target)
    if offered in known.revoked:
        raise HostKeyRefused(f"{target.alias}: the key {offered.fingerprint} of {target.address} is revoked")
    if offered in known.keys:
        return
    show = f"offered {offered.kind} {offered.fingerprint}"
    if not known.keys:
        raise HostKeyRefused(
            f"{target.alias}: the key of {target.address} is not known: {show}",
            hint=f"compare it with what the host's owner says, and accept it by logging in once: ssh {target.alias}",
        )
    fingerprints = ", ".join(f"{key.kind} {key.fingerprint}" for key in known.keys)
    raise HostKeyRefused(
        f"KEY CHANGED for {target.alias} ({target.address}): known {fingerprints}; {show}",
        hint="someone may stand in between. If its owner says that the host was reinstalled, forget the old key: "
        f"ssh-keygen -R {shlex.quote(target.key_name)}",
    )
