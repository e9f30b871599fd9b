"""What calls about hosts give: shapes only."""

from __future__ import annotations

from typing_extensions import TypedDict


class FindingLine(TypedDict):
    """One thing that was looked at. ``verdict``: ok, warn or fail."""

    name: str
    verdict: str
    found: str
    hint: str


class CheckedHost(TypedDict):
    """What a check found of one host; ``output`` are the last 20 lines of the step that ``failed``.

    dry_run  whether the sample ran through; None: not tried, or its command knows neither of our two flags
    """

    host: str
    ready: bool
    failed: str | None
    why: str
    output: str
    findings: list[FindingLine]
    python: str | None
    torch: str | None
    cuda: bool | None
    dry_run: bool | None
    sample: str | None
    gpus: list[str]
    tries: int
    file: str


class CheckReport(TypedDict):
    at: str
    hosts: list[CheckedHost]
    failed: int


class HostAdded(TypedDict):
    """``diff``: what changes in autolab.yaml, empty: nothing."""

    host: str
    diff: str
    outcome: str
    dry_run: bool


class HostTrusted(TypedDict):
    """The key that a host shows, and whether it was ``recorded``, is ``known already`` or was ``not recorded``."""

    host: str
    address: str
    kind: str
    fingerprint: str
    known_hosts: str
    outcome: str
    dry_run: bool


class Leftover(TypedDict):
    """``kind``: attempt, code, half-made or file; ``why`` it stays, if it does."""

    kind: str
    name: str
    bytes: int
    why: str


class CleanedHost(TypedDict):
    host: str
    removed: list[Leftover]
    kept: list[Leftover]
    problem: str


class CleanReport(TypedDict):
    """``bytes``: how much room that makes; ``failed``: hosts that could not be asked."""

    hosts: list[CleanedHost]
    bytes: int
    failed: int
    dry_run: bool


class HostLine(TypedDict):
    """A host as the lab knows it. ``logins_last_hour``: by every process of this clone."""

    name: str
    status: str
    since: str | None
    why: str
    slots: int | None
    used: int
    logins_last_hour: int


class HostsReport(TypedDict):
    at: str
    hosts: list[HostLine]


class Check(TypedDict):
    """One thing that was looked at: ok, warn or fail, and what to do."""

    name: str
    verdict: str
    found: str
    hint: str


class ChecksReport(TypedDict):
    checks: list[Check]
    failed: int
    warned: int


class ExecReport(TypedDict):
    host: str
    command: str
    status: int
    output: str
