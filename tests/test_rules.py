"""Every rule of docs/rules.md has a test that carries its number, and every number is a rule."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


def rules(text: str) -> list[str]:
    """The numbers of the rules stated in ``text``, in its order."""
    return re.findall(r"^\*\*((?:\d+\.|[A-Z])\d+)\*\* ", text, re.MULTILINE)


def marks(text: str) -> list[tuple[int, str]]:
    """(line, number) of every ``pytest.mark.rule`` in a file; a mark may name several."""
    return [
        (call.lineno, number.value)
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.rule"
        for number in call.args
        if isinstance(number, ast.Constant) and isinstance(number.value, str)
    ]


@cache
def marked() -> dict[str, list[str]]:
    """Rule number -> where tests carry it."""
    places: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for line, number in marks(path.read_text("utf-8")):
            places.setdefault(number, []).append(f"{path.relative_to(ROOT)}:{line}")
    return places


STATED = rules((ROOT / "docs" / "rules.md").read_text("utf-8"))


def test_every_rule_has_a_test() -> None:
    untested = [number for number in STATED if number not in marked()]
    assert not untested, f"{len(untested)} of {len(STATED)} rules have no test: {' '.join(untested)}"


def test_every_mark_names_a_rule() -> None:
    unknown = {number: places for number, places in marked().items() if number not in STATED}
    assert not unknown, f"docs/rules.md does not state {unknown}"


def test_a_rule_is_stated_once() -> None:
    assert len(set(STATED)) == len(STATED) > 0


def test_rules_and_marks_are_found_where_they_are() -> None:
    assert rules("**1.2** Yes.\n\n**B30** Yes.\nNot **1.3** here.\n**C** nor here") == ["1.2", "B30"]
    assert marks('@pytest.mark.rule("B1", "1.2")\ndef test_x(): pass') == [(1, "B1"), (1, "1.2")]


def test_a_mark_takes_text_as_a_number_would_lose_its_end() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == "pytest.mark.rule"
        and any(not isinstance(n, ast.Constant) or not isinstance(n.value, str) for n in call.args)
    ]
    assert wrong == []
