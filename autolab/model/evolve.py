"""A frozen record with some of its fields changed: ``dataclasses.replace`` at half its cost.

The state is made of records of some 25 fields, and every event makes a new one. They have slots and no
``__post_init__``, so that their fields can be copied as they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

RecordT = TypeVar("RecordT")
Slot = tuple[str, Callable[[Any], Any], Callable[[Any, Any], None]]  # name, read, write


def evolved(record: RecordT, changes: Mapping[str, Any]) -> RecordT:
    """``record`` with ``changes``; raises TypeError for a field that it does not have."""
    kind: type = type(record)
    slots = _slots(kind)
    changed: RecordT = object.__new__(kind)
    left = len(changes)
    for name, read, write in slots:
        if name in changes:
            write(changed, changes[name])
            left -= 1
        else:
            write(changed, read(record))
    if left:
        raise TypeError(f"{kind.__name__} has no {', '.join(sorted(changes.keys() - {slot[0] for slot in slots}))}")
    return changed


@cache
def _slots(kind: type) -> tuple[Slot, ...]:
    members = [(one.name, getattr(kind, one.name)) for one in fields(kind)]
    return tuple((name, member.__get__, member.__set__) for name, member in members)
