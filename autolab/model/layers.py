"""What one authority's word does to what it said before: the greatest (seq, digest) holds of each key.

An attempt's facts are kept as one ``Layer`` per authority and not as a cell per key: nearly every word repeats all the
keys of the one before, so that one stamp stands for ten. The two functions here are the law, ``news`` before a word is
written down and ``after`` when it is folded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from autolab.model.state import TERMINAL, Layer, Stamp

_NOTHING: Final = object()


def stamp_of(layer: Layer, key: str) -> Stamp:
    """The (seq, digest) of the word that ``key`` of ``layer`` holds from."""
    return layer.older.get(key) or (layer.seq, layer.digest)


def undoes_an_end(layer: Layer, word: Mapping[str, Any]) -> bool:
    """Whether ``word`` says something else than an end of an attempt whose end this authority told before (B2)."""
    return layer.values.get("status") in TERMINAL and "status" in word and word["status"] not in TERMINAL


def news(layer: Layer, stamp: Stamp, word: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    """What ``word`` says that ``layer`` does not: the values, and the keys that stay as they were. None: nothing.

    A greater word carries what it changes, and names what it leaves alone; all else it repeats under its own stamp. A
    smaller one, come late, carries every key that it wins.
    """
    if stamp <= (layer.seq, layer.digest):
        won = {key: value for key, value in word.items() if _wins(layer, stamp, key, value)}
        return (won, ()) if won else None
    held = layer.values
    told = {
        key: value
        for key, value in word.items()
        if (before := held.get(key, _NOTHING)) is not value and (before != value or not _plainly_equal(before, value))
    }
    kept = () if held.keys() <= word.keys() else tuple(key for key in held if key not in word)
    if "status" in told and undoes_an_end(layer, word):
        del told["status"]
        kept += ("status",)
    return (told, kept) if told or len(kept) < len(held) else None


def after(layer: Layer | None, stamp: Stamp, told: Mapping[str, Any], kept: Iterable[str]) -> Layer | None:
    """``layer`` once ``news`` has happened to it; None: nothing was ever said."""
    if layer is None:
        # A copy: the table that a parser filled and then took keys from is twice as large, and stays as long as this.
        return Layer(*stamp, {**told}) if told else None
    top = (layer.seq, layer.digest)
    values = {**layer.values, **told} if told else layer.values
    if stamp > top:
        older = {key: layer.older.get(key, top) for key in kept}
        top = stamp
    else:
        older = {**layer.older, **dict.fromkeys(told, stamp)}
        if stamp == top:
            older = {key: held for key, held in older.items() if held != top}
    if older and len(older) == len(values):  # the greatest word of all holds of no key any more
        top = max(older.values())
        older = {key: held for key, held in older.items() if held != top}
    return Layer(*top, values, older) if older else Layer(*top, values)


def _plainly_equal(one: Any, other: Any) -> bool:
    """Whether what Python calls equal is the same JSON: 1, 1.0 and true are not, also inside of lists and objects."""
    return type(one) is type(other) and (type(one) is str or repr(one) == repr(other))


def _wins(layer: Layer, stamp: Stamp, key: str, value: Any) -> bool:
    """Whether a word takes the place of the one that ``key`` holds from; a terminal status yields to none but another
    terminal one of the same authority and attempt (B2), in whatever order they come."""
    if key not in layer.values:
        return True
    if key == "status" and (value in TERMINAL) is not (layer.values[key] in TERMINAL):
        return value in TERMINAL
    return stamp > stamp_of(layer, key)
