"""Results that are on disk already, taken in as experiments that are done."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from autolab.api.asking import me, wish_id
from autolab.api.experiments import asked, specs_of
from autolab.api.project import Project, recorded
from autolab.errors import InvalidSpec
from autolab.model.state import Entry, Spec, Status
from autolab.model.wish import Ask, Wish
from autolab.rules.results import check_result

if TYPE_CHECKING:
    from autolab.api.experiment_results import ImportReport

RESULT_LIMIT: Final = 1 << 30
SHOWN: Final = 10


def import_results(
    project: Project,
    paths: Sequence[Path | str],
    *,
    partial: bool = False,
    reason: str = "",
    dry_run: bool = False,
    key: str = "",
) -> ImportReport:
    """Add the experiments of ``paths`` whose declared result is in the project, as done; all of them or none.

    partial  leave out those that have no good result instead of refusing all
    raises   InvalidSpec naming every result that is missing or not well-formed
    """
    entries = recorded(project).entries
    specs = specs_of(project, paths, entries)
    found: dict[str, Mapping[str, Any]] = {}
    problems: dict[str, str] = {}
    for spec in specs.values():
        problem, result = _result(project, spec)
        if problem:
            problems[spec.id] = problem
        else:
            found[spec.id] = result
    if problems and not (partial and found):
        lines = [f"{ident}: {problem}" for ident, problem in problems.items()]
        more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        raise InvalidSpec("\n".join(lines[:SHOWN] + more), hint="--partial takes in those that have a good one")
    new = [ident for ident in found if not _is_done(entries.get(ident))]
    wish = Wish(
        id=wish_id(Ask.IMPORT, key),
        ask=Ask.IMPORT,
        by=me(),
        why=reason,
        ids=tuple(new),
        specs=tuple(specs[ident] for ident in new if ident not in entries),
        context={ident: found[ident] for ident in new},
    )
    return {**asked(project, wish, dry_run=dry_run), "there": len(found) - len(new), "without": problems}


def _is_done(entry: Entry | None) -> bool:
    return entry is not None and entry.status is Status.DONE


def _result(project: Project, spec: Spec) -> tuple[str, Mapping[str, Any]]:
    """Why ``spec`` has no good result here ("": it has), and what is recorded of it."""
    if not spec.result_file:
        return "declares no result_file", {}
    content = project.files.read(project.layout.inside(spec.result_file), RESULT_LIMIT)
    if content is None:
        return f"{spec.result_file} is not there", {}
    if problem := check_result(content, spec.id, {}).problem:
        return f"{spec.result_file}: {problem}", {}
    digest = hashlib.sha256(content).hexdigest()
    return "", {"path": spec.result_file, "sha256": digest, "bytes": len(content)}
