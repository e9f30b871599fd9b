"""The border between what people write and our types: the strict base model, and pydantic's complaints as problems."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Strict, StringConstraints, Tag, ValidationError
from pydantic_core import ErrorDetails

from autolab.model.written import KeyPath, Problem, near, shown

Text = Annotated[str, Strict(), StringConstraints(pattern=r"^[^\x00]*$")]
Word = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f\x7f]+$")]
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]
LATER_KINDS: Final = frozenset({"slurm", "pbs", "sge", "profile"})
HIDDEN: Final = frozenset({"secrets", "notify"})  # below these keys a value that was written by mistake is not repeated
TAG: Final = "kind="  # begins a union's tag in an error's location; never a key of ours


class Border(BaseModel):
    """Frozen; a key that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


def kind_of(given: Any) -> str:
    """The tag of a union by ``kind``, for pydantic's Discriminator."""
    kind = given.get("kind") if isinstance(given, dict) else getattr(given, "kind", None)
    return f"{TAG}{kind}"


def problems_of(error: ValidationError, model: type[BaseModel], where: Callable[[KeyPath], str]) -> Iterator[Problem]:
    """Each of pydantic's complaints with its place in the file, in our words and with a hint."""
    for details in error.errors(include_url=False):
        path = tuple(part for part in details["loc"] if not str(part).startswith(TAG) and part != "[key]")
        yield _problem(details, path, model, where)


def _problem(details: ErrorDetails, path: KeyPath, model: type[BaseModel], where: Callable[[KeyPath], str]) -> Problem:
    name = dotted(path)
    said = details["type"]
    if said == "extra_forbidden":
        known = _known(model, details["loc"][:-1])
        return Problem(where(path), f"unknown key {str(path[-1])!r}{_inside(path)}", near(str(path[-1]), known))
    if said == "missing":
        return Problem(where(path), f"{name} is missing", "")
    if said in {"union_tag_invalid", "union_tag_not_found"}:
        return _kind_problem(details, path, where)
    ctx = details.get("ctx") or {}
    if said == "value_error":
        message, _, hint = str(ctx.get("error", details["msg"])).partition("\n")
        return Problem(where(path), f"{name}: {message}" if name else message, hint)
    secret = not HIDDEN.isdisjoint(path)
    return Problem(where(path), f"{name}: {_plain(details, ctx, secret=secret)}", "")


def _inside(path: KeyPath) -> str:
    return f" in {dotted(path[:-1])}" if len(path) > 1 else ""


def _kind_problem(details: ErrorDetails, path: KeyPath, where: Callable[[KeyPath], str]) -> Problem:
    ctx = details.get("ctx") or {}
    kinds = [each.strip().strip("'").removeprefix(TAG) for each in str(ctx.get("expected_tags", "")).split(",")]
    given = details.get("input")
    kind = given.get("kind") if isinstance(given, dict) else None
    if kind is None:
        what = f"{dotted(path)} must be a mapping with `kind:`"
        return Problem(where(path), what, f"kind is one of {', '.join(kinds)}")
    what = f"{dotted(path)}.kind: {shown(kind)} is not supported"
    if kind in LATER_KINDS:
        what = f"{dotted(path)}.kind: {kind} hosts are not supported by this version"
    return Problem(where((*path, "kind")), what, f"kind is one of {', '.join(kinds)}")


def _plain(details: ErrorDetails, ctx: dict[str, Any], *, secret: bool) -> str:
    """What pydantic says, shorter, with the value unless that may be a ``secret``."""
    given = "what is written there" if secret else shown(details.get("input"))
    match details["type"]:
        case "int_type" | "int_parsing" | "int_from_float":
            return f"must be a whole number, not {given}"
        case "float_type" | "float_parsing":
            return f"must be a number, not {given}"
        case "finite_number":
            return f"must be a finite number, not {given}"
        case "string_type":
            return f"must be text, not {given}: put it in quotes"
        case "bool_type":
            return f"must be true or false, not {given}"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"must be a mapping, not {given}"
        case "list_type" | "tuple_type":
            return f"must be a list, not {given}"
        case "literal_error":
            return f"must be exactly one of {str(ctx.get('expected', '')).replace(chr(39), '')}, not {given}"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            bound = next((ctx[key] for key in ("gt", "ge", "lt", "le") if key in ctx), "")
            sign = {"greater_than": "above", "greater_than_equal": "at least", "less_than": "below"}
            return f"must be {sign.get(details['type'], 'at most')} {bound}, not {given}"
        case "too_short":
            return "must not be empty"
        case "string_too_short" | "string_pattern_mismatch" | "string_too_long":
            return f"is not well-formed: {given}"
        case _:
            return f"{details['msg'][:1].lower()}{details['msg'][1:]}, not {given}"


def dotted(path: Iterable[str | int]) -> str:
    """``hosts.gpu1.slots``, ``experiments[3].seed``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _known(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """The keys that the mapping at ``loc`` may have."""
    found: Any = model
    for part in loc:
        found = _step(found, part)
    found = _bare(found)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        return []
    return [field.alias or name for name, field in found.model_fields.items()]


def _step(kind: Any, part: str | int) -> Any:
    """The type one step further in: a field's, an item's, or a union's member by its tag."""
    if isinstance(part, str) and part.startswith(TAG):
        return next((each for each in _members(kind) if Tag(part) in getattr(each, "__metadata__", ())), None)
    kind = _bare(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        by_key = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        return by_key.get(str(part))
    arguments = get_args(kind)
    if not arguments:
        return None
    return arguments[0] if isinstance(part, int) else arguments[-1]


def _members(kind: Any) -> tuple[Any, ...]:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return get_args(kind)


def _bare(kind: Any) -> Any:
    """``kind`` without Annotated and Optional around it."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, types.UnionType):
            rest = [each for each in get_args(kind) if each is not type(None)]
            if len(rest) != 1:
                return kind
            kind = rest[0]
        else:
            return kind
