"""One-time codes for questions that are reserved for people: to the chat, and to no disk."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from autolab.api.asking import me, settle, wish_id
from autolab.api.project import Project, recorded
from autolab.engine.telling import send_now
from autolab.errors import CommandFailed, Refused, UnknownName
from autolab.model.wish import Ask, Wish
from autolab.rules.reserved import code_hash

if TYPE_CHECKING:
    from autolab.api.question_results import CodeSent

ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"  # nothing that looks like something else
LENGTH: Final = 12


def ask_code(project: Project, question: str) -> CodeSent:
    """Send a new one-time code for ``question`` to ``answers.code_by``. Only its hash is written down.

    raises  UnknownName; Refused where no chat is set; CommandFailed where it was not sent
    """
    by = project.settings.answers.code_by
    known = [notifier.name for notifier in project.settings.notify]
    if by is None:
        raise Refused("no chat is set that codes are sent to", hint="answers: {code_by: NAME} with a name of notify")
    if by not in known:
        raise UnknownName("notifier", by, known)
    state = recorded(project)
    asked = state.questions.get(question)
    if asked is None:
        raise UnknownName("open question", question, state.questions)
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    context = {"hash": code_hash(asked, code)}
    settle(project, Wish(id=wish_id(Ask.CODE), ask=Ask.CODE, by=me(), question=question, context=context))
    text = f"autolab decide {question} OPTION --code {code}\n\nOPTION: {', '.join(o.name for o in asked.options)}"
    problem = send_now(project.settings, project.layout.root, f"code for {question}", text, [by])[by]
    if problem:
        raise CommandFailed(f"the code was not sent by {by}: {problem}", hint="autolab notify test")
    return {"question": question, "sent_by": by}
