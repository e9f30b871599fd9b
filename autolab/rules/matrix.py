"""A matrix as the experiments it stands for: every combination of its values, with placeholders filled in.

``{key}`` in ``id``, ``command``, ``result_file``, ``checkpoint_dir``, ``notes``, ``env`` and ``depends_on`` of a matrix
stands for a value; ``{{key}}`` is a literal ``{key}``; ``${KEY}`` and every other brace are left as they are.
Only items with a matrix are filled in. Values are data: filled in once and never looked at again, and in ``command``
quoted for the shell. In ids, what an id may not hold becomes a dash.
"""

from __future__ import annotations

import itertools
import math
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from autolab.errors import InvalidSpec
from autolab.model.experiment import TEMPLATED, Item, Scalar
from autolab.model.ids import ID_MAX, is_id
from autolab.model.values import scalar_text
from autolab.model.written import near, shown

DEFAULT_ID: Final = "{name}-{method}_{dataset}_{group}_s{seed}"
_NAMES: Final = ("name", "method", "dataset", "group", "seed", "phase", "stage")
_TOKEN: Final = re.compile(r"(?P<shell>\$?)\{(?:\{(?P<literal>[A-Za-z_][\w-]*)\}|(?P<key>[A-Za-z_][\w-]*))\}", re.ASCII)
_NO_ID: Final = re.compile(r"[^A-Za-z0-9._-]+")
_DOTS: Final = re.compile(r"\.{2,}")
_PLAIN: Final = re.compile(r"[A-Za-z0-9@%+=:,./_-]+")
_UNSURE: Final = ("<<", "`", "$'", '$"', "$((")  # where single quotes do not quote, or a scan cannot tell

Cell = Mapping[str, Scalar]


def count(item: Item) -> int:
    """How many combinations the matrix has before ``exclude``, without making them."""
    axes = item.matrix or {}
    return math.prod(len(values) for values in axes.values()) + len(item.include)


def cells(item: Item) -> Iterator[Cell]:
    """Every combination in the order written, the last key varying fastest; then those of ``include``.

    raises  InvalidSpec for an ``exclude`` that leaves nothing out, an ``include`` that does not name every key
    """
    axes = item.matrix or {}
    used: set[int] = set()
    _check_cells(item, axes)
    for values in itertools.product(*axes.values()):
        cell = dict(zip(axes, values, strict=True))
        out = [index for index, rule in enumerate(item.exclude) if all(_same(cell[key], rule[key]) for key in rule)]
        used.update(out)
        if not out:
            yield cell
    for index, rule in enumerate(item.exclude):
        if index not in used:
            raise InvalidSpec(f"exclude[{index}] leaves nothing out: {shown(rule)}", hint="check its values")
    yield from item.include


def _check_cells(item: Item, axes: Mapping[str, Any]) -> None:
    for index, rule in enumerate(item.exclude):
        if not rule:
            raise InvalidSpec(f"exclude[{index}] is empty", hint="it would leave everything out")
        for key in rule.keys() - axes.keys():
            raise InvalidSpec(f"exclude[{index}] names {key!r}, which is not in the matrix", hint=near(key, axes))
    for index, cell in enumerate(item.include):
        if odd := sorted(cell.keys() ^ axes.keys()):
            hint = f"it must name exactly {', '.join(axes)}"
            raise InvalidSpec(f"include[{index}] and the matrix differ in {odd[0]!r}", hint=hint)


def _same(a: Scalar, b: Scalar) -> bool:
    """Equal in value and not merely as numbers: true is not 1."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def expand(raw: Mapping[str, Any], item: Item, fixed: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
    """The mapping of each experiment that ``item``, written as ``raw``, stands for; none of them has a matrix.

    fixed   what defaults say of group, method, dataset, phase, stage: for placeholders
    raises  InvalidSpec: more than ``limit``, an unknown placeholder, ids that clash or are not well-formed
    """
    if (size := count(item)) > limit:
        hint = "narrow it, or raise policies.matrix_limit"
        raise InvalidSpec(f"the matrix has {size:,} cells, more than {limit:,}", hint=hint)
    base = {key: value for key, value in raw.items() if key not in {"matrix", "include", "exclude", "name"}}
    known = {key: value for key, value in fixed.items() if value is not None}
    known |= {key: raw[key] for key in _NAMES if raw.get(key) is not None}
    found: list[dict[str, Any]] = []
    owner: dict[str, Cell] = {}
    clashes: list[tuple[str, Cell, Cell]] = []
    for cell in cells(item):
        one = _filled(base, {**known, **cell}, cell)
        first = owner.setdefault(one["id"].casefold(), cell)
        if first is not cell:
            clashes.append((one["id"], first, cell))
        found.append(one)
    if clashes:
        raise _clash(clashes)
    return found


def _clash(clashes: list[tuple[str, Cell, Cell]]) -> InvalidSpec:
    pairs = "; ".join(f"{_brief(one)} and {_brief(two)} are both {name}" for name, one, two in clashes[:3])
    more = f"; and {len(clashes) - 3} more" if len(clashes) > 3 else ""
    return InvalidSpec(
        f"ids clash: {pairs}{more}", hint="name every key that varies in `id`: '{name}-{method}_lr{lr}_s{seed}'"
    )


def _brief(cell: Cell) -> str:
    texts = {key: scalar_text(value) for key, value in cell.items()}
    text = ", ".join(f"{key}: {each if each.isprintable() else repr(each)}" for key, each in texts.items())
    return f"({text if len(text) <= 80 else text[:77] + '...'})"


def _filled(base: Mapping[str, Any], values: Mapping[str, Scalar], cell: Cell) -> dict[str, Any]:
    """One experiment: ``base`` with its placeholders filled, and the cell's values under their own keys."""
    texts = {key: scalar_text(value) for key, value in values.items()}
    name = _fill(str(base.get("id") or DEFAULT_ID), texts, "id", _id_part)
    _check_id(name, cell)
    texts["id"] = name
    one = {**base, **{key: value for key, value in cell.items() if key in Item.model_fields}, "id": name}
    for key in TEMPLATED:
        if isinstance(base.get(key), str):
            one[key] = _fill(base[key], texts, key, _quoted if key == "command" else _as_is)
    if isinstance(base.get("env"), Mapping):
        one["env"] = {
            key: _fill(value, texts, f"env.{key}", _as_is) if isinstance(value, str) else value
            for key, value in base["env"].items()
        }
    if base.get("depends_on"):
        one["depends_on"] = [_fill(each, texts, "depends_on", _id_part) for each in base["depends_on"]]
    return one


def _check_id(name: str, cell: Cell) -> None:
    if not is_id(name):
        why = f"is {len(name)} characters long, at most {ID_MAX} may be" if len(name) > ID_MAX else "is not well-formed"
        shorter = name if len(name) <= 120 else f"{name[:117]}..."
        raise InvalidSpec(f"the id {shorter!r} of {_brief(cell)} {why}", hint="give a shorter or plainer `id` pattern")


Fit = Callable[[str, str, int, str], str]  # template, key, where in it, value -> what stands there


def _fill(template: str, texts: Mapping[str, str], field: str, fit: Fit) -> str:
    def put(token: re.Match[str]) -> str:
        key = token["key"]
        if key is None:
            return f"{token['shell']}{{{token['literal']}}}"
        if token["shell"]:
            if key in texts:
                hint = f"write {{{key}}} for the value, ${{{{{key}}}}} for the shell's variable"
                raise InvalidSpec(f"${{{key}}} in {field}: the shell's variable or the matrix's value?", hint=hint)
            return token[0]
        if key not in texts:
            known = ", ".join(f"{{{each}}}" for each in sorted(texts))
            hint = f"known here: {known}; for a literal brace write {{{{{key}}}}}"
            raise InvalidSpec(f"unknown placeholder {{{key}}} in {field}", hint=hint)
        return fit(template, key, token.start(), texts[key])

    return _TOKEN.sub(put, template)


def _as_is(_template: str, _key: str, _at: int, value: str) -> str:
    return value


def _id_part(_template: str, _key: str, _at: int, value: str) -> str:
    return _DOTS.sub(".", _NO_ID.sub("-", value))


def _quoted(template: str, key: str, at: int, value: str) -> str:
    """The value as one word of a shell; refused where quotes around it would not hold."""
    if _PLAIN.fullmatch(value):
        return value
    if "\0" in value:
        raise InvalidSpec(f"a value of {key!r} holds a NUL character", hint="take it out")
    if any(mark in template for mark in _UNSURE) or not _bare(template)[at]:
        what = f"{{{key}}} stands where its value {shown(value)} cannot be quoted for the shell"
        raise InvalidSpec(what, hint=f"take quotes, backslashes and comments away from {{{key}}}, or pass it by `env`")
    return shlex.quote(value)


@lru_cache(maxsize=64)
def _bare(command: str) -> tuple[bool, ...]:
    """For each character, whether it surely stands outside quotes, comments and escapes.

    Behind an expansion inside double quotes, where quotes begin anew, and behind a comment with a quote in it, which
    may be no comment, nothing is sure any more.
    """
    bare: list[bool] = []
    inside = ""  # the quote that is open, # in a comment, ? when lost
    escaped = False
    for index, char in enumerate(command):
        bare.append(not inside and not escaped)
        if escaped:
            escaped = False
        elif inside == "?":
            continue
        elif inside == "#":
            inside = "?" if char in "'\"" else "" if char == "\n" else inside
        elif char == "\\" and inside != "'":
            escaped = True
        elif inside == '"' and command[index : index + 2] in ("$(", "${"):
            inside = "?"
        elif inside:
            inside = "" if char == inside else inside
        elif char in "'\"" or (char == "#" and (index == 0 or command[index - 1] in " \t\n;&|()")):
            inside = char
    return tuple(bare)
