"""A question as people read it in its file: what is wrong first, then what to type, then everything that was seen."""

from __future__ import annotations

from typing import Final

from autolab.model.documents import stamp
from autolab.model.reasons import REASONS
from autolab.model.state import Question

HEADINGS: Final = {
    "who may answer": "Who may answer",
    "attempt": "The attempt",
    "host": "The host",
    "runs there": "What runs there",
    "code": "The code",
    "log": "The end of its log",
    "commands": "Every command",
}


def headline(about: str, reason: str) -> str:
    """What is wrong, in a sentence."""
    known = REASONS.get(reason)
    return f"{about} {known.wrong}." if known else f"{about}: {reason}."


def unanswered(reason: str, default: str | None, due: str | None) -> str:
    """What happens if nobody answers, in a sentence."""
    if default is not None:
        return f"If nobody answers by {due}: {default} is taken (time without an engine does not count)."
    known = REASONS.get(reason)
    return f"If nobody answers: {known.unanswered if known else 'nothing is done'}."


def question_page(question: Question) -> str:
    """The open question, answered by ticking one box or by typing one line.

    Whatever was seen is indented by four: nothing that is quoted can pass for a box, a heading or a key.
    """
    default = f"\ndefault: {question.default} at {stamp(question.due_at)}" if question.default else ""
    fate = unanswered(question.reason, question.default, stamp(question.due_at))
    boxes = "\n".join(
        f"- [ ] {option.name}: {option.effect}\n      autolab decide {question.id} {option.name}"
        for option in question.options
    )
    return (
        f"## {question.id}\n\n{headline(question.about, question.reason)} {fate}\n\n"
        f"Tick one box, or type one of the lines:\n\n{boxes}\n\n"
        f"state: open\nquestion: {question.id}\nexp_id: {question.about}\nreason: {question.reason}\n"
        f"action_needed: choose one of {', '.join(option.name for option in question.options)}\n"
        f"timestamp: {stamp(question.asked_at)}\nhash: {question.digest}{default}\n\n"
        f"What was seen:\n\n{_quoted(question.seen)}\n\nWhat autolab did:\n\n{_quoted(question.did)}\n"
        + "".join(
            f"\n{HEADINGS.get(piece.what, piece.what)}:\n\n{_quoted(piece.text)}\n" for piece in question.evidence
        )
    )


def _quoted(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())
