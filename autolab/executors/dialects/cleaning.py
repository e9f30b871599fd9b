"""What a host removes of a lab, asked in one request and read strictly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from autolab.errors import UnreadableReply
from autolab.executors.runner import script, spoken
from autolab.model.command import Reply, Request

_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}/a[1-9][0-9]{0,8}")
_DIGEST = re.compile(r"[A-Za-z0-9]{1,128}")


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that went (or would); ``kept``: why it stays all the same."""

    kind: str
    name: str
    size: int
    kept: str = ""


def request(root: str, runs: Iterable[str], code: Iterable[str], older: timedelta, *, only_say: bool) -> Request:
    """``root``: the lab's folder there. Names that are none of ours are left out."""
    minutes = max(int(older.total_seconds() // 60), 0)
    body = (
        script("prelude.sh")
        + script("clean.sh")
        + spoken("al_root", [root], "IFS= read -r al_p")
        + spoken("al_runs", [run for run in runs if _RUN.fullmatch(run)])
        + spoken("al_keep", [digest for digest in code if _DIGEST.fullmatch(digest)])
        + f'if al_enter && [ -n "$al_p" ]; then\nal_clean {minutes} {"yes" if only_say else "no"}\nfi\n'
        + "echo over\n"
    )
    return Request(f"{{\nal_us='\x1f'\n{body}}}\n", deadline=timedelta(minutes=30))


def checkpoints_request(folder: str, paths: Sequence[str], *, only_say: bool) -> Request:
    """``folder``: the project's there; the pieces of the answer are named by the numbers of ``paths``, from 1."""
    body = (
        script("prelude.sh")
        + script("clean.sh")
        + script("checkpoints.sh")
        + spoken("al_root", [folder], "IFS= read -r al_p")
        + spoken("al_paths", paths)
        + f'if al_enter && [ -n "$al_p" ]; then\nal_remove_checkpoints {"yes" if only_say else "no"}\nfi\n'
        + "echo over\n"
    )
    return Request(f"{{\nal_us='\x1f'\n{body}}}\n", deadline=timedelta(minutes=30))


def read(reply: Reply) -> list[Piece]:
    """raises UnreadableReply for half an answer."""
    lines = reply.out.decode("utf-8", "replace").splitlines()
    if not lines or lines[-1] != "over":
        raise UnreadableReply("the answer is cut short", reply.out)
    found = []
    for line in lines:
        word, kind, name, size, why = [*line.split(" ", 4), "", "", "", ""][:5]
        if word in {"gone", "keeps"} and size.isdecimal():
            found.append(Piece(kind, name[:200], int(size), why.strip()[:80] if word == "keeps" else ""))
    return found
