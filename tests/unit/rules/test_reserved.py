"""Who may answer: names, and codes that only a chat was given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autolab.model.plan import AnswersPlan
from autolab.model.state import Question
from autolab.model.wish import Ask
from autolab.rules.reserved import code_hash
from tests.builders import Table, a_plan, an_entry

CODE = "abcd2345efgh"


def crashed(**answers: Any) -> tuple[Table, Question]:
    lab = Table(an_entry(), plan=replace(a_plan(), answers=AnswersPlan(**answers)))
    lab.start()
    lab.finish(3)
    return lab, next(iter(lab.state.questions.values()))


def decide(lab: Table, question: Question, **more: Any) -> str:
    return lab.outcome(Ask.DECIDE, question=question.id, option="accept", **more)


def test_only_those_who_are_named_may_answer_and_a_tick_says_nobody() -> None:
    lab, question = crashed(who=("ana", "ben"))
    for by in ("carl", "a person (tick)", "a program"):
        assert decide(lab, question, by=by).startswith("refused: refused: e1-1 is answered by ana, ben, not by ")
    assert decide(lab, question, by="ben").startswith("ok")


@pytest.mark.rule("1.73")
def test_a_reserved_question_takes_only_the_code_that_was_sent() -> None:
    lab, question = crashed(reserved=frozenset({"undiagnosed_crash"}), code_sent=True)
    assert "it needs the code" in decide(lab, question)
    lab.wish(Ask.CODE, question=question.id, context={"hash": code_hash(question, CODE)})
    assert CODE not in str(lab.state)
    assert "not the one that was sent" in decide(lab, question, context={"code": "wrong"})
    assert "it needs the code" in decide(lab, question, context={"hash": code_hash(question, CODE)})
    assert decide(lab, question, context={"code": "ABCD-2345-EFGH"}).startswith("ok")
    assert lab.state.codes == {}


@pytest.mark.rule("1.73")
def test_a_newer_code_is_the_one_that_counts_and_one_is_good_for_its_question_alone() -> None:
    lab, question = crashed(reserved=frozenset({"undiagnosed_crash"}), code_sent=True)
    lab.wish(Ask.CODE, question=question.id, context={"hash": code_hash(question, CODE)})
    lab.wish(Ask.CODE, question=question.id, context={"hash": code_hash(question, "zzzz2345efgh")})
    assert "not the one" in decide(lab, question, context={"code": CODE})
    assert code_hash(question, CODE) != code_hash(replace(question, digest="edited"), CODE)
    assert code_hash(question, CODE) != code_hash(replace(question, id="e1-2"), CODE)
    assert lab.outcome(Ask.CODE, question="e1-9").startswith("refused: unknown-name")
    assert lab.outcome(Ask.CODE, question=question.id, context={"hash": "short"}).startswith("refused: ")


@pytest.mark.rule("1.73")
def test_without_a_chat_a_reservation_is_said_to_be_a_convention() -> None:
    lab, question = crashed(reserved=frozenset({"undiagnosed_crash"}))
    assert question.evidence[0].text.startswith("Reserved for people by convention")
    assert decide(lab, question).startswith("ok")
