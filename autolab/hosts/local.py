"""This machine as a host: the same shell and the same frames as over SSH."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, BinaryIO, Final

from autolab.errors import HostUnreachable
from autolab.hosts.framing import NOISE_KEPT, PIECE, NothingSaid, WireBroken, converse
from autolab.model.command import Reply, Request

POSIX_SHELL: Final = ("/bin/sh", "-s")


class LocalConnection:
    """Asks /bin/sh on this machine; one shell per question, so there is nothing to keep open."""

    def __init__(self, host: str, shell: Sequence[str] = POSIX_SHELL) -> None:
        self.host = host
        self._shell = tuple(shell)

    def ask(self, request: Request, into: BinaryIO | None = None) -> Reply:
        """As ``Connection.ask``; at the deadline the shell and its process group are killed."""
        ends_at = time.monotonic() + request.deadline.total_seconds()
        try:
            return converse(_PipeWire(self._shell, self.host), request, into, ends_at=ends_at, host=self.host)
        except NothingSaid as error:
            raise HostUnreachable(f"{self.host}: the shell did not start: {error}") from error

    def close(self) -> None:
        """Nothing is open between questions."""


class _PipeWire:
    """A shell of our own at the other end of three pipes, in a session of its own."""

    def __init__(self, shell: Sequence[str], host: str) -> None:
        home = Path.home()
        try:
            self._process = subprocess.Popen(
                shell,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=home if home.is_dir() else "/",  # where an SSH session starts too
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise HostUnreachable(f"{host}: cannot start {shell[0]}: {error.strerror}") from error
        self._stdin, self._stdout, self._stderr = _pipes(self._process)
        os.set_blocking(self._stdin.fileno(), False)
        self._sending = threading.Lock()
        self._ears = select.poll()
        self._ears.register(self._stdout, select.POLLIN)
        self._ears.register(self._stderr, select.POLLIN)
        self._ended = False
        self.complaint = b""

    def start(self) -> None:
        """It runs since it was made."""

    def send(self, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            with self._sending:
                rest = rest[self._write(rest) :]
            if rest:
                self._wait_for_room()

    def _write(self, piece: memoryview) -> int:
        if self._stdin.closed:
            raise WireBroken("closed")
        try:
            return os.write(self._stdin.fileno(), piece)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise WireBroken(error.strerror) from error

    def _wait_for_room(self) -> None:
        room = select.poll()
        with self._sending:
            if self._stdin.closed:
                raise WireBroken("closed")
            room.register(self._stdin, select.POLLOUT)
        room.poll(100)  # short: nothing wakes us when the other thread closes

    def end(self) -> None:
        with self._sending:
            self._stdin.close()

    def read(self, wait_s: float) -> bytes | None:
        heard = {fd for fd, _ in self._ears.poll(wait_s * 1000)}
        if self._stderr.fileno() in heard:
            self._hear_complaint()
        if self._stdout.fileno() in heard:
            said = os.read(self._stdout.fileno(), PIECE)
            self._ended = not said
            return said or None
        return b""

    def _hear_complaint(self) -> None:
        said = os.read(self._stderr.fileno(), PIECE)
        self.complaint = (self.complaint + said)[:NOISE_KEPT]
        if not said:
            self._ears.unregister(self._stderr)

    def exited(self) -> bool:
        return self._process.poll() is not None and self._process.returncode >= 0

    def close(self) -> None:
        """Let go; the shell exits by itself after END, and has 5 s for it."""
        self._let_go()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._kill()

    def abandon(self) -> None:
        """A shell that ended by itself keeps its exit status; any other is killed with its process group."""
        self._let_go()
        if self._ended:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)
        self._kill()

    def _let_go(self) -> None:
        with self._sending:
            self._stdin.close()
        for stream in (self._stdout, self._stderr):
            stream.close()

    def _kill(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(5)


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    return process.stdin, process.stdout, process.stderr
