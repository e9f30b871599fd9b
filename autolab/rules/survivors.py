"""Processes that outlive the command that started them: said, and ended where the settings say so."""

from __future__ import annotations

from autolab.model.plan import Policies
from autolab.model.state import Run


def words(count: int) -> str:
    """What is added to how an attempt ended; empty where nothing outlived it."""
    if not count:
        return ""
    return ", and a process of its own goes on" if count == 1 else f", and {count} processes of its own go on"


def to_end(run: Run, policies: Policies) -> bool:
    """Whether its survivors are signalled before anything else is made of its end. Once: what a KILL leaves, the kernel
    holds."""
    return policies.end_survivors and run.end is not None and run.end.survivors > 0 and run.kills == 0
