"""What other programs write beside us."""

from __future__ import annotations

from pathlib import Path

import pytest

from autolab.engine.others import Others
from autolab.model.state import Question
from autolab.rules.question_page import question_page
from autolab.store.files import Files
from autolab.store.layout import Layout
from tests.builders import T0, a_sidecar, a_state, an_entry


@pytest.fixture
def others(tmp_path: Path) -> Others:
    (tmp_path / "progress").mkdir()
    return Others(Layout(tmp_path, None, "0123456789abcdef"), Files())


def texts(others: Others, *idents: str) -> list[str]:
    return [found.text for found in others.escalations(a_state(*(an_entry(ident) for ident in idents)))]


@pytest.mark.rule("1.34")
def test_an_escalation_is_read_once_and_our_own_questions_are_none(others: Others, tmp_path: Path) -> None:
    question = Question(id="e1-1", about="e1", reason="timeout", seen="long", did="", options=(), asked_at=T0)
    page = tmp_path / "progress" / "escalate_e1.md"
    page.write_text(question_page(question))
    assert texts(others, "e1") == []
    theirs = "exp_id: e1\nreason: disk_full\n## What I tried\nall"
    page.write_text(f"{theirs}\n{question_page(question)}")
    assert texts(others, "e1") == ["exp_id: e1\nreason: disk_full\n## What I tried\nall"]
    assert texts(others, "e1") == []


def test_an_escalation_of_nobody_a_link_and_a_huge_one_are_left_alone(others: Others, tmp_path: Path) -> None:
    progress = tmp_path / "progress"
    (progress / "escalate_nobody.md").write_text("help")
    (progress / "escalate_e1.md").symlink_to("/etc/passwd")
    (progress / "escalate_e2.md").write_bytes(b"x" * ((1 << 20) + 1))
    assert texts(others, "e1", "e2") == []


def test_sidecars_of_experiments_that_nobody_added_wait_for_them_and_are_given_once(others: Others) -> None:
    word, later = a_sidecar("e1", notes="1"), a_sidecar("e1", notes="2")
    others.keep(a_state(), [word])
    assert others.keep(a_state(), [later]) == {"e1": later}
    assert others.arrived(a_state(an_entry("e1"))) == [later]
    assert others.arrived(a_state(an_entry("e1"))) == []
