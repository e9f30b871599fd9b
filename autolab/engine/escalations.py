"""Questions in people's files: an unchanging page each, and the file where the newest stands on top and is answered."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from autolab.model.documents import stamp
from autolab.model.event import QuestionClosed
from autolab.model.state import Question
from autolab.rules.question_page import question_page
from autolab.store.files import Files
from autolab.store.hashes import digest_of
from autolab.store.layout import Layout

_LIMIT: Final = 1 << 20
_TICKED: Final = re.compile(rb"(?m)^- \[[xX]\] ")
_UNTICKED: Final = b"- [ ] "


class Escalations:
    """The only writer of ``progress/questions`` and ``progress/escalate_<ID>.md`` beside the person who ticks there.

    Each change is made in the text as it stands, so that a tick or a note is never lost; a text that is more than ours
    with boxes ticked is copied to ``progress/kept`` first.
    """

    def __init__(self, layout: Layout, files: Files) -> None:
        self._layout, self._files = layout, files

    def asked(self, question: Question) -> None:
        """A new question: its page, and on top of the file of what it is about."""
        page = question_page(question)
        path = self._layout.question(question.id)
        self._files.make_dirs(path.parent)
        if not path.exists():
            self._files.replace(path, page.encode())
        self._change(question.id, lambda text: text if page in text else f"{page}\n{text}")

    def again(self, question: Question) -> None:
        """It came up again."""
        seen = " ".join(question.again_seen.split())[:300]
        said = f"{question.again} times, last at {stamp(question.again_at)}: {seen}"
        self._change(question.id, lambda text: keyed(text, question.id, "again", said))

    def closed(self, closed: QuestionClosed) -> None:
        """Answered or withdrawn: said where the person looks."""
        said = f"decided: {closed.option} by {closed.actor}" if closed.option else f"closed: {closed.why}"
        head = f"state: open\nquestion: {closed.question}\n"
        after = f"state: {' '.join(said.split())} at {stamp(closed.at)}\nquestion: {closed.question}\n"
        self._change(closed.question, lambda text: text.replace(head, after, 1))

    def refused(self, question: str, why: str) -> None:
        """What was ticked is no answer, and why."""
        self._change(question, lambda text: keyed(text, question, "not_understood", " ".join(why.split())[:300]))

    def due(self, question: Question) -> None:
        """Its default falls due at another time."""
        said = f"{question.default} at {stamp(question.due_at)}"
        self._change(question.id, lambda text: keyed(text, question.id, "default", said))

    def _change(self, question: str, change: Callable[[str], str]) -> None:
        path = self._layout.escalation(question.rpartition("-")[0])
        before = self._files.read(path, _LIMIT) or b""
        text = before.decode("utf-8", "replace")
        after = change(text)
        if after == text:
            return
        told = self._layout.escalation_told(path.name)
        self._keep_aside(path.name, before, (self._files.read(told, 64) or b"").decode())
        self._files.make_dirs(told.parent)
        self._files.replace(told, _mark(after.encode()).encode())
        self._files.replace(path, after.encode())

    def _keep_aside(self, name: str, before: bytes, told: str) -> None:
        """A copy of what somebody wrote there that is more than ticks."""
        mark = _mark(before)
        if before and mark != told:
            kept = self._layout.kept / f"{name.removesuffix('.md')}-{mark}.md"
            self._files.make_dirs(kept.parent)
            self._files.replace(kept, before)


def _mark(content: bytes) -> str:
    """What tells texts apart that differ by more than ticks."""
    return digest_of(_TICKED.sub(_UNTICKED, content))


def keyed(text: str, question: str, key: str, value: str) -> str:
    """``text`` with ``key: value`` among the keys of ``question``; as it is where the question does not stand there."""
    head, mark, rest = text.partition(f"\nquestion: {question}\n")
    if not mark:
        return text
    keys, blank, below = rest.partition("\n\n")
    lines = [line for line in keys.split("\n") if not line.startswith(f"{key}: ")]
    return f"{head}{mark}" + "\n".join([*lines, f"{key}: {value}"]) + f"{blank}{below}"
