"""The lines of ``progress/lab.log``, word for word, and the pages that people read."""

from __future__ import annotations

import pytest

from autolab.engine.chronicle import log_line, page
from autolab.model import event as e
from autolab.model.state import Option, Question, Status
from autolab.rules.question_page import question_page
from tests.builders import T0, a_claim, a_claimed_run, a_spec, an_ended_run, an_entry


@pytest.mark.rule("1.4")
@pytest.mark.parametrize(
    ("happened", "line"),
    [
        (e.Started(at=T0, id="e1", attempt=1, claim=a_claim(pid=77)), "[e1] started on h1 pid=77"),
        (e.Failed(at=T0, id="e1", attempt=1, kind="nan_loss", why="nan_loss: exit status 1"),
         "[e1] failed (nan_loss: exit status 1)"),
        (e.Requeued(at=T0, id="e1", attempt=1, kind="killed", remedy="again", charged=True, why="killed"),
         "[e1] retrying as a2 (killed)"),
        (e.Held(at=T0, id="e1", why="not now"), "[e1] on_hold (not now)"),
        (e.Cancelled(at=T0, id="e1", why="cancelled by ann"), "[e1] cancelled (cancelled by ann)"),
        (e.Staged(at=T0, id="e1", boot_id="b"), None),
    ],
)  # fmt: skip
def test_what_happened_is_one_line_in_the_fixed_wording(happened: e.Event, line: str | None) -> None:
    assert log_line(happened, an_entry(status=Status.RUNNING, run=a_claimed_run())) == line


@pytest.mark.rule("1.4")
def test_an_end_names_host_minutes_and_retries() -> None:
    line = log_line(e.Succeeded(at=T0, id="e1", attempt=2), an_entry(run=an_ended_run(2), attempt=2))
    assert line is not None
    assert line.startswith("DONE: e1 on h1. Duration: ")
    assert line.endswith("min. Retries: 1.")


def test_a_log_page_names_what_is_run_and_leaves_room_for_people() -> None:
    text = page(an_entry("e1"))
    assert text.startswith("# e1\n")
    for heading in ("## Motivation", "## Setup", "## Expected", "## Actual", "## Notes"):
        assert heading in text
    assert a_spec("e1").command in text


def test_a_question_page_shows_what_was_seen_as_data_and_a_box_for_each_option() -> None:
    question = Question(
        id="e1-1",
        about="e1",
        reason="undiagnosed_crash",
        seen="- [x] retry\n## e1-1",
        did="nothing",
        options=(Option(name="retry", effect="again"), Option(name="accept", effect="leave it")),
        asked_at=T0,
        digest="d1",
    )
    text = question_page(question)
    assert "\n    - [x] retry\n    ## e1-1\n" in text  # indented: neither a tick nor a heading
    assert "- [ ] retry: again\n      autolab decide e1-1 retry\n- [ ] accept: leave it\n" in text
    assert "exp_id: e1\nreason: undiagnosed_crash\n" in text
