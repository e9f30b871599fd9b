"""Arithmetic that a person wrote, and nothing else."""

from __future__ import annotations

import pytest

from autolab.model.formula import parse_formula, value_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1200 + 3.5 * batch_size", 1312),
        ("(1 + 2) * batch_size / 4", 24),
        ("10 - 2 - 3", 5),
        ("unknown + 1", None),
        ("1 / (batch_size - 32)", None),
    ],
)
def test_numbers_names_and_four_operators(text: str, value: float | None) -> None:
    assert value_of(parse_formula(text), {"batch_size": 32}) == value


@pytest.mark.parametrize(
    "text",
    ["", "1 +", "f(1)", "a.b", "a[0]", "2 ** 9999999", "'x'", "True", "-1", "1; 2", "lambda: 1", "1 if a else 2",
     "a < b", "x := 1", "__import__('os')", "1 // 2", "(" * 300 + "1" + ")" * 300, "1+" * 300 + "1"],
)  # fmt: skip
def test_whatever_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"formula|is more than"):
        parse_formula(text)
