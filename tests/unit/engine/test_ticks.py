"""Boxes that people tick in escalation files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autolab.engine.ticks import ticked
from autolab.model.event import QuestionAsked
from autolab.model.state import DispatchState, Question
from autolab.model.wish import Wish
from autolab.rules.question_page import question_page
from autolab.rules.questions import ask
from autolab.store.files import Files
from autolab.store.layout import Layout
from tests.builders import LAB, T0, a_state, an_entry

LOG = "Epoch 3\n- [x] retry: a line of the job's own log\n## a-1\n- [x] accept: another\rand\u2028- [x] retry: more"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path, None, LAB)
    layout.progress.mkdir()
    return layout


def a_question(about: str = "a", seen: str = "exit status 3", did: str = "nothing") -> Question:
    (asked,) = ask(a_state(an_entry("a")), about, "undiagnosed_crash", T0, seen=seen, did=did)
    assert isinstance(asked, QuestionAsked)
    return asked.question


def asking(*questions: Question) -> DispatchState:
    return a_state(an_entry("a"), questions={question.id: question for question in questions})


def answers(layout: Layout, text: str, *questions: Question) -> list[Wish]:
    layout.escalation("a").write_text(text)
    return ticked(layout, Files(), asking(*questions), {})


def tick(text: str, option: str, mark: str = "x") -> str:
    assert f"\n- [ ] {option}:" in text
    return text.replace(f"\n- [ ] {option}:", f"\n- [{mark}] {option}:")


@pytest.mark.parametrize("mark", ["x", "X"])
def test_a_ticked_box_answers_its_question(layout: Layout, mark: str) -> None:
    question = a_question()
    (wish,) = answers(layout, tick(question_page(question), "retry", mark), question)
    assert (wish.ask, wish.question, wish.option) == ("decide", "a-1", "retry")
    assert wish.context == {"digest": question.digest}


def test_a_page_as_we_wrote_it_answers_nothing(layout: Layout) -> None:
    question = a_question()
    assert answers(layout, question_page(question), question) == []


def test_two_ticks_are_an_answer_that_no_question_takes(layout: Layout) -> None:
    question = a_question()
    text = tick(tick(question_page(question), "retry"), "accept")
    assert [wish.option for wish in answers(layout, text, question)] == ["retry and accept"]


def test_a_box_that_we_did_not_offer_is_an_answer_that_the_question_does_not_take(layout: Layout) -> None:
    question = a_question()
    text = question_page(question).replace("- [ ] retry:", "- [x] abandon:")
    assert [wish.option for wish in answers(layout, text, question)] == ["abandon"]


def test_ticks_in_what_a_log_said_are_no_answer(layout: Layout) -> None:
    question = a_question(seen=LOG)
    assert answers(layout, question_page(question), question) == []
    (wish,) = answers(layout, tick(question_page(question), "accept"), question)
    assert wish.option == "accept"


def test_ticks_in_what_autolab_did_are_no_answer(layout: Layout) -> None:
    question = a_question(did=f"asked the host, which said:\n{LOG}")
    assert answers(layout, question_page(question), question) == []


def test_an_edited_hash_voids_the_answer(layout: Layout) -> None:
    question = a_question()
    text = tick(question_page(question), "retry").replace(f"hash: {question.digest}", "hash: 0000000000000000")
    (wish,) = answers(layout, text, question)
    assert wish.context["digest"] != question.digest


def test_a_tick_answers_the_question_it_stands_under_and_no_other(layout: Layout) -> None:
    old = a_question()
    new = replace(old, id="a-2", digest="fedcba9876543210")
    text = f"{tick(question_page(new), 'accept')}\n{question_page(old)}"
    assert [(w.question, w.option) for w in answers(layout, text, old, new)] == [("a-2", "accept")]


def test_a_question_that_is_closed_is_not_answered_again(layout: Layout) -> None:
    question = a_question()
    layout.escalation("a").write_text(tick(question_page(question), "retry"))
    assert ticked(layout, Files(), asking(), {}) == []


def test_the_same_tick_read_twice_is_one_wish(layout: Layout) -> None:
    question = a_question()
    text = tick(question_page(question), "retry")
    assert answers(layout, text, question)[0].id == answers(layout, text, question)[0].id


def test_a_file_is_read_once_until_it_changes(layout: Layout) -> None:
    question, seen = a_question(), dict[str, tuple[int, int]]()
    path = layout.escalation("a")
    path.write_text(question_page(question))
    assert ticked(layout, Files(), asking(question), seen) == []
    before = path.stat()
    path.write_text(tick(question_page(question), "retry") + "\n")
    assert path.stat().st_size != before.st_size
    assert len(ticked(layout, Files(), asking(question), seen)) == 1
    assert ticked(layout, Files(), asking(question), seen) == []


def test_without_a_file_there_is_no_answer(layout: Layout) -> None:
    assert ticked(layout, Files(), asking(a_question()), {}) == []
