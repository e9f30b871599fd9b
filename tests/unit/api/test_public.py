from __future__ import annotations

import ast
from pathlib import Path

import pytest

import autolab

SOURCE = Path(autolab.__file__).read_text("utf-8")


def test_every_public_name_loads_and_is_documented() -> None:
    documented = [name for name in autolab.__all__ if name == "__version__" or getattr(autolab, name).__doc__]
    assert documented == autolab.__all__


def test_type_checkers_are_told_the_same_names_as_python() -> None:
    imported = {
        alias.name
        for node in ast.walk(ast.parse(SOURCE))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autolab.")
        for alias in node.names
    }
    assert imported == set(autolab.__all__)
    assert imported == set(autolab._WHERE) | {"__version__"}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        autolab.nothing  # noqa: B018
    assert dir(autolab) == sorted(autolab.__all__)
