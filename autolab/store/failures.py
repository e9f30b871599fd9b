"""The table of failures that holds: the project's kinds, then autolab's own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from autolab.errors import InvalidSettings
from autolab.model.border import problems_of
from autolab.model.failure import Table
from autolab.model.failure_settings import FailuresFile, KindSettings, table_of
from autolab.model.settings import Settings
from autolab.model.written import refusal
from autolab.resources import data
from autolab.store.yaml_files import load_yaml

FILE: Final = "failures.yaml"  # in the project, and of the same form among our templates


def effective_table(settings: Settings) -> Table:
    """What a diagnosis goes by: the project's rows in their order, then ours."""
    return table_of(settings.failures, _ours(), origin="project")


@cache
def _ours() -> Table:
    return table_of(_rows(data("templates") / FILE, FILE))


def own_rows(root: Path) -> tuple[KindSettings, ...]:
    """The kinds of the project's ``failures.yaml``; none without one. raises InvalidSettings with every problem."""
    path = root / FILE
    return _rows(path, FILE) if path.exists() else ()


def _rows(path: Path, name: str) -> tuple[KindSettings, ...]:
    written = load_yaml(path, InvalidSettings, name=name)
    try:
        return FailuresFile.model_validate(written.value).kinds
    except ValidationError as error:
        problems = list(problems_of(error, FailuresFile, written.where))
    raise refusal(InvalidSettings, problems)
