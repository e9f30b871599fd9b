"""The seam between autolab and every machine: one question, one whole answer or none."""

from __future__ import annotations

from typing import BinaryIO, Protocol

from autolab.model.command import Reply, Request


class Connection(Protocol):
    """A way to say something on one host. Kept open between questions; safe to use from several threads.

    Every implementation passes ``tests/contract/test_connections.py``.
    """

    host: str

    def ask(self, request: Request, into: BinaryIO | None = None) -> Reply:
        """Run the request's script with /bin/sh on the host and give its framed output.

        into    where the output goes as it comes, for files; ``Reply.out`` is then empty, and ``limit`` still holds
        raises  HostUnreachable  nothing was said there: no connection could be made
                LoginRefused, HostKeyRefused  likewise, and asking again will not help
                NoAnswer         said, but no whole answer within the deadline: it may have acted
                UnreadableReply  the far side is no POSIX shell, or said more than ``limit``
        """
        ...

    def close(self) -> None:
        """Let go; asking again opens anew."""
        ...
