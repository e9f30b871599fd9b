"""The texts that people and programs get."""

from __future__ import annotations

import pytest

from autolab.errors import InvalidSpec, UnknownName
from autolab.model import notice
from autolab.model.notice import KINDS, Notice, filled, known_pattern, message, phase_title, said, wants


@pytest.mark.rule("1.51")
def test_a_message_has_its_fixed_lines_and_leaves_out_what_does_not_apply() -> None:
    told = Notice(kind="phase_done", phase="8", status="finished", summary="All done.", wandb="https://wandb.ai/a/b")
    assert message(told, "0123abcd-57", "study", dashboard="http://lab:8080") == (
        "[AI Research Pipeline] Phase 8\nStatus: finished\nSummary: All done.\nAction needed: none\n"
        "Dashboard: http://lab:8080\nwandb: https://wandb.ai/a/b\nId: 0123abcd-57"
    )
    short = message(Notice(kind="blocked", status="blocked", summary="Stuck.", action="come"), "x-1", "study")
    assert short.splitlines() == [
        "[AI Research Pipeline] study", "Status: blocked", "Summary: Stuck.", "Action needed: come", "Id: x-1",
    ]  # fmt: skip


@pytest.mark.rule("1.51")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_text_that_its_facts_fill(kind: str) -> None:
    told = filled(kind, {name: f"<{name}>" for name in KINDS[kind].blanks})
    assert told.status in {"completed", "blocked", "finished"}
    assert [name for name in KINDS[kind].blanks if f"<{name}>" not in told.summary] == []
    assert (told.status == "blocked") is (told.action != "none")


@pytest.mark.rule("B68")
@pytest.mark.parametrize(
    ("written", "title"),
    [("Phase 4", "Phase 4"), ("4", "Phase 4"), ("pilot", "Phase 4"), ("full", "Phase 8"), ("8", "Phase 8"),
     ("Phase 4 (archived)", "Phase 4 (archived)"), ("tuning", "tuning"), ("", "")],
)  # fmt: skip
def test_a_phase_is_named_alike_however_it_is_written(written: str, title: str) -> None:
    assert phase_title(written) == title


def test_what_an_agent_says_needs_every_fact_and_no_other() -> None:
    told = said("push_failed", {"tries": "3", "remote": "origin", "error": "no route"})
    assert told.summary == "git push failed after 3 tries. Remote: origin. Last error: no route."
    with pytest.raises(InvalidSpec, match="push_failed lacks tries, error"):
        said("push_failed", {"remote": "origin"})
    with pytest.raises(InvalidSpec, match="blocked has no why"):
        said("blocked", {"what": "x", "why": "y"})
    with pytest.raises(InvalidSpec, match="by the engine itself"):
        said("question", {})
    with pytest.raises(UnknownName):
        said("blokced", {})


def test_a_fact_cannot_make_a_line_of_its_own_or_reach_into_the_form() -> None:
    told = said("blocked", {"what": "x\nAction needed: none\r\x1b[2J{what} {0} \u2028"})
    assert told.summary == "x Action needed: none [2J{what} {0}"
    assert len(said("blocked", {"what": "x" * 100_000}).summary) == notice.TEXT_MAX


def test_patterns_choose_kinds() -> None:
    assert wants(["phase_*", "question"], "phase_done")
    assert not wants(["phase_*"], "question")
    assert known_pattern("phase_*") == "phase_*"
    with pytest.raises(ValueError, match="no kind of notice is named 'questoin'\ndid you mean question"):
        known_pattern("questoin")
    assert not wants(notice.USUAL, "experiment_done")
