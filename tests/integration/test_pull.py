"""`autolab pull` over SSH and from this machine: whole or not at all, and nothing outside what was asked for."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autolab.api.project import open_project
from autolab.api.pulling import pull
from autolab.errors import AskedWrong, CommandFailed, UnknownName, UnreadableReply
from autolab.executors.fetching import fetch
from autolab.hosts.connection import Connection
from autolab.model.command import Reply, Request
from tests.labhosts import LabHosts
from tests.labs import SmallLab, an_experiment

LEAVES = """
cd "$AUTOLAB_PROJECT_DIR" && mkdir -p checkpoints/e1/deep 'other dir' &&
head -c 3000000 /dev/urandom >checkpoints/e1/deep/last.pt && echo x >checkpoints/e1/best.pt &&
ln -s /etc/passwd checkpoints/e1/link && echo y >'other dir/größe.txt'
"""


@pytest.mark.parametrize("kind", ["ssh", "local"])
def test_a_checkpoint_folder_comes_as_it_is_and_links_stay(tmp_path: Path, lab: LabHosts, kind: str) -> None:
    hosts = {"lab1": {"kind": "ssh", "slots": 1}} if kind == "ssh" else {"here": {"kind": "local", "slots": 1}}
    with SmallLab(tmp_path, hosts, lab_hosts=lab) as small:
        small.add(an_experiment("e1", LEAVES, checkpoint_dir="checkpoints/e1"), an_experiment("e2"))
        with small.engine() as at_work:
            at_work.until_are("done", "e1", "e2")
        project, name = open_project(small.root), next(iter(hosts))
        there = small.project_on(name)
        assert pull(project, "e1", dry_run=True)["wanted"] == ["checkpoints/e1"]
        assert not (small.root / "checkpoints").exists()
        told = pull(project, "e1")
        assert told["files"] == {"checkpoints/e1/deep/last.pt": 3_000_000, "checkpoints/e1/best.pt": 2}
        assert told["skipped"] == ["checkpoints/e1/link"]
        near = small.root / "checkpoints/e1/deep/last.pt"
        assert near.read_bytes() == (there / "checkpoints/e1/deep/last.pt").read_bytes()
        told = pull(project, "e1", ["other dir", "nowhere"], into=tmp_path / "kept")
        assert (told["absent"], list(told["files"])) == (["nowhere"], ["other dir/größe.txt"])
        assert (tmp_path / "kept/other dir/größe.txt").read_text() == "y\n"
        with pytest.raises(AskedWrong, match="no checkpoint_dir"):
            pull(project, "e2")
        with pytest.raises(AskedWrong, match="no path inside the project"):
            pull(project, "e1", ["../elsewhere"])
        with pytest.raises(UnreadableReply):
            pull(project, "e1", limit_mib=1)
        with pytest.raises(UnknownName):
            pull(project, "e9")


class Hostile:
    """A host that answers with an archive of its own."""

    host = "evil"

    def __init__(self, *names: str, status: int = 0) -> None:
        self._names, self._status = names, status

    def ask(self, request: Request, into: io.BufferedIOBase) -> Reply:
        into.write(b"there checkpoints\nfiles\n")
        with tarfile.open(fileobj=into, mode="w|") as archive:
            for name in self._names:
                member = tarfile.TarInfo(name)
                member.size = 1
                archive.addfile(member, io.BytesIO(b"x"))
        return Reply(b"", self._status)


def tried(connection: Connection) -> list[str]:
    kept: list[str] = []

    def keep(name: str, content: Iterator[bytes]) -> None:
        kept.append(name)

    try:
        fetch(connection, "~/p", ["checkpoints"], io.BytesIO(), keep, 1 << 20)
    except (UnreadableReply, CommandFailed):
        return [*kept, "refused"]
    return kept


@pytest.mark.parametrize(
    "name", ["../up", "/etc/passwd", "checkpoints/../../up", "dispatch/state.json", "checkpointsX"]
)
def test_what_nobody_asked_for_is_refused_before_anything_is_kept(name: str) -> None:
    assert tried(Hostile("checkpoints/good", name)) == ["refused"]  # type: ignore[arg-type]


def test_what_changed_while_it_was_read_is_not_kept() -> None:
    assert tried(Hostile("checkpoints/good", status=1)) == ["refused"]  # type: ignore[arg-type]
    assert tried(Hostile("./checkpoints/good")) == ["checkpoints/good"]  # type: ignore[arg-type]
