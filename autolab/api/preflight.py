"""What a dispatch would launch: where the code stands in git, and what the scripts promise. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from autolab.api.project import Project, recorded
from autolab.api.select import select
from autolab.errors import InvalidSpec
from autolab.model.origin import Origin
from autolab.model.state import Entry, Spec, Status
from autolab.rules.contract import findings, script_of
from autolab.rules.provenance import refusal
from autolab.store.files import Files
from autolab.store.git import Git
from autolab.store.layout import Layout
from autolab.store.snapshot import CodeSnapshots

if TYPE_CHECKING:
    from autolab.api.code_results import CodeLine, PreflightReport, ScriptLine

SCRIPT_LIMIT: Final = 1 << 20
NOT_COMMITTED: Final = "(not committed)"


def preflight(project: Project, words: Iterable[str] = ()) -> PreflightReport:
    """The code as it would be launched now, and the scripts of the experiments that ``words`` select (default: all
    that wait). ``ok`` is false where a policy would refuse."""
    entries = recorded(project).entries
    words = list(words)
    plain = [{"id": entry.id, "status": entry.status.value} for entry in entries.values()]
    chosen = select(plain, words) if words else [e.id for e in entries.values() if _waits(e)]
    code = _code(project)
    scripts = script_lines(project.layout, [entries[ident].spec for ident in chosen])
    refused = [code["refused"]] if code["refused"] else []
    if project.settings.code.contract == "refuse":
        refused += [f"{line['script']} {line['findings'][0]}" for line in scripts if line["findings"]]
    return {"ok": not refused, "refused": refused, "code": code, "scripts": scripts}


def _waits(entry: Entry) -> bool:
    return entry.status is Status.PENDING and entry.spec.executor == "autolab"


def _code(project: Project) -> CodeLine:
    layout, given = project.layout, project.settings
    if layout.common is None:
        return _line(Origin(), "", [], None, refusal(Origin(), given.code))
    git = Git(layout.root, given.git.within.total_seconds())
    head = git.head()
    if not head.commit:
        return _line(Origin(), head.branch, [], None, refusal(Origin(), given.code))
    data = [path for host in given.hosts.values() for path in host.data]
    is_code = CodeSnapshots(layout, Files(), git).rule(data, given.sync.exclude)
    changed = sorted({path for paths in git.changes() for path in paths if is_code(path)})
    pushed = git.pushed(head.commit)
    origin = Origin(NOT_COMMITTED if changed else head.commit, head.commit, pushed and not changed)
    return _line(origin, head.branch, changed, git.behind(), refusal(origin, given.code))


def _line(origin: Origin, branch: str, changed: list[str], behind: int | None, refused: str) -> CodeLine:
    return {
        "commit": origin.base,
        "branch": branch,
        "changed": changed,
        "pushed": origin.pushed,
        "behind": behind,
        "refused": refused,
    }


def script_lines(layout: Layout, specs: Iterable[Spec]) -> list[ScriptLine]:
    """The scripts that these experiments run, with what each lacks of the contract."""
    found: dict[str, int] = {}
    for spec in specs:
        if (script := script_of(spec.command)) is not None:
            found[script] = found.get(script, 0) + 1
    return [{"script": s, "experiments": n, "findings": list(_findings(layout, s))} for s, n in sorted(found.items())]


def _findings(layout: Layout, script: str) -> Iterator[str]:
    try:
        data = Files().read(layout.inside(script), SCRIPT_LIMIT)
    except InvalidSpec:
        return  # it is on the host, not of the project
    if data is None:
        yield "is not there"
        return
    for each in findings(data.decode("utf-8", "replace")):
        yield f"{each.what} (line {each.line})" if each.line else each.what


def check_contract(project: Project, specs: Mapping[str, Spec]) -> None:
    """raises InvalidSpec where ``code.contract`` is refuse and a script of ``specs`` does not keep it."""
    if project.settings.code.contract != "refuse":
        return
    lacking = [f"{line['script']}: {'; '.join(line['findings'])}" for line in
               script_lines(project.layout, specs.values()) if line["findings"]]  # fmt: skip
    if lacking:
        raise InvalidSpec("\n".join(lacking), hint="code.contract is refuse; `autolab preflight` shows it all")
