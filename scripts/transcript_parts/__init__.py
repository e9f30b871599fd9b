"""The transcripts by name."""

from __future__ import annotations

from collections.abc import Callable

from tests.labhosts import LabHosts
from transcript_parts.alone import alone
from transcript_parts.session import Session
from transcript_parts.ssh_lab import ssh_lab

PARTS: dict[str, Callable[[Session, LabHosts], None]] = {
    "ssh-lab": ssh_lab,
    "alone": alone,
}
