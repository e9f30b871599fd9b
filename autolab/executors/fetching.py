"""Files and folders of a project's folder on a host, brought here as they are: for a person who asks for them."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from autolab.errors import CommandFailed, UnreadableReply
from autolab.executors.runner import script, spoken
from autolab.hosts.connection import Connection
from autolab.model.command import Request

CHUNK: Final = 1 << 20
DEADLINE: Final = timedelta(hours=6)

Keep = Callable[[str, Iterator[bytes]], None]


@dataclass(slots=True)
class Fetched:
    """Paths relative to the folder: what was asked for and is not there, what was kept, what is no file of its own."""

    absent: list[str] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)  # path -> bytes
    skipped: list[str] = field(default_factory=list)  # links and the like: what they point to is not theirs to give


def fetch(
    connection: Connection, folder: str, paths: Sequence[str], through: BinaryIO, keep: Keep, limit: int
) -> Fetched:
    """Bring ``paths`` of ``folder`` (absolute, or beginning with ``~/``): all of it arrives before any is kept.

    through  an open temporary file for the stream
    keep     takes the path and the content of each file
    limit    most bytes of the stream
    raises   CommandFailed: the folder is not there, or a file changed while it was read; OutsideFailed; then nothing
             was kept
    """
    body = (
        script("prelude.sh")
        + script("fetch.sh")
        + spoken("al_root", [folder], "IFS= read -r al_p")
        + spoken("al_paths", paths)
        + "al_enter || exit 3\nal_fetch\n"
    )
    reply = connection.ask(Request(body, deadline=DEADLINE, limit=limit), into=through)
    if reply.status == 3:
        raise CommandFailed(f"{connection.host} has no folder {folder}", hint="nothing ran there, or dir: was changed")
    if reply.status != 0:
        raise CommandFailed(
            f"{connection.host}: something changed while it was read, or may not be read",
            hint="again, once nothing is being written there",
        )
    through.seek(0)
    fetched = Fetched(absent=_absent(through))
    start = through.tell()
    for member in _members(through):  # all names are looked at before the first file is kept
        if not _is_below(member.name, paths):
            raise UnreadableReply(f"{connection.host} sent {member.name!r}, which nobody asked for")
    through.seek(start)
    _keep_all(through, fetched, keep)
    return fetched


def _absent(stream: BinaryIO) -> list[str]:
    absent = []
    while (line := stream.readline(8192)) != b"files\n":
        word, _, path = line.decode("utf-8", "surrogateescape").rstrip("\n").partition(" ")
        if word not in ("there", "absent"):
            raise UnreadableReply("the answer is not what it should be", line)
        if word == "absent":
            absent.append(path)
    return absent


def _members(stream: BinaryIO) -> Iterator[tarfile.TarInfo]:
    try:
        with tarfile.open(fileobj=stream, mode="r|", errors="surrogateescape") as archive:
            yield from archive
    except tarfile.ReadError as error:
        if stream.read(1):
            raise UnreadableReply(f"the files make no sense: {error}") from error
        # an empty stream: nothing of what was asked for is there


def _is_below(name: str, paths: Sequence[str]) -> bool:
    path = PurePosixPath(name)
    return (
        not path.is_absolute()
        and ".." not in path.parts
        and any(path.is_relative_to(PurePosixPath(each)) for each in paths)
    )


def _keep_all(stream: BinaryIO, fetched: Fetched, keep: Keep) -> None:
    if stream.read(1) == b"":
        return
    stream.seek(-1, 1)
    with tarfile.open(fileobj=stream, mode="r|", errors="surrogateescape") as archive:
        for member in archive:
            name = str(PurePosixPath(member.name))
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                keep(name, iter(partial(file.read, CHUNK), b""))
                fetched.files[name] = member.size
            elif not member.isdir():
                fetched.skipped.append(name)
