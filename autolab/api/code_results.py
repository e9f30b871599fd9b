"""What ``preflight`` and ``pull`` give: shapes only."""

from __future__ import annotations

from typing_extensions import TypedDict


class CodeLine(TypedDict):
    """Where the code stands. ``commit`` is what is checked out ("": none); ``changed``: paths that differ from it.

    pushed  whether a remote's branch holds what would be launched; None: there is no remote
    behind  commits that the upstream has and we have not; None: no upstream
    refused  why a policy would not launch it; "": it would
    """

    commit: str
    branch: str
    changed: list[str]
    pushed: bool | None
    behind: int | None
    refused: str


class ScriptLine(TypedDict):
    """A script, how many experiments run it, and what it lacks of the contract."""

    script: str
    experiments: int
    findings: list[str]


class PreflightReport(TypedDict):
    """``ok`` False: a policy would refuse, and ``refused`` says why."""

    ok: bool
    refused: list[str]
    code: CodeLine
    scripts: list[ScriptLine]


class PullReport(TypedDict):
    """``files``: path -> bytes of what was brought; ``skipped``: links and the like; ``absent``: not on the host."""

    id: str
    host: str
    folder: str
    into: str
    wanted: list[str]
    files: dict[str, int]
    absent: list[str]
    skipped: list[str]
    dry_run: bool
