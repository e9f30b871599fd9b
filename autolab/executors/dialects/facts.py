"""What a host is like, asked in one request and read strictly: disks, clock, container, what a logout ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from autolab.errors import UnreadableReply
from autolab.executors.runner import fields, script, spoken
from autolab.model.command import Reply, Request


@dataclass(frozen=True, slots=True)
class Facts:
    """``None``: the host could not tell.

    clock       its seconds since 1970
    free_mib    by the name of a place;  writable: likewise
    container   ``no``, or what kind
    kills       processes are ended when their user logs out
    """

    clock: int | None = None
    free_mib: Mapping[str, int] = field(default_factory=dict)
    writable: Mapping[str, bool] = field(default_factory=dict)
    container: str | None = None
    kills: bool | None = None


def request(places: Mapping[str, str]) -> Request:
    """``places``: name -> folder, absolute or beginning with ``~/``."""
    lines = [fields(name, folder) for name, folder in places.items()]
    body = script("prelude.sh") + script("facts.sh") + spoken("al_places", lines) + "al_facts\necho over\n"
    return Request(f"{{\nal_us='\x1f'\n{body}}}\n", deadline=timedelta(seconds=60))


def read(reply: Reply) -> Facts:
    """raises UnreadableReply for half an answer; a line that makes no sense is not known."""
    lines = reply.out.decode("utf-8", "replace").splitlines()
    if not lines or lines[-1] != "over":
        raise UnreadableReply("the answer is cut short", reply.out)
    told: dict[str, str] = {}
    for line in lines:
        word, name, said = [*line.split(" ", 2), "", ""][:3]
        if word == "fact":
            told[name] = said.strip()[:200]
    free = {name[5:]: int(said) // 1024 for name, said in told.items() if name.startswith("free:") and said.isdecimal()}
    write = {name[6:]: said == "yes" for name, said in told.items() if name.startswith("write:")}
    return Facts(
        clock=int(told["clock"]) if told.get("clock", "").isdecimal() else None,
        free_mib=free,
        writable=write,
        container=told.get("container") or None,
        kills={"kills": True, "keeps": False}.get(told.get("logout", "")),
    )
