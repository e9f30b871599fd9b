"""What a person or a program asks of the lab. Every change from outside comes in as one of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from autolab.model.state import Spec


class Ask(StrEnum):
    """What can be asked."""

    ADD = "add"
    CHECK = "check"
    CANCEL = "cancel"
    HOLD = "hold"
    RELEASE = "release"
    RETRY = "retry"
    DECIDE = "decide"
    CODE = "code"
    DRAIN = "drain"
    RESUME = "resume"
    TELL = "tell"
    ADOPT = "adopt"
    IMPORT = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One wish, all of it or nothing.

    id       random; the same id twice acts once
    ids      experiments it is about; for drain, resume and check: hosts; for tell: the kind of notice
    specs    experiments to add; ``update``: those that are known and never attempted get the new design
    abandon  for retry and cancel: close an attempt that nothing proves dead, on the person's word
    """

    id: str
    ask: Ask
    by: str
    why: str = ""
    ids: tuple[str, ...] = ()
    specs: tuple[Spec, ...] = ()
    update: bool = False
    abandon: bool = False
    question: str = ""
    option: str = ""
    note: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
