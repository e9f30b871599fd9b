"""Paths of a project."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from autolab.errors import InvalidSpec, NotAProject, StoreDamaged
from autolab.store.layout import Layout, find_project, git_common_dir, inside


def test_the_record_lies_in_git_and_outside_git_in_the_project(tmp_path: Path) -> None:
    assert Layout(tmp_path, tmp_path / ".git", "0123456789").record == tmp_path / ".git/autolab/01234567"
    assert Layout(tmp_path, None, "0123456789").record == tmp_path / ".autolab/01234567"


@pytest.mark.parametrize("name", ["../e1", "/etc/passwd", "a/b", "-rf", ".e1", "e1\0", "e1\n", "", "x" * 101, "a..b"])
def test_an_id_that_is_not_well_formed_never_meets_a_path(layout: Layout, name: str) -> None:
    for path_of in (layout.sidecar, layout.run_file, layout.escalation, layout.log, layout.question):
        with pytest.raises(InvalidSpec):
            path_of(name)
    if name:
        with pytest.raises(InvalidSpec):
            layout.host_facts(name)


@pytest.mark.rule("1.29")
def test_a_sidecar_is_named_for_its_experiment(layout: Layout) -> None:
    assert layout.sidecar("lr_cifar_base_s1") == layout.root / "dispatch/lr_cifar_base_s1.status.json"


def test_the_project_is_found_from_any_folder_below(tmp_path: Path) -> None:
    (tmp_path / "autolab.yaml").write_text("")
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert find_project(tmp_path / "a" / "b") == tmp_path.resolve()


def test_no_project_above_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotAProject) as raised:
        find_project(tmp_path)
    assert "autolab init" in raised.value.hint


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "out/x", "loop/../../x", "x\0y"])
def test_a_path_outside_the_project_is_refused_also_through_links(tmp_path: Path, path: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    (root / "loop").symlink_to("loop")
    with pytest.raises(InvalidSpec):
        inside(root, path)


def test_a_path_inside_may_go_through_links_that_stay_inside(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to("a")
    assert inside(tmp_path, "b/x") == tmp_path.resolve() / "a/x"
    assert inside(tmp_path, tmp_path / "a") == tmp_path.resolve() / "a"


def test_a_neighbour_that_begins_with_the_projects_name_is_outside(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    with pytest.raises(InvalidSpec):
        inside(tmp_path / "lab", tmp_path / "lab2")


def test_gits_common_folder_is_what_git_says_in_clones_work_trees_and_submodules(repo: Path, tmp_path: Path) -> None:
    def git(*words: str, at: Path = repo) -> str:
        done = subprocess.run(["git", *words], cwd=at, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("worktree", "add", "-q", str(tmp_path / "linked"))
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo), "inner")
    (repo / "below").mkdir()
    for at in (repo, repo / "below", tmp_path / "linked", repo / "inner"):
        said = git("rev-parse", "--path-format=absolute", "--git-common-dir", at=at)
        assert git_common_dir(at) == Path(said).resolve()


def test_outside_git_there_is_no_common_folder(tmp_path: Path) -> None:
    assert git_common_dir(tmp_path) is None


def test_a_git_file_that_is_no_link_is_damage(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("nonsense")
    with pytest.raises(StoreDamaged):
        git_common_dir(tmp_path)
