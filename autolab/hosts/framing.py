"""How a request is said to a POSIX shell and how its answer is found again: the same words locally and over SSH."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO
from typing import BinaryIO, Final, Protocol

from autolab.errors import DiskFailed, NoAnswer, UnreadableReply
from autolab.model.command import Reply, Request

SHELL: Final = "exec /bin/sh -s"  # whatever the login shell is, csh and fish too, it can run these words
NOISE_KEPT: Final = 4096
PIECE: Final = 64 * 1024


class WireBroken(Exception):
    """The way to the shell is gone; the caller knows what that means for what was said."""


class NothingSaid(Exception):
    """The wire broke, or time ran out, before any byte of the request went out: asking again is safe."""


class Wire(Protocol):
    """Bytes to and from one shell. ``send`` runs in another thread than ``read`` and ``close``."""

    complaint: bytes  # the first 4 KiB of what the shell wrote to its standard error

    def start(self) -> None:
        """Have the shell started there; raises WireBroken."""

    def send(self, piece: bytes) -> None:
        """Send all of ``piece``, however long that takes; raises WireBroken, also when closed meanwhile."""

    def end(self) -> None:
        """Say that nothing more is sent."""

    def read(self, wait_s: float) -> bytes | None:
        """What came, at most ``PIECE`` bytes; empty if nothing came in time, None at the end."""

    def exited(self) -> bool:
        """After the end: whether the shell itself ended, not the way to it."""

    def close(self) -> None:
        """Let go after a whole answer; what the script left running goes on."""

    def abandon(self) -> None:
        """Let go of a shell that may hang, within seconds."""


def request_text(script: str, nonce: str) -> bytes:
    """The script as one compound command: a shell that gets only part of it runs none of it.

    The script's descriptor 3 is the shell's own input, where a payload follows; ``exit`` keeps the shell from taking
    what the script left unread for commands. BEGIN comes after the shell has read all of the text, so bytes sent
    after it was seen are payload and cannot get stuck in the shell's read-ahead.
    """
    text = (
        f"{{\nprintf '\\n%s\\n' 'BEGIN-{nonce}'\n(\n{script}\n) 3<&0 </dev/null\n"
        f"printf '\\n%s %s\\n' 'END-{nonce}' \"$?\"\nexit 0\n}}\n"
    )
    return text.encode("utf-8", "surrogateescape")


class Frame:
    """One framed answer in a stream that is fed in pieces of any size."""

    def __init__(self, nonce: str, limit: int, into: BinaryIO | None = None, host: str = "") -> None:
        self._host = host
        self._begin = f"\nBEGIN-{nonce}\n".encode()
        self._end = f"\nEND-{nonce} ".encode()
        self._limit = limit
        self._own = BytesIO()
        self._body: BinaryIO = self._own if into is None else into
        self._held = bytearray()
        self._size = 0
        self._head = b""
        self.noise = b""
        self.begun = False
        self.status: int | None = None

    def feed(self, piece: bytes) -> None:
        """Take ``piece`` in; raises UnreadableReply over the limit, or if the END line makes no sense."""
        if self.status is not None:
            return
        self._held += piece
        if not self.begun:
            self._look_for_begin()
        if self.begun:
            self._look_for_end()

    def reply(self) -> Reply:
        """The whole answer; only once ``status`` is known."""
        assert self.status is not None
        return Reply(out=self._own.getvalue(), status=self.status, noise=self.noise)

    def leftover(self) -> bytes:
        """What was said instead of an answer."""
        return (self.noise + bytes(self._held))[:NOISE_KEPT]

    def _look_for_begin(self) -> None:
        at = self._held.find(self._begin)
        before = self._take(at if at >= 0 else len(self._held) - len(self._begin) + 1)
        self.noise = (self.noise + before)[:NOISE_KEPT]
        if at >= 0:
            self._take(len(self._begin))
            self.begun = True

    def _look_for_end(self) -> None:
        at = self._held.find(self._end)
        self._keep(self._take(at if at >= 0 else len(self._held) - len(self._end) + 1))
        if at < 0 or (line_end := self._held.find(b"\n", len(self._end))) < 0:
            return
        status = bytes(self._held[len(self._end) : line_end])
        if not status.isdigit():
            raise UnreadableReply(f"{self._host}: the answer ends in no exit status", said=status)
        self.status = int(status)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._held[: max(size, 0)])
        del self._held[: len(taken)]
        return taken

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        self._head = (self._head + piece[:2000])[:2000]
        if self._size > self._limit:
            raise UnreadableReply(f"{self._host}: the answer is longer than {self._limit} bytes", said=self._head)
        self._body.write(piece)


class _Mouth(threading.Thread):
    """Says the request while the main thread listens: a shell that talks before it listens cannot block both."""

    def __init__(self, wire: Wire, text: bytes, payload: BinaryIO | None) -> None:
        super().__init__(name="autolab-ask", daemon=True)
        self._wire = wire
        self._text = text
        self._payload = payload
        self._lock = threading.Lock()
        self._shell_reads = threading.Event()
        self._said = False
        self._stopped = False
        self.broken = ""
        self.unreadable = ""

    def run(self) -> None:
        try:
            self._wire.start()
            with self._lock:
                if self._stopped:
                    return
                self._said = True
            self._wire.send(self._text)
            for piece in self._pieces():
                self._wire.send(piece)
            if not self._stopped:
                self._wire.end()
        except WireBroken as error:
            self.broken = str(error)  # the listener finds the end by itself, after the last words of the shell
        except OSError as error:
            self.unreadable = f"the payload could not be read: {error}"

    def _pieces(self) -> Iterator[bytes]:
        if self._payload is None:
            return
        self._shell_reads.wait()
        while not self._stopped and (piece := self._payload.read(PIECE)):
            yield piece

    def pay(self) -> None:
        """The shell has begun: send the payload."""
        self._shell_reads.set()

    def stop(self) -> bool:
        """Say no more; whether anything was said."""
        with self._lock:
            self._stopped = True
        self._shell_reads.set()
        return self._said


def converse(
    wire: Wire,
    request: Request,
    into: BinaryIO | None,
    *,
    ends_at: float,
    host: str,
    clock: Callable[[], float] = time.monotonic,
) -> Reply:
    """Say the request over ``wire`` and give the whole answer; the wire is closed in every case.

    ends_at  by ``clock``, when waiting ends
    raises   NothingSaid, NoAnswer, UnreadableReply, DiskFailed (the payload's file cannot be read)
    """
    nonce = secrets.token_hex(16)
    frame = Frame(nonce, request.limit, into, host)
    with _opened(request) as payload:
        mouth = _Mouth(wire, request_text(request.script, nonce), payload)
        mouth.start()
        try:
            how = _listen(wire, frame, mouth, ends_at, clock)
        finally:
            said = mouth.stop()
            (wire.close if frame.status is not None else wire.abandon)()
            mouth.join(5)
    if not how:
        return frame.reply()
    if not said:
        raise NothingSaid(mouth.broken or how)
    if how == "closed" and not frame.begun and wire.exited():
        hint = "its login shell must run `exec /bin/sh -s`; see what it says to: ssh HOST 'exec /bin/sh -s'"
        raise UnreadableReply(f"{host}: the remote shell did not answer", frame.leftover() + wire.complaint, hint=hint)
    raise NoAnswer(_why_no_answer(host, how, frame, request), hint="it may have acted: look before asking again")


def _listen(wire: Wire, frame: Frame, mouth: _Mouth, ends_at: float, clock: Callable[[], float]) -> str:
    """Feed the frame until it is whole ("") or cannot be any more (why)."""
    while frame.status is None:
        left = ends_at - clock()
        if left <= 0:
            return "deadline"
        if mouth.unreadable:
            return mouth.unreadable
        piece = wire.read(min(left, 1.0))
        if piece is None:
            return "closed"
        frame.feed(piece)
        if frame.begun:
            mouth.pay()
    return ""


def _why_no_answer(host: str, how: str, frame: Frame, request: Request) -> str:
    where = "in the middle of the answer" if frame.begun else "before the answer began"
    if how == "deadline":
        return f"{host}: no whole answer within {request.deadline.total_seconds():g} s (deadline, {where})"
    if how == "closed":
        return f"{host}: the connection was closed {where}"
    return f"{host}: {how}"


def _opened(request: Request) -> AbstractContextManager[BinaryIO | None]:
    """The payload as a stream, opened before anything is said."""
    if request.payload is None:
        return nullcontext(None)
    if isinstance(request.payload, bytes):
        return BytesIO(request.payload)
    try:
        return request.payload.open("rb")
    except OSError as error:
        raise DiskFailed(f"cannot read {request.payload}: {error.strerror}") from error
