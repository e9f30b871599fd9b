"""The files where people are asked: nothing that somebody wrote there is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autolab.engine.chronicle import Chronicle
from autolab.engine.escalations import Escalations, keyed
from autolab.engine.others import Others
from autolab.model.event import EngineReturned, Event, QuestionAsked, WishSettled
from autolab.model.state import DispatchState, Question
from autolab.model.transitions import fold
from autolab.rules.questions import ask, remind, withdraw
from autolab.store.files import Files
from autolab.store.layout import Layout
from tests.builders import LAB, T0, a_state, an_entry, seconds


class Desk:
    """A lab's files and the state behind them."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder, None, LAB)
        self.layout.progress.mkdir()
        self.layout.record.mkdir(parents=True)
        self.state: DispatchState = a_state(an_entry("a"))
        self.chronicle = Chronicle(self.layout, Files())
        self.path = self.layout.escalation("a")

    def ask(self, reason: str = "undiagnosed_crash") -> Question:
        (asked,) = ask(self.state, "a", reason, T0, seen="exit status 3", did="nothing")
        assert isinstance(asked, QuestionAsked)
        self.take(asked)
        return asked.question

    def take(self, *events: Event) -> None:
        for happened in events:
            fold(self.state, happened)
        self.chronicle.record(self.state, events)

    @property
    def text(self) -> str:
        return self.path.read_text()

    def kept(self) -> list[str]:
        return [path.read_text() for path in self.layout.kept.iterdir()] if self.layout.kept.exists() else []


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.rule("B28")
def test_each_question_has_a_page_that_never_changes_and_the_newest_stands_on_top(desk: Desk) -> None:
    first = desk.ask()
    page = desk.layout.question(first.id).read_text()
    desk.take(remind(first, T0 + seconds(60), "exit status 3\nagain"))
    second = desk.ask("unknown_end")
    assert desk.text.index(f"## {second.id}") < desk.text.index(f"## {first.id}")
    assert "again: 1 times, last at 2026-11-20T10:45:12Z: exit status 3 again\n" in desk.text
    desk.take(*withdraw(desk.state, "a", T0, "it ended", "undiagnosed_crash"))
    assert "state: closed: it ended at 2026-11-20T10:44:12Z\nquestion: a-1\n" in desk.text
    assert "state: open\nquestion: a-2\n" in desk.text
    assert desk.layout.question(first.id).read_text() == page


def test_ticks_live_through_every_rewrite_and_need_no_copy(desk: Desk) -> None:
    desk.ask()
    desk.path.write_text(desk.text.replace("- [ ] retry:", "- [x] retry:"))
    desk.ask("unknown_end")
    assert "- [x] retry:" in desk.text
    assert desk.kept() == []


def test_what_somebody_wrote_there_stays_and_a_copy_of_it_is_kept_aside(desk: Desk) -> None:
    desk.ask()
    desk.path.write_text(desk.text + "\nI rebooted it. Ana\n")
    mine = desk.text
    desk.ask("unknown_end")
    assert "I rebooted it. Ana" in desk.text
    assert desk.kept() == [mine]
    desk.ask("nan_loss")
    assert desk.kept() == [mine], "what stands there now is known"


def test_a_tick_that_is_no_answer_is_told_where_it_was_made(desk: Desk) -> None:
    question = desk.ask()
    outcome = "refused: unknown-name: no option 'retry and accept' (a-1 takes: retry, accept)"
    desk.take(WishSettled(at=T0, wish=f"tick-{question.id}-0123456789abcdef", outcome=outcome))
    assert f"not_understood: {outcome}\n" in desk.text
    assert "NOT UNDERSTOOD: a tick in a-1" in desk.layout.lab_log.read_text()


def test_a_default_that_moved_is_said_where_it_stands(desk: Desk) -> None:
    question = replace(desk.ask(), default="retry", due_at=T0)
    desk.state.questions[question.id] = question
    desk.take(EngineReturned(at=T0, away_s=3600.0, why="nobody was here"))
    assert "default: retry at 2026-11-20T11:44:12Z\n" in desk.text


def test_our_own_questions_are_no_agents_words_however_often_they_are_changed(desk: Desk) -> None:
    question = desk.ask()
    others = Others(desk.layout, Files())
    assert others.escalations(desk.state) == []
    desk.take(remind(question, T0 + seconds(60), "again"), *withdraw(desk.state, "a", T0, "it ended"))
    assert others.escalations(desk.state) == []
    desk.path.write_text(f"# I need a larger card\n\n{desk.text}")
    assert [said.text for said in others.escalations(desk.state)] == ["# I need a larger card"]


def test_a_key_is_set_within_its_question_alone() -> None:
    text = "state: open\nquestion: a-2\nhash: 1\n\nx\n\nstate: open\nquestion: a-1\nhash: 2\n\ny\n"
    once = keyed(text, "a-1", "again", "1 times")
    assert once == text.replace("hash: 2\n", "hash: 2\nagain: 1 times\n")
    assert keyed(once, "a-1", "again", "2 times") == once.replace("1 times", "2 times")
    assert keyed(text, "a-9", "again", "1 times") == text


def test_a_file_that_a_person_removed_is_made_anew(desk: Desk) -> None:
    desk.ask()
    desk.path.unlink()
    desk.ask("unknown_end")
    assert desk.text.startswith("## a-2\n")
    assert Escalations(desk.layout, Files()) is not None
