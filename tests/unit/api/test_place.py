from __future__ import annotations

from pathlib import Path

import pytest

from autolab.api.place import find_place, host_names, read_state
from autolab.errors import NotAProject, StoreDamaged


def lab(root: Path, state: str | None = None, lab_json: str = '{"format": 1, "lab": "0123456789abcdef"}') -> Path:
    (root / "dispatch").mkdir()
    (root / "autolab.yaml").write_text("project: p\n")
    (root / "dispatch/lab.json").write_text(lab_json)
    if state is not None:
        (root / "dispatch/state.json").write_text(state)
    return root


def test_a_project_is_found_from_a_folder_below_it(tmp_path: Path) -> None:
    below = lab(tmp_path) / "a" / "b"
    below.mkdir(parents=True)
    assert find_place(below).layout.root == tmp_path


def test_settings_without_a_lab_ask_for_init(tmp_path: Path) -> None:
    (tmp_path / "autolab.yaml").write_text("project: p\n")
    with pytest.raises(NotAProject) as caught:
        find_place(tmp_path)
    assert "autolab init" in caught.value.hint


@pytest.mark.parametrize("text", ['{"format": 2, "lab": "x"}', '{"lab": "x"}', '{"format": 1}', "[]", "{"])
def test_a_lab_file_that_cannot_be_understood_is_damage(tmp_path: Path, text: str) -> None:
    with pytest.raises(StoreDamaged):
        find_place(lab(tmp_path, lab_json=text))


def test_a_state_that_was_never_written_is_empty(tmp_path: Path) -> None:
    state = read_state(find_place(lab(tmp_path)))
    assert (state["experiments"], state["journal_seq"]) == ([], 0)


@pytest.mark.rule("B10")
@pytest.mark.parametrize("text", ["", "{", "[]", '{"experiments": {}}', '{"format": 2, "experiments": []}'])
def test_an_unreadable_state_is_never_an_empty_one(tmp_path: Path, text: str) -> None:
    with pytest.raises(StoreDamaged, match=r"state\.json"):
        read_state(find_place(lab(tmp_path, text)))


def test_host_names_are_told_by_indentation(tmp_path: Path) -> None:
    text = (
        "project: p\nhosts:\n  local: # here\n    kind: local\n  # gpu0:\n  gpu-1.x: {kind: ssh}\nssh:\n  config: x\n"
    )
    (tmp_path / "autolab.yaml").write_text(text)
    assert host_names(tmp_path) == ["local", "gpu-1.x"]
    assert host_names(tmp_path / "nowhere") == []
