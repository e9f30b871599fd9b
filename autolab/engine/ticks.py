"""Answers that people give by ticking a box in an escalation file."""

from __future__ import annotations

import re
from typing import Final

from autolab.model.state import DispatchState, Question
from autolab.model.wish import Ask, Wish
from autolab.store.files import Files
from autolab.store.hashes import digest_of
from autolab.store.layout import Layout

_LIMIT: Final = 1 << 20
TICK: Final = "tick-"  # begins the id of a wish that was ticked
_TICK: Final = re.compile(r"^- \[[xX]\] ([a-z_]+)\b", re.MULTILINE)


def ticked(layout: Layout, files: Files, state: DispatchState, seen: dict[str, tuple[int, int]]) -> list[Wish]:
    """A decision for each open question of which a box is ticked.

    seen  about -> (mtime, size) of the file when it was last read; kept by the caller, so that nothing is read twice
    """
    wishes: list[Wish] = []
    for about in {question.about for question in state.questions.values()}:
        path = layout.escalation(about.replace(":", "-"))
        try:
            stat = path.lstat()
        except FileNotFoundError:
            continue
        signature = (stat.st_mtime_ns, stat.st_size)
        if seen.get(about) == signature:
            continue
        seen[about] = signature
        text = (files.read(path, _LIMIT) or b"").decode("utf-8", "replace")
        open_here = [q for q in state.questions.values() if q.about == about]
        wishes += [wish for question in open_here if (wish := _answer(question, text)) is not None]
    return wishes


def _answer(question: Question, text: str) -> Wish | None:
    """The wish of what is ticked in the question's own section; several boxes are one that is refused and told so."""
    sections = re.split(r"(?m)^## ", text)
    section = next((s for s in sections if s.split("\n", 1)[0].strip() == question.id), "")
    chosen = " and ".join(_TICK.findall(section))[:200]
    if not chosen:
        return None
    mark = digest_of(f"{question.id}\0{question.digest}\0{chosen}".encode())[:16]
    return Wish(
        id=f"{TICK}{question.id}-{mark}",
        ask=Ask.DECIDE,
        by="a person (tick)",
        question=question.id,
        option=chosen,
        note="ticked in the escalation file",
        context={"digest": question.digest} if f"hash: {question.digest}" in section else {"digest": "edited"},
    )
