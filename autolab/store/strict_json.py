"""JSON from people, agents and scripts, read strictly: what could mean two things is refused, with the reason.

Refused: not UTF-8, a byte order mark, a name given twice, depth over 64, integers outside 64 bits, lone surrogates.
NaN and infinities, which Python's ``json.dump`` writes, are refused too, or read as null where that is asked for.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, Final

import orjson

DEPTH: Final = 64
_SPACED: Final = re.compile(rb"[ \t\r\n]:")
_KEY: Final = re.compile(rb'"\s*:')
_PLAIN: Final = frozenset({str, int, bool, type(None)})
_UNCOUNTED: Final = -(1 << 40)
_BIG: Final = 2.0**63
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_MAY_BE_NOT_FINITE: Final = re.compile(rb"NaN|Infinity|[0-9][eE][+]?[0-9]{3}|[0-9]{300}")


class Malformed(ValueError):
    """Why a text is not taken."""


_NOT_FINITE: Final = object()  # where NaN or an infinity stood


def parse_object(data: bytes) -> dict[str, Any]:
    """The object that ``data`` is; raises Malformed with a reason in words."""
    value, not_finite = parse_tolerant(data)
    if not_finite:
        raise Malformed(f"{not_finite[0]} is NaN or infinite")
    return value


def parse_tolerant(data: bytes) -> tuple[dict[str, Any], list[str]]:
    """The object that ``data`` is, null for every NaN and infinity, and the places (``a.b[0]``) where these stood."""
    places: list[str] = []
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if not _MAY_BE_NOT_FINITE.search(data):
            raise Malformed(_why(data, error)) from None
        value, places = _without_nan(_parse_slowly(data))
    else:
        if not _is_plain(value, data) and _count_keys(value, 0) != _count_names(data):
            value, places = _without_nan(_parse_slowly(data))
    if not isinstance(value, dict):
        raise Malformed(f"not an object but {_kind(value)}")
    return value, places


def _is_plain(value: Any, data: bytes) -> bool:
    """Whether ``value`` is flat, without floats, and all strings of ``data`` are in it: then no name came twice.

    A name given twice leaves two quotes in ``data`` that nothing in ``value`` accounts for. One pass over the types and
    one over the bytes tell what is true of most sidecars, in a third of the time of counting names and members.
    """
    if type(value) is not dict:
        return False
    kinds = [*map(type, value.values())]
    return _PLAIN.issuperset(kinds) and data.count(b'"') == 2 * (len(kinds) + kinds.count(str))


def _count_names(data: bytes) -> int:
    """How often ``":`` stands in ``data``, also with space between. Counting bytes is faster than matching."""
    if _SPACED.search(data):
        return len(_KEY.findall(data))
    return data.count(b'":')


def _why(data: bytes, error: orjson.JSONDecodeError) -> str:
    if not data.strip():
        return "empty"
    if not data.strip(b"\0"):
        return "nothing but NULs"
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return "begins with a byte order mark; plain UTF-8 is read"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return f"not UTF-8 at byte {wrong.start}"
    return f"not JSON: {error}"


def _count_keys(value: Any, depth: int) -> int:
    """Members of all objects in ``value``: as many as ``":`` in its text, unless a name came twice or one is text.

    Negative when it holds a float that may have been a longer integer: orjson reads those as floats.
    """
    if depth >= DEPTH and isinstance(value, dict | list):
        raise Malformed(f"nested deeper than {DEPTH}")
    inside: Iterable[Any]
    if type(value) is dict:
        if _PLAIN.issuperset(map(type, value.values())):
            return len(value)
        count, inside = len(value), value.values()
    elif type(value) is list:
        count, inside = 0, value
    else:
        return 0
    for inner in inside:
        kind = type(inner)
        if kind is dict or kind is list:
            count += _count_keys(inner, depth + 1)
        elif kind is float and not -_BIG < inner < _BIG:
            count += _UNCOUNTED
    return count


def _parse_slowly(data: bytes) -> Any:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise Malformed(f"not UTF-8 at byte {wrong.start}") from None
    _check_depth(data)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_members,
            parse_constant=lambda _: _NOT_FINITE,
            parse_float=_float,
            parse_int=_int,
        )
        _check_text(value)
    except json.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error}") from None
    return value


def _check_depth(data: bytes) -> None:
    depth = 0
    for bracket in re.findall(rb"[\[\]{}]", _STRING.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH:
            raise Malformed(f"nested deeper than {DEPTH}")


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise Malformed("half of a surrogate pair in a string") from None
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_text(key)
            _check_text(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_text(inner)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Malformed(f"{key!r} is given twice")
            seen.add(key)
    return members


def _float(text: str) -> Any:
    value = float(text)
    return value if math.isfinite(value) else _NOT_FINITE


def _int(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= (value := int(text)) < 2**64:
        raise Malformed(f"the number {text[:30]}{'...' if len(text) > 30 else ''} is outside 64 bits")
    return value


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a string", bool: "a truth value", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), "a number")


def _without_nan(value: Any, where: str = "") -> tuple[Any, list[str]]:
    """``value`` with null for every NaN and infinity, and the places where they stood."""
    if value is _NOT_FINITE:
        return None, [where]
    if isinstance(value, dict):
        pairs = {name: _without_nan(inner, f"{where}.{name}" if where else name) for name, inner in value.items()}
        return {name: pair[0] for name, pair in pairs.items()}, [place for pair in pairs.values() for place in pair[1]]
    if isinstance(value, list):
        items = [_without_nan(inner, f"{where}[{index}]") for index, inner in enumerate(value)]
        return [item[0] for item in items], [place for item in items for place in item[1]]
    return value, []
