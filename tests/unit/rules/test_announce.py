"""What of a tick's events people are told."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from autolab.errors import InvalidSpec
from autolab.model import event as e
from autolab.model.documents import parse_event, parse_state
from autolab.model.event import event_document
from autolab.model.notice import Notice
from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, Entry, Option, Question, Remark, Run, Status
from autolab.model.transitions import fold
from autolab.model.wish import Ask, Wish
from autolab.rules.announce import ONE_BY_ONE, announce, phases_over, tell
from autolab.rules.key_result import Row, key_result, rows_of
from tests.builders import T0, a_claimed_run, a_spec, a_state, an_ended_run, an_entry, seconds

PLAN = LabPlan(hosts={})
NOTHING: frozenset[str] = frozenset()


def told(state: DispatchState, *events: e.Event, wanted: frozenset[str] = NOTHING, rows: Any = ()) -> list[Notice]:
    """What is announced of ``events``, folded, as the engine does."""
    for happened in events:
        fold(state, happened)
    made = list(announce(state, events, T0, wanted, rows))
    for announced in made:
        fold(state, announced)
    return [announced.notice for announced in made]


def in_phase(ident: str, status: Status, *, run: Run | None = None, phase: str = "Phase 8", **more: Any) -> Entry:
    spec = a_spec(ident, phase=phase, group=more.pop("group", "main"))
    return an_entry(ident, status, run or an_ended_run(1, ident, judged=True), spec=spec, **more)


def a_question(ident: str, reason: str = "undiagnosed_crash", seen: str = "exit status 1") -> e.QuestionAsked:
    options = (Option(name="retry", effect="again"), Option(name="accept", effect="leave it"))
    question = Question(id=f"{ident}-1", about=ident, reason=reason, seen=seen, did="", options=options, asked_at=T0)
    return e.QuestionAsked(at=T0, id=ident, question=question)


@pytest.mark.rule("1.51")
def test_a_question_is_told_once_with_its_answers_and_without_the_end_of_a_log() -> None:
    state = a_state(in_phase("a", Status.FAILED), in_phase("b", Status.RUNNING, run=a_claimed_run(1, "b")))
    notices = told(state, a_question("a", seen="undiagnosed: exit status 1\n\nWANDB_API_KEY=hunter22\nTraceback"))
    assert [(n.kind, n.phase, n.status, n.summary, n.action) for n in notices] == [
        ("question", "Phase 8", "blocked", "a: undiagnosed_crash. undiagnosed: exit status 1",
         "autolab decide a-1 retry|accept"),
    ]  # fmt: skip
    assert told(state) == []


def test_a_storm_of_questions_is_one_notice() -> None:
    idents = [f"e{n}" for n in range(ONE_BY_ONE + 5)]
    state = a_state(*(in_phase(i, Status.RUNNING, run=a_claimed_run(1, i)) for i in idents))
    (notice,) = told(state, *(a_question(ident, "cuda_oom") for ident in idents))
    assert notice.summary.startswith("25 questions at once: cuda_oom (25). They are about e0, e1,")
    assert notice.summary.endswith("and 15 more")


@pytest.mark.rule("1.51")
def test_questions_of_a_known_kind_are_told_under_it() -> None:
    state = a_state(in_phase("a", Status.RUNNING, run=a_claimed_run(1, "a")))
    kinds = [n.kind for n in told(state, a_question("a", "env_failed"), a_question("a", "group_failing"))]
    assert kinds == ["env_failed", "group_failed"]


@pytest.mark.rule("1.51")
def test_a_phase_begins_once() -> None:
    state = a_state(
        an_entry("a", run=a_claimed_run(1, "a"), spec=a_spec("a", phase="8")),
        an_entry("b", spec=a_spec("b", phase="8", group="baseline")),
    )
    (notice,) = told(state, e.Started(at=T0, id="a", attempt=1))
    assert notice.kind == "phase_started"
    assert notice.summary == (
        "Dispatching 2 experiments. Machines: h1. Expected: 4 h of runs. Groups: main×1, baseline×1."
    )
    assert told(state, e.Started(at=T0, id="a", attempt=1)) == []


@pytest.mark.rule("1.52")
def test_the_end_of_a_phase_says_what_became_of_it() -> None:
    by = Remark(what="cancel", by="autolab", at=T0, why="early stop")
    state = a_state(
        in_phase("a", Status.DONE),
        in_phase("b", Status.FAILED, kind="cuda_oom", retry_count=3),
        in_phase("c", Status.CANCELLED, group="ablation", decision=by),
        in_phase("d", Status.ON_HOLD, group="ablation"),
        in_phase("last", Status.RUNNING, run=an_ended_run(1, "last"), group="baseline"),
        in_phase("old", Status.PENDING, phase="Phase 8", archived=True),
    )
    rows = rows_of("exp_id,method,dataset,group,metric,seed,value\na,ours,c10,main,acc,0,0.9\n", "Phase 8")
    rows += rows_of("exp_id,method,dataset,group,metric,seed,value\nlast,base,c10,baseline,acc,0,0.5\n", "Phase 8")
    group, over = told(state, e.Succeeded(at=T0, id="last", attempt=1), rows=rows)
    assert group.kind == "group_failed"
    assert group.summary == "Group main: 1 of 2 experiments failed after 3 retries. Cause: cuda_oom (1)."
    assert over.kind == "phase_done"
    assert over.summary == (
        "[Phase 8 done] 5 experiments (2 done, 1 failed, 1 on_hold). Key result: acc on c10: ours (main) 0.9 (n=1), "
        "base (baseline) 0.5 (n=1). Cancelled: 1. Coverage: ablation 0/2, baseline 1/1, main 1/2. Early stops: 1."
    )
    assert (over.status, over.action) == ("completed", "1 wait for a decision: autolab status")


@pytest.mark.rule("1.52")
def test_pilots_have_their_own_words_and_the_last_phase_finishes_the_lab() -> None:
    state = a_state(in_phase("a", Status.RUNNING, phase="pilot", run=an_ended_run(1, "a")))
    (over,) = told(state, e.Succeeded(at=T0, id="a", attempt=1))
    assert over.summary.startswith("[Phase 4 done] 1 pilots complete (1 done, 0 failed). Top result: N/A, no result")
    assert over.status == "finished"


@pytest.mark.rule("1.52", "B17")
def test_a_phase_ends_once_for_each_way_it_ended_and_not_while_something_is_active() -> None:
    waiting = in_phase("b", Status.ON_HOLD, run=a_claimed_run(1, "b"))  # held, and its process lives
    state = a_state(in_phase("a", Status.RUNNING, run=an_ended_run(1, "a")), waiting)
    ended = e.Succeeded(at=T0, id="a", attempt=1)
    assert told(state, ended) == []
    assert phases_over(state, [ended]) == []
    state = a_state(in_phase("a", Status.DONE), in_phase("b", Status.PENDING))
    hold = e.Held(at=T0, id="b", actor="me")
    assert [n.kind for n in told(state, hold)] == ["phase_done"]
    assert told(state, e.Released(at=T0, id="b", actor="me"), hold) == []  # the same counts again are no news


def test_what_comes_once_per_experiment_is_told_to_who_wants_it() -> None:
    state = a_state(in_phase("a", Status.RUNNING, run=an_ended_run(1, "a")), in_phase("b", Status.PENDING))
    wanted = frozenset({"experiment_done", "answered"})
    answer = e.QuestionClosed(at=T0, actor="ana", question="b-1", option="retry")
    notices = told(state, e.Succeeded(at=T0, id="a", attempt=1, why="done in 3 s"), answer, wanted=wanted)
    assert [n.summary for n in notices] == ["a done. done in 3 s", "b-1: retry, by ana."]


@pytest.mark.rule("1.51")
def test_an_agent_announces_and_a_wish_that_makes_no_sense_is_refused() -> None:
    facts = {"verdict": "CONTINUE", "reason": "3 of 4 pilots passed."}
    wish = Wish(id="w", ask=Ask.TELL, by="lab-agent", ids=("pilot_verdict",), context={"facts": facts, "phase": "5"})
    (event,) = list(tell(a_state(), wish, PLAN, T0))
    assert isinstance(event, e.Announced)
    assert event.actor == "lab-agent"
    assert event.notice.summary == "Verdict on the pilots: CONTINUE. 3 of 4 pilots passed."
    for ids, context in (((), {}), (("blocked",), {}), (("blocked",), {"facts": "x"}), (("a", "b"), {})):
        with pytest.raises(InvalidSpec):
            list(tell(a_state(), Wish(id="w", ask=Ask.TELL, by="x", ids=ids, context=context), PLAN, T0))


@pytest.mark.rule("1.46")
def test_a_notice_comes_back_from_the_journal_and_from_the_snapshot() -> None:
    notice = Notice(kind="blocked", phase="8", summary="Über «x»", action="come", key="k", wandb="https://w")
    announced = e.Announced(at=T0 + seconds(1), notice=notice, why="told: blocked")
    assert parse_event(orjson.loads(orjson.dumps(event_document(announced, 7)))) == announced
    state = a_state()
    fold(state, announced)
    assert state.notices == {"1": notice}
    assert state.announced == {"k": "Über «x»"}
    assert parse_state(orjson.dumps(state)) == state


def test_numbers_are_means_and_a_table_that_is_none_gives_none() -> None:
    rows = [Row("8", "main", "ours", "c10", "acc", v) for v in (0.1, 0.2)] + [Row("8", "main", "b", "c10", "ece", 3.0)]
    assert key_result(rows) == "acc on c10: ours (main) 0.15 (n=2); ece on c10: b (main) 3 (n=1)"
    assert key_result([]) == "N/A, no result table holds a number"
    assert rows_of("exp_id,value\na,1\n", "8") == rows_of("", "8") == rows_of('{"a": 1}', "8") == []
    assert rows_of("method,dataset,group,metric,value\nm,d,main,acc,nan\n", "8") == []
