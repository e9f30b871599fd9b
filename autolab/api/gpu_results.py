"""What ``host gpus`` gives, as typed dictionaries."""

from __future__ import annotations

from typing import Literal

# pydantic makes schemas of this TypedDict on every Python we support, of typing's only from 3.12 on.
from typing_extensions import TypedDict


class GpuHolder(TypedDict):
    """Who has a GPU: an experiment of this lab, a process of nobody we know, or a reservation of another lab."""

    kind: Literal["experiment", "process", "reservation"]
    id: str
    user: str
    pid: int | None
    mib: int | None
    lab: str


class GpuLine(TypedDict):
    """One GPU, or one MIG instance of one; ``why`` says what keeps it from being given out."""

    index: str
    uuid: str
    model: str
    memory_mib: int | None
    used_mib: int | None
    utilization: float | None
    free: bool
    why: str
    holders: list[GpuHolder]


class GpuHost(TypedDict):
    """A host's GPUs as ``probe`` tells them; ``problem``: why nothing is known of them."""

    name: str
    probe: str
    problem: str
    gpus: list[GpuLine]


class GpusReport(TypedDict):
    at: str
    hosts: list[GpuHost]
