"""A host over SSH: one login kept open, a channel for each question, nothing that acts ever said twice."""

from __future__ import annotations

import contextlib
import random
import select
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

import paramiko

from autolab.errors import HostUnreachable
from autolab.hosts.framing import NOISE_KEPT, PIECE, SHELL, NothingSaid, WireBroken, converse
from autolab.hosts.login import Doors, Session, log_in
from autolab.model.command import Reply, Request

CHANNELS_AT_ONCE: Final = 6  # sshd allows 10, and frees one only a moment after it was closed
LET_GO_WITHIN_S: Final = 2.0


class SshConnection:
    """Asks /bin/sh on the host that ``ssh alias`` reaches. Opened by the first question, and again after it broke."""

    def __init__(
        self,
        host: str,
        alias: str,
        config_path: Path | None = None,
        *,
        doors: Doors | None = None,
        may_log_in: Callable[[], bool] = lambda: True,
    ) -> None:
        """Opens nothing yet.

        doors       how long each step of a login may take; shared by all connections of a process, so that no host sees
                    too many logins at once
        may_log_in  asked before every login; False: the budget is used up, and the question is refused
        """
        self.host = host
        self._alias = alias
        self._config_path = config_path
        self._doors = doors or Doors()
        self._may_log_in = may_log_in
        self._channels = threading.BoundedSemaphore(CHANNELS_AT_ONCE)
        self._lock = threading.Lock()
        self._session: Session | None = None

    def ask(self, request: Request, into: BinaryIO | None = None) -> Reply:
        """As ``Connection.ask``; waiting for a free channel and for the login counts towards the deadline."""
        ends_at = time.monotonic() + request.deadline.total_seconds()
        if not self._channels.acquire(timeout=request.deadline.total_seconds()):
            raise HostUnreachable(f"{self.host}: {CHANNELS_AT_ONCE} other questions are still open there")
        try:
            return self._ask(request, into, ends_at)
        finally:
            self._channels.release()

    def _ask(self, request: Request, into: BinaryIO | None, ends_at: float) -> Reply:
        """While nothing was said, a channel that broke is opened anew; a session that died is replaced once."""
        replaced = False
        while True:
            session = self._open_session(ends_at)
            try:
                wire = _ChannelWire(session, _open_channel(session, ends_at, self.host, self._doors.step_s))
                return converse(wire, request, into, ends_at=ends_at, host=self.host)
            except NothingSaid as error:
                # A server at its limit may close a channel it has just opened. The session lives on then, and must:
                # other questions are being answered over it.
                channel_only = session.alive() and _pause(ends_at)
                if not channel_only:
                    self._forget(session)
                if time.monotonic() >= ends_at or (replaced and not channel_only):
                    raise HostUnreachable(
                        f"{self.host}: the connection broke before anything was said: {error}"
                    ) from error
                replaced = replaced or not channel_only

    def _open_session(self, ends_at: float) -> Session:
        if not self._lock.acquire(timeout=max(ends_at - time.monotonic(), 0)):
            raise HostUnreachable(f"{self.host}: still logging in")
        try:
            if self._session is None or not self._session.alive():
                self._drop()
                if not self._may_log_in():
                    raise HostUnreachable(f"{self.host}: as many logins within the hour as it may see; later again")
                self._session = log_in(self._alias, self._config_path, self._doors)
            return self._session
        finally:
            self._lock.release()

    def _forget(self, session: Session) -> None:
        with self._lock:
            if self._session is session:
                self._drop()

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session:
            session.close()

    def close(self) -> None:
        """End the session, and with it questions that are under way; asking again logs in anew."""
        with self._lock:
            self._drop()


def _open_channel(session: Session, ends_at: float, host: str, step_s: float) -> paramiko.Channel:
    """A channel; refusals (MaxSessions) are waited out. Raises NothingSaid, HostUnreachable at the deadline."""
    while (left := ends_at - time.monotonic()) > 0:
        try:
            return session.transport.open_session(timeout=min(left, step_s))
        except (paramiko.SSHException, EOFError, OSError) as error:
            # Not only ChannelException: two threads refused at once share one, and the second gets a bare SSHException.
            if "Timeout" in str(error):
                session.close()  # the link is stuck: nobody's answer comes over it any more
            if not session.alive():
                raise NothingSaid(str(error) or "the connection is dead") from error
        _pause(ends_at)
    raise HostUnreachable(f"{host}: no channel came free there within the deadline")


def _pause(ends_at: float) -> bool:
    """Wait a moment, unless the deadline is nearer; whether there is time left."""
    left = ends_at - time.monotonic()
    if left > 0:
        time.sleep(min(left, random.uniform(0.02, 0.1)))  # noqa: S311  several wait: not all at the same moment
    return ends_at > time.monotonic()


class _ChannelWire:
    """A shell behind an SSH channel."""

    def __init__(self, session: Session, channel: paramiko.Channel) -> None:
        self._session = session
        self._channel = channel
        self._ears = select.poll()
        self._ears.register(channel.fileno(), select.POLLIN)
        self._exited = False
        self.complaint = b""

    def start(self) -> None:
        try:
            self._channel.exec_command(SHELL)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise WireBroken(str(error)) from error

    def send(self, piece: bytes) -> None:
        try:
            self._channel.sendall(piece)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise WireBroken(str(error)) from error

    def end(self) -> None:
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            self._channel.shutdown_write()

    def read(self, wait_s: float) -> bytes | None:
        channel = self._channel
        self._ears.poll(wait_s * 1000)
        if channel.recv_stderr_ready():  # else it fills the window that both share, and stops the answer
            self.complaint = (self.complaint + channel.recv_stderr(PIECE))[:NOISE_KEPT]
        ended = channel.eof_received or channel.closed  # looked up first: what came before it is in the buffer now
        if channel.recv_ready():
            return channel.recv(PIECE)
        if not ended:
            return b""
        channel.status_event.wait(LET_GO_WITHIN_S)  # the exit status follows the end of the output
        self._exited = 0 <= channel.exit_status < 255  # -1 and 255 are the transport's own
        return None

    def exited(self) -> bool:
        return self._exited

    def close(self) -> None:
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            self._channel.close()

    def abandon(self) -> None:
        """Close the channel; where even that cannot be said, because the link is stuck, the session with it."""
        closing = threading.Thread(target=self.close, name="autolab-let-go", daemon=True)
        closing.start()
        closing.join(LET_GO_WITHIN_S)
        if closing.is_alive():
            self._session.close()
