"""A formula that a person wrote over an experiment's numbers: ``1200 + 3.5 * batch_size``. Arithmetic, nothing else."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Final

LONGEST: Final = 500
_OPERATORS: Final[Mapping[type, Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def parse_formula(text: str) -> ast.expr:
    """``text`` as a tree of numbers, names, ``+ - * /`` and brackets; raises ValueError for anything else."""
    if len(text) > LONGEST:
        raise ValueError(f"a formula has at most {LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"{text[:60]!r} is no formula\nwrite it like 1200 + 3.5 * batch_size") from error
    for node in ast.walk(tree):
        number = isinstance(node, ast.Constant) and type(node.value) in (int, float)
        if not (number or isinstance(node, (ast.Name, ast.Load, ast.BinOp, *_OPERATORS))):
            raise ValueError(f"{text[:60]!r} is more than numbers, names, + - * / and brackets")
    return tree


def value_of(tree: ast.expr, numbers: Mapping[str, float]) -> float | None:
    """What the formula gives; None where a name has no number, or there is no such value."""
    if isinstance(tree, ast.Constant):
        return float(tree.value) if isinstance(tree.value, (int, float)) else None
    if isinstance(tree, ast.Name):
        return numbers.get(tree.id)
    if not isinstance(tree, ast.BinOp):
        return None
    left, right = value_of(tree.left, numbers), value_of(tree.right, numbers)
    if left is None or right is None:
        return None
    try:
        return _OPERATORS[type(tree.op)](left, right)
    except (ZeroDivisionError, OverflowError):
        return None
