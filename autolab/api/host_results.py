"""What calls about hosts give back, as ``--json`` prints it; the other results are in ``results.py``."""

from __future__ import annotations

from typing import Final

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


HOST_RESULTS: Final[dict[str, type]] = {"check": CheckReport}
