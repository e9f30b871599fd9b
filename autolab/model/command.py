"""What is said on a host, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a host: POSIX sh that autolab wrote, and where it wants one, a stream of bytes behind it.

    script    shell text without any text of a user's in a shell word; user data stand in a quoted here-document.
              Its standard input is /dev/null; a payload arrives on descriptor 3.
    payload   bytes, or a local file, sent only after the host has said that it reads
    deadline  how long a whole answer may take; over it the answer is unknown
    limit     most bytes of answer that are accepted
    """

    script: str
    payload: bytes | Path | None = None
    deadline: timedelta = timedelta(seconds=30)
    limit: int = 8 * MIB


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer: what the script wrote between the frames, and its own exit status."""

    out: bytes
    status: int
    noise: bytes = field(default=b"", repr=False)  # what start-up files said before the frame, cut to 4 KiB
