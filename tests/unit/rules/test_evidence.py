"""What stands beside a question: enough for whoever is woken by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autolab.model.event import QuestionAsked
from autolab.model.plan import AnswersPlan
from autolab.model.state import Entry, HostState, HostStatus, Question, Status
from autolab.model.wish import Ask
from autolab.rules.evidence import complete, last_lines
from autolab.rules.question_page import question_page
from autolab.rules.questions import ask_about_host
from tests.builders import T0, Table, a_plan, a_run, a_spec, a_state, alive, an_ended_run, an_entry, seconds


def crashed(*others: Entry, tail: str = "Epoch 3\nKeyError: 'x'", plan: Any = None) -> tuple[Table, Question]:
    """A run that ended in a way that nobody knows, and the question about it."""
    lab = Table(an_entry(), *others, plan=plan)
    lab.start()
    lab.now += seconds(300)
    lab.finish(3, tail=tail)
    return lab, next(iter(lab.state.questions.values()))


def pieces(question: Question) -> dict[str, str]:
    return {piece.what: piece.text for piece in question.evidence}


@pytest.mark.rule("B28")
def test_a_question_shows_attempt_host_code_log_and_commands() -> None:
    _, question = crashed()
    shown = pieces(question)
    assert list(shown) == ["attempt", "log", "host", "code", "commands"]
    assert "attempt 1 on h1, pid 4711 on node-1" in shown["attempt"]
    assert "failures charged: 0 of 3 retries" in shown["attempt"]
    assert "ran 5 min, expected 2.0 h" in shown["attempt"]
    assert "exit, exit status 3" in shown["attempt"]
    assert shown["log"] == "Epoch 3\nKeyError: 'x'"
    assert shown["commands"] == "a1: python train.py --seed 0"
    assert shown["host"].startswith("h1: ready since 2026-11-20")


def test_the_code_is_compared_with_the_last_good_run_of_its_method_and_data_set() -> None:
    def good(ident: str, minute: int, **more: Any) -> Entry:
        spec = a_spec(ident, **{key: more.pop(key) for key in ("method", "dataset") if key in more})
        run = an_ended_run(ident=ident, judged=True, **more)
        return an_entry(ident, Status.DONE, run, spec=spec, finished_at=T0 + seconds(60 * minute))

    others = [good("old", 1, code="x"), good("other", 9, method="adam", code="y")]
    assert "nothing of sgd on digits" in pieces(crashed(others[1])[1])["code"]
    assert "old, the last good run of sgd on digits, ran code x" in pieces(crashed(*others)[1])["code"]
    assert "the same as new" in pieces(crashed(*others, good("new", 2, code="code-1"))[1])["code"]


def test_a_log_is_given_without_what_a_terminal_would_obey_and_in_bounds() -> None:
    tail = "\x1b[31mred\x1b[0m\x1b]0;title\x07\r10%\r20%\n\u202egnp.exe\n" + "x" * 1000 + "\n\n\nlast\x00\n"
    lines = last_lines(tail, 4).splitlines()
    assert lines == ["20%", "gnp.exe", "x" * 300 + " ...", "last"]
    assert last_lines("", 4) == ""
    _, question = crashed(tail="\n".join(map(str, range(500))), plan=a_plan())
    assert pieces(question)["log"].splitlines()[0] == "460"


def test_a_question_about_a_run_whose_log_is_not_here_says_where_it_is() -> None:
    lab = Table(an_entry())
    lab.start()
    lab.look(alive(claim=lab.claim_of(), ran_s=9 * 3600.0))
    (question,) = lab.state.questions.values()
    assert pieces(question)["log"].endswith("/e1/a1/out.log, shown by: autolab logs e1")


def test_a_question_about_a_host_shows_the_host_and_what_runs_there() -> None:

    host = HostState(name="h1", status=HostStatus.REFUSED, since=T0, why="key refused", misses=2, missed_at=T0)
    state = a_state(an_entry("e1", Status.RUNNING, a_run()), hosts={"h1": host})
    (asked,) = ask_about_host(state, host, "host_refused", T0, seen="key refused", did="nothing")
    assert isinstance(asked, QuestionAsked)
    shown = pieces(complete(state, asked, a_plan(), T0).question)
    assert shown["host"].splitlines()[0] == "h1: refused since 2026-11-20T10:44:12Z, key refused"
    assert shown["runs there"] == "e1 (running)"


def test_its_digest_covers_the_evidence() -> None:
    assert crashed()[1].digest != crashed(tail="another end")[1].digest
    assert crashed()[1].digest == crashed()[1].digest


def test_a_page_begins_with_what_is_wrong_what_happens_then_and_what_to_type() -> None:
    _, question = crashed(tail="- [x] retry: a line of the job's own log\n## e1-1\nhash: 0000")
    page = question_page(question)
    lines = page.splitlines()
    assert lines[2] == (
        "e1 crashed in a way that autolab does not know. If nobody answers: it stays failed, what depends on it waits, "
        "and everything else goes on."
    )
    assert lines[6:8] == [
        "- [ ] retry: a new attempt, as it is designed; its retries count anew",
        "      autolab decide e1-1 retry",
    ]
    assert "\n    - [x] retry: a line" in page
    assert page.count("\n## ") == 0
    assert page.index("autolab decide e1-1 accept") < page.index("state: open") < page.index("The end of its log")


# --- defaults --------------------------------------------------------------------------------------------------------


def with_default(after_s: float = 3600.0) -> Any:
    return replace(a_plan(), answers=AnswersPlan(defaults={"undiagnosed_crash": ("retry", after_s)}))


@pytest.mark.rule("B29", "1.73")
def test_a_question_with_a_default_says_so_and_takes_it_when_its_time_is_over() -> None:
    lab, question = crashed(plan=with_default())
    assert (question.default, question.due_at) == ("retry", lab.now + seconds(3600))
    assert "If nobody answers by 2026-11-20T11:49:12Z: retry is taken" in question_page(question)
    assert lab.after(3599).wake_at == question.due_at
    assert lab.questions() == ["undiagnosed_crash"]
    made = lab.after(1)
    assert lab.questions() == []
    assert lab.entry().attempt == 2
    closed = next(event for event in made.events if event.name == "question_closed")
    assert (closed.actor, closed.why) == (
        "autolab (default)",
        "autolab (default) decided retry: nobody answered by 2026-11-20T11:49:12Z",
    )


@pytest.mark.rule("B29")
def test_without_a_setting_nothing_is_ever_taken_by_itself() -> None:
    lab, question = crashed()
    assert (question.default, question.due_at) == (None, None)
    lab.after(10**7)
    assert lab.questions() == ["undiagnosed_crash"]


@pytest.mark.rule("B28")
def test_an_answer_to_a_closed_question_is_told_who_answered_and_when() -> None:
    lab, question = crashed()
    lab.wish(Ask.DECIDE, question=question.id, option="accept", by="ben", note="known")
    said = lab.outcome(Ask.DECIDE, question=question.id, option="retry")
    assert said.startswith("refused: illegal-transition: e1-1 is not open any more: decided accept by ben at 2026-11-")
    assert lab.outcome(Ask.DECIDE, question="e1-7", option="retry").startswith("refused: unknown-name")
