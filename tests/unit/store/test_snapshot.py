"""Snapshots of code: what is in them, and that the same code is the same bytes."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from autolab.errors import InvalidSpec
from autolab.store import snapshot as module
from autolab.store.files import Files
from autolab.store.git import Git
from autolab.store.layout import Layout
from autolab.store.snapshot import CodeSnapshots, Snapshot

LAB = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@pytest.fixture
def later() -> datetime:
    return datetime.now().astimezone() + timedelta(minutes=1)


@pytest.fixture
def code(repo: Path, files: Files) -> CodeSnapshots:
    return CodeSnapshots(Layout.of(repo, LAB), files, Git(repo))


def put(root: Path, path: str, data: bytes = b"") -> Path:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(data)
    return root / path


def members(snapshot: Snapshot) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(snapshot.tar) as tar:
        return {member.name: member for member in tar}


def test_code_is_packed_and_what_jobs_and_autolab_write_is_not(
    code: CodeSnapshots, repo: Path, later: datetime
) -> None:
    put(repo, ".gitignore", b"*.log\n")
    for path in ("dispatch/state.json", "progress/lab.log", "experiments/results/e1/r.json", "experiments/logs/e1.md",
                 "checkpoints/e1/last.pt", "data/train.bin", "a.log"):  # fmt: skip
        put(repo, path)
    put(repo, "experiments/config.yaml")
    put(repo, "datasets.py")
    taken = code.take(later, data=["data", "/scratch/elsewhere"])
    assert sorted(members(taken)) == [
        ".gitignore",
        "autolab.yaml",
        "datasets.py",
        "experiments/config.yaml",
        "train.py",
    ]
    assert taken.files == 5


def test_a_changed_byte_mode_or_name_is_another_hash_and_a_touch_is_not(
    code: CodeSnapshots, repo: Path, later: datetime
) -> None:
    hashes = [code.take(later).hash]
    os.utime(repo / "train.py", (1, 1))
    assert code.take(later).hash == hashes[0]
    for change in (
        lambda: put(repo, "train.py", b"print('other')\n"),
        lambda: (repo / "train.py").chmod(0o755),
        lambda: (repo / "train.py").rename(repo / "main.py"),
        lambda: put(repo, "new.py"),
        lambda: (repo / "link.py").symlink_to("main.py"),
    ):
        change()
        hashes.append(code.take(later).hash)
    assert len(set(hashes)) == 6


def test_the_same_code_is_the_same_archive_in_any_clone(
    code: CodeSnapshots, repo: Path, tmp_path: Path, files: Files, later: datetime
) -> None:
    put(repo, "sub/" + "long" * 40 + "/größe.py", b"x" * 700)
    (repo / "link.py").symlink_to("train.py")
    subprocess.run(["git", "add", "."], cwd=repo, check=True)
    subprocess.run(["git", "commit", "-qm", "more"], cwd=repo, check=True)
    subprocess.run(["git", "clone", "-q", str(repo), str(tmp_path / "clone")], check=True)
    other = CodeSnapshots(Layout.of(tmp_path / "clone", LAB), files, Git(tmp_path / "clone"))
    one, two = code.take(later), other.take(later)
    assert one.hash == two.hash
    assert one.tar.read_bytes() == two.tar.read_bytes()
    assert one.tar != two.tar


def test_the_archive_unpacks_to_the_code(code: CodeSnapshots, repo: Path, tmp_path: Path, later: datetime) -> None:
    put(repo, "run.sh", b"#!/bin/sh\n").chmod(0o755)
    put(repo, "empty")
    put(repo, "big", os.urandom(3_000_001))
    (repo / "sub").mkdir()
    (repo / "sub/link").symlink_to("../run.sh")
    subprocess.run(["tar", "-xf", str(code.take(later).tar), "-C", str(tmp_path)], check=True)
    for name in ("run.sh", "empty", "big", "train.py"):
        assert (tmp_path / name).read_bytes() == (repo / name).read_bytes()
    assert os.access(tmp_path / "run.sh", os.X_OK)
    assert not os.access(tmp_path / "train.py", os.X_OK) or os.geteuid() == 0
    assert (tmp_path / "sub/link").readlink() == Path("../run.sh")


def test_nothing_is_read_again_when_nothing_changed(
    code: CodeSnapshots, later: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = code.take(later)
    monkeypatch.setattr(module, "_digest", lambda path: pytest.fail(f"{path} was read"))
    assert code.take(later) == first


@pytest.mark.parametrize(("read_after_s", "same"), [(1.0, False), (2.5, True)])
def test_a_file_read_a_moment_after_its_change_is_read_again(
    code: CodeSnapshots, repo: Path, monkeypatch: pytest.MonkeyPatch, read_after_s: float, same: bool
) -> None:
    monkeypatch.setattr(module, "_signature", lambda seen: [1, 3, 0, 0])
    changed = put(repo, "train.py", b"one").stat().st_ctime
    first = code.take(datetime.fromtimestamp(changed + read_after_s).astimezone())
    put(repo, "train.py", b"two")
    again = code.take(datetime.fromtimestamp(changed + 60).astimezone())
    assert (again.hash == first.hash) == same


def test_too_much_code_names_the_five_largest_files_and_where_to_put_them(
    code: CodeSnapshots, repo: Path, later: datetime
) -> None:
    for number in range(1, 8):
        put(repo, f"weights{number}.bin", b"\0" * (number << 18))
    with pytest.raises(InvalidSpec) as raised:
        code.take(later, limit_mib=2)
    assert "the code is 7 MiB, above 2 MiB; the largest: weights7.bin (1.8 MiB), weights6.bin" in raised.value.message
    assert "weights2.bin" not in raised.value.message
    assert ".gitignore" in raised.value.hint
    assert "data:" in raised.value.hint


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "sub/../../outside"])
def test_a_link_that_leads_out_of_the_project_is_refused(
    code: CodeSnapshots, repo: Path, later: datetime, target: str
) -> None:
    (repo / "link").symlink_to(target)
    with pytest.raises(InvalidSpec, match=r"link is a link to .*, outside the project"):
        code.take(later)


def test_an_absolute_link_inside_the_project_is_packed_as_a_relative_one(
    code: CodeSnapshots, repo: Path, later: datetime
) -> None:
    put(repo, "sub/x.py")
    (repo / "sub/link.py").symlink_to(repo / "train.py")
    assert members(code.take(later))["sub/link.py"].linkname == "../train.py"


def test_a_pipe_cannot_be_packed_and_nothing_hangs(repo: Path, files: Files, later: datetime) -> None:
    os.mkfifo(repo / "pipe")
    with pytest.raises(InvalidSpec, match="pipe is neither a file nor a link"):
        CodeSnapshots(Layout(repo, None, LAB), files, None).take(later)


def test_files_that_never_stand_still_are_said(
    code: CodeSnapshots, repo: Path, later: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = module._chunks

    def growing(path: Path) -> object:
        if path.name == "train.py":
            with path.open("ab") as file:
                file.write(b"#")
        return reads(path)

    monkeypatch.setattr(module, "_chunks", growing)
    with pytest.raises(InvalidSpec, match=r"train\.py was changed each time"):
        code.take(later)
    assert not list(code.layout.code.glob("*.tar"))
    assert not list(code.layout.code.glob(".*.tmp"))


def test_outside_git_every_file_is_code_but_those_that_are_never(tmp_path: Path, files: Files, later: datetime) -> None:
    put(tmp_path, "autolab.yaml")
    put(tmp_path, "sub/x.py")
    put(tmp_path, "sub/__pycache__/x.pyc")
    put(tmp_path, "dispatch/state.json")
    code = CodeSnapshots(Layout(tmp_path, None, LAB), files, None)
    assert sorted(members(code.take(later))) == ["autolab.yaml", "sub/x.py"]
    assert sorted(members(code.take(later))) == ["autolab.yaml", "sub/x.py"]


def test_the_code_of_a_submodule_is_packed(code: CodeSnapshots, repo: Path, tmp_path: Path, later: datetime) -> None:
    inner = tmp_path / "library"
    subprocess.run(["git", "init", "-q", str(inner)], check=True)
    put(inner, "lib.py", b"x = 1\n")
    for words in (["add", "."], ["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=inner, check=True)
    add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "lib"]
    subprocess.run(["git", *add], cwd=repo, check=True)
    assert "lib/lib.py" in members(code.take(later))


def test_a_deleted_tracked_file_is_simply_not_packed(code: CodeSnapshots, repo: Path, later: datetime) -> None:
    (repo / "train.py").unlink()
    assert sorted(members(code.take(later))) == ["autolab.yaml"]


def test_a_damaged_cache_only_costs_time(code: CodeSnapshots, later: datetime) -> None:
    first = code.take(later)
    (code.layout.code / "seen.json").write_bytes(b"{")
    assert code.take(later) == first


def test_the_archive_is_a_whole_tar_file(code: CodeSnapshots, later: datetime) -> None:
    data = code.take(later).tar.read_bytes()
    assert len(data) % tarfile.RECORDSIZE == 0
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["autolab.yaml", "train.py"]


def test_what_a_pattern_excludes_is_not_sent(tmp_path: Path, later: datetime) -> None:
    for name in ("train.py", "look.ipynb", "notes/a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    taken = CodeSnapshots(Layout(tmp_path, None, "0" * 32), Files(), None).take(later, exclude=("*.ipynb", "notes/*"))
    with tarfile.open(taken.tar) as packed:
        assert packed.getnames() == ["train.py"]


def test_old_archives_that_nobody_needs_are_removed_and_packed_anew_when_needed(
    code: CodeSnapshots, repo: Path, later: datetime
) -> None:
    hashes = []
    for text in (b"one", b"two", b"three"):
        put(repo, "train.py", text)
        hashes.append(code.take(later + timedelta(seconds=len(hashes) * 10)).hash)
    assert code.prune({hashes[1]}, later - timedelta(days=1)) == []
    assert code.prune({hashes[1]}, later + timedelta(days=1)) == sorted([hashes[0], hashes[2]])
    assert code.path(hashes[1]).is_file()
    assert code.take(later + timedelta(minutes=1)).tar.is_file()
