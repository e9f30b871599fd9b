"""What a person wrote and where: values with the line and column of each, and what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from autolab.errors import AskedWrong

Place = tuple[int, int]  # line and column, both from 1
KeyPath = tuple[str | int, ...]
SHOWN: Final = 20

Kind = TypeVar("Kind", bound=AskedWrong)


@dataclass(frozen=True, slots=True)
class Written:
    """A mapping as it was read from a file.

    places  path -> where its key stands, or the item itself in a list; the empty path is the file's beginning
    texts   path -> the very characters of a number, boolean or null that autolab would write in another way (``1e-3``)
    """

    name: str
    value: Mapping[str, Any]
    places: Mapping[KeyPath, Place] = field(default_factory=dict, repr=False)
    texts: Mapping[KeyPath, str] = field(default_factory=dict, repr=False)

    def where(self, path: KeyPath) -> str:
        """``file:line:column`` of ``path``, or of the nearest thing around it that was written."""
        for end in range(len(path), -1, -1):
            if place := self.places.get(path[:end]):
                return f"{self.name}:{place[0]}:{place[1]}"
        return self.name


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, what, and what to do about it."""

    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def refusal(kind: type[Kind], problems: Sequence[Problem]) -> Kind:
    """The error that tells ``problems``: one as one line with its hint, several as a list of at most 20."""
    first = problems[0]
    if len(problems) == 1:
        return kind(str(first), hint=first.hint)
    lines = [f"{it} ({it.hint})" if it.hint else str(it) for it in problems[:SHOWN]]
    if len(problems) > SHOWN:
        lines.append(f"... and {len(problems) - SHOWN} more")
    return kind("\n  ".join([f"{len(problems)} problems, nothing was changed:", *lines]), hint="")


def near(word: str, known: Iterable[str]) -> str:
    """``did you mean x?``, or the words there are when none is near."""
    words = sorted(known)
    if close := difflib.get_close_matches(word, words, n=1, cutoff=0.6):
        return f"did you mean {close[0]}?"
    if close := [each for each in words if each.casefold() == word.casefold()]:
        return f"did you mean {close[0]}?"
    return f"known here: {', '.join(words)}" if words else ""


def shown(value: object, limit: int = 60) -> str:
    """``value`` as it may stand in one line of an error."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
