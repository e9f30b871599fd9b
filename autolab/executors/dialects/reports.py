"""What hosts answered, read strictly: a line that makes no sense spoils its attempt, never the others."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Final

from autolab.errors import CommandFailed, UnreadableReply
from autolab.executors.dialects.dialect import NOTHING_BEFORE, Check, Seen
from autolab.model.action import Job
from autolab.model.command import Reply
from autolab.model.holding import Holding
from autolab.model.observation import Claim, ExitRecord, HostFacts, Liveness, Look

_SEPARATOR: Final = "\x1f"
_FULL: Final = ("No space left", "Disk quota exceeded", "disk full")


@dataclass(slots=True)
class _Report:
    """The lines of one answer, sorted by whom they speak of."""

    host: HostFacts
    jobs: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    lacking: set[str] = field(default_factory=set)
    same: dict[str, int] = field(default_factory=dict)  # RUN -> bytes of its log
    driver: str = ""
    nothing: bool = False


def read_jobs(
    reply: Reply, jobs: Mapping[str, Job], at: datetime, before: Mapping[str, Seen] = NOTHING_BEFORE
) -> dict[str, Seen]:
    """Sightings by id; ``jobs`` by RUN, ``before`` by folder, for what is "same" as then.

    raises  UnreadableReply where the whole is no answer of ours
    """
    head, mark, brought = reply.out.partition(b"\nfiles\n")
    if not mark:
        raise UnreadableReply("the answer is cut short", reply.out)
    report = _sorted(head.decode("utf-8", "replace"), reply)
    files = _files(brought)
    return {
        job.id: replace(before[job.dir], at=at, host=report.host, log_size=report.same[run])
        if run in report.same and job.dir in before
        else _seen(run, job, report, files, at)
        for run, job in jobs.items()
    }


def lacking(reply: Reply) -> set[str]:
    """RUNs that could not be staged because their code is not on the host."""
    head = reply.out.partition(b"\nfiles\n")[0].decode("utf-8", "replace")
    return {line[5:] for line in head.splitlines() if line.startswith("lack ")}


def placed(reply: Reply) -> str:
    """ "" when the snapshot is there, else why not."""
    lines = reply.out.decode("utf-8", "replace").splitlines()
    if not lines or lines[-1] != "over":
        raise UnreadableReply("the answer is cut short", reply.out)
    if "placed" in lines:
        return ""
    return "; ".join(line[6:] for line in lines if line.startswith("error ")) or "the snapshot could not be made"


def tail(reply: Reply) -> bytes:
    """Bytes of a log; none where there is no log yet."""
    mark, _, content = reply.out.partition(b"\n")
    return content if mark == b"log" else b""


def skimmed(reply: Reply, jobs: Mapping[str, Job]) -> dict[str, tuple[int, bytes]]:
    """New bytes of logs by id, and where they begin; nothing of what has no log. raises UnreadableReply."""
    found: dict[str, tuple[int, bytes]] = {}
    stream = io.BytesIO(reply.out)
    while (line := stream.readline(4096)) != b"over\n":
        words = line.decode("utf-8", "replace").split()
        if len(words) != 4 or words[0] != "new" or words[1] not in jobs or not (words[2] + words[3]).isdecimal():
            raise UnreadableReply("the logs are not framed as they should be", line)
        piece = stream.read(int(words[3]))
        if len(piece) != int(words[3]) or stream.read(1) != b"\n":
            raise UnreadableReply("the logs are cut short", line)
        found[jobs[words[1]].id] = int(words[2]), piece
    return found


def checks(reply: Reply) -> tuple[HostFacts, list[Check]]:
    """Who answered and what it can do; raises UnreadableReply for half an answer."""
    lines = reply.out.decode("utf-8", "replace").splitlines()
    if len(lines) < 3 or lines[-1] != "over":
        raise UnreadableReply("the answer is cut short", reply.out)
    host = _host(lines, reply)
    found = []
    for line in lines[2:-1]:
        word, name, able, detail = [*line.split(" ", 3), "", "", ""][:4]
        if word == "can":
            found.append(Check(name, able == "yes", detail.strip()))
    gpus = next((tuple(check.detail.split()) for check in found if check.name == "gpus"), None)
    return replace(host, gpus=gpus), found


def holding(reply: Reply) -> Holding:
    """What a host holds of a lab: all of it, or UnreadableReply; CommandFailed where the host could not tell all."""
    head, mark, brought = reply.out.partition(b"\nfiles\n")
    if not mark:
        raise UnreadableReply("the answer is cut short", reply.out)
    lines = head.decode("utf-8", "replace").split("\n")
    _host(lines, reply)
    driver, clone, runs = 0, "", []
    for line in lines[2:]:
        word, _, rest = line.partition(" ")
        if word == "error":
            raise CommandFailed(rest[:500], hint="what may be there is not known: make it readable or give the host up")
        if word == "driver" and (number := rest.split(" ")[0]).isdecimal():
            driver, clone = int(number), rest.partition(" ")[2]
        elif word == "holds":
            runs.append(rest)
        else:
            raise UnreadableReply(f"{line[:80]!r} is nothing that was asked", reply.out)
    files = _files(brought)
    if missing := [run for run in runs if f"{run}/spec.json" not in files]:
        raise UnreadableReply(f"the spec.json of {missing[0]} was not brought", reply.out[:4096])
    return Holding(driver, clone, {run: files[f"{run}/spec.json"] for run in runs})


def lease(reply: Reply) -> tuple[int, str]:
    """The number and the line of a lab's lease; 0 and "" where the anchor has none."""
    lines = reply.out.decode("utf-8", "replace").split("\n")
    if lines[-2:] != ["over", ""]:
        raise UnreadableReply("the answer is cut short", reply.out)
    _host(lines, reply)
    number, text = 0, ""
    for line in lines[2:-2]:
        word, _, rest = line.partition(" ")
        if word == "error":
            raise CommandFailed(rest[:500])
        digits, _, text = rest.partition(" ")
        if word != "lease" or not digits.isdecimal():
            raise UnreadableReply(f"{line[:80]!r} is nothing that was asked", reply.out)
        number = int(digits)
    return number, text


def refusal_look(text: str) -> Look:
    """What kind of answer a complaint of the host is."""
    return Look.NO_SPACE if any(sign in text for sign in _FULL) else Look.CANNOT


def _host(lines: list[str], reply: Reply) -> HostFacts:
    if len(lines) < 2 or lines[0] != "autolab 1" or not lines[1].startswith("host "):
        raise UnreadableReply("this is no answer of autolab's scripts", reply.out)
    parts = lines[1][5:].split(_SEPARATOR)
    if len(parts) != 5:
        raise UnreadableReply("the host did not say who it is", reply.out)
    try:
        uptime = float(parts[4] or 0)
    except ValueError as error:
        raise UnreadableReply("the host's uptime is no number", reply.out) from error
    return HostFacts(boot_id=parts[0], machine_id=parts[1], node=parts[2], pid_ns=parts[3], uptime_s=uptime)


def _sorted(head: str, reply: Reply) -> _Report:
    lines = head.split("\n")
    report = _Report(_host(lines, reply))
    current: list[tuple[str, str]] | None = None
    for line in lines[2:]:
        word, _, rest = line.partition(" ")
        if word == "job":
            current = report.jobs.setdefault(rest, [])
        elif line == "end" and current is not None:
            current.append(("end", ""))
            current = None
        elif current is not None:
            current.append((word, rest))
        else:
            _file(report, word, rest)
    return report


def _file(report: _Report, word: str, rest: str) -> None:
    if word == "error":
        report.errors.append(rest[:500])
    elif word == "lack":
        report.lacking.add(rest)
    elif word == "nothing":
        report.nothing = True
    elif word == "same":
        run, _, size = rest.partition(" ")
        if size.isdecimal():
            report.same[run] = int(size)
    elif word == "driver":
        report.driver = rest
    elif word in {"others", "unreadable", "result", "unlisted"}:
        run, _, value = rest.partition(" ")
        report.jobs.setdefault(run, []).append((word, value))


def _files(brought: bytes) -> dict[str, bytes]:
    """Members of the archives behind the report; a damaged archive only means asking again by ``collect``."""
    found: dict[str, bytes] = {}
    if not brought:
        return found
    try:
        with tarfile.open(fileobj=io.BytesIO(brought), mode="r:", ignore_zeros=True) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is not None:
                    found[member.name] = content.read()
    except (tarfile.TarError, EOFError, OSError):
        return {}
    return found


_Found = Mapping[str, Any]


def _seen(run: str, job: Job, report: _Report, files: Mapping[str, bytes], at: datetime) -> Seen:
    reason = "; ".join(report.errors)
    if report.driver:
        return Seen(Look.NOT_DRIVER, at, reason=f"the host follows driver {report.driver}", host=report.host)
    lines = report.jobs.get(run)
    if lines is None:
        # The folder of the lab could not be entered; nothing is known unless it is simply not there.
        silent = Look.SEEN if report.nothing else Look.UNREADABLE
        return Seen(refusal_look(reason) if reason else silent, at, reason=reason, host=report.host)
    if ("end", "") not in lines:
        return Seen(Look.UNREADABLE, at, reason="the report is cut short", host=report.host)
    seen = _taken(at, report.host, job, lines)
    if reason:
        # What a step complained of matters where it left no folder, and is only said where it did.
        seen = replace(seen, look=seen.look if seen.run else refusal_look(reason), reason=reason)
    if seen.exit is not None:
        log = b"" if seen.log_size == 0 else files.get(f"{run}/out.log")
        whole = log if log is not None and len(log) >= seen.log_size else None
        seen = replace(seen, log=whole, run_json=files.get(f"dispatch/{job.id}.run.json"))
    return seen


def _taken(at: datetime, host: HostFacts, job: Job, lines: list[tuple[str, str]]) -> Seen:
    """The sighting that the lines of one job make; its fields are gathered and the sighting made once, of all."""
    found: dict[str, Any] = {"look": Look.SEEN, "at": at, "host": host}
    for word, rest in lines:
        take = _TAKE.get(word)
        if take is None:
            continue
        try:
            found.update(take(found, job, rest))
        except (ValueError, KeyError, TypeError) as error:
            found.update(_garbled(found, job, f"{word}: {error}"))
    return Seen(**found)


def _joined(before: str, more: str) -> str:
    return f"{before}; {more}"[:1000] if before else more[:1000]


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text, object_pairs_hook=_once)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _typed(record: Mapping[str, Any], key: str, kind: type) -> Any:
    value = record[key]
    if type(value) is not kind or (isinstance(value, int) and not 0 <= value < 2**53):
        raise ValueError(f"{key} is {value!r}"[:200])
    return value


_CLAIMED: Final[Mapping[str, type]] = {item.name: int if item.type == "int" else str for item in fields(Claim)}


def _claim(found: _Found, job: Job, text: str) -> _Found:
    record = _object(text)
    for key, want in (("lab", job.lab), ("id", job.id), ("attempt", job.attempt)):
        if record[key] != want:
            raise ValueError(f"{key} is {record[key]!r}, not {want!r}"[:200])
    if _typed(record, "nonce", str).startswith("FENCED"):
        return {"fenced": True}
    claim = Claim(**{key: _typed(record, key, kind) for key, kind in _CLAIMED.items()})
    if claim.spec_hash != job.spec_hash:
        raise ValueError("the claim is of another specification")
    return {"claim": claim}


def _exit(found: _Found, job: Job, text: str) -> _Found:
    record = _object(text)
    claim = found.get("claim")
    if claim is None or record["nonce"] != claim.nonce:
        raise ValueError("the record is not of the claim")
    status = _typed(record, "status", int)
    uptime = record.get("uptime_s", 0.0)
    if status > 255 or type(uptime) not in (int, float):
        raise ValueError("status or uptime out of range")
    at = datetime.fromtimestamp(_typed(record, "at", int), UTC).isoformat()
    ooms = _typed(record, "ooms", int) if "ooms" in record else 0
    return {"exit": ExitRecord(record["nonce"], status, at=at, uptime_s=float(uptime), ooms=ooms)}


def _staged(found: _Found, job: Job, text: str) -> _Found:
    word, _, boot = text.partition(" ")
    if word != "boot" or not boot:
        raise ValueError("not a boot id")
    return {"staged_boot": boot}


def _garbled(found: _Found, job: Job, text: str) -> _Found:
    return {"garbled": _joined(found.get("garbled", ""), text)}


# A word of the report -> the fields of the sighting that it fills, from those found before it, the job and its rest.
_TAKE: Final[Mapping[str, Callable[[_Found, Job, str], _Found]]] = {
    "run": lambda found, job, text: {"run": text == "1"},
    "log": lambda found, job, text: {"log_size": int(text)},
    "refusals": lambda found, job, text: {"refusals": int(text)},
    "because": lambda found, job, text: {"reason": text},
    "staged": _staged,
    "claim": _claim,
    "child": lambda found, job, text: {"child": Liveness(text)},
    "runner": lambda found, job, text: {"runner": Liveness(text)},
    "refused": lambda found, job, text: {"refused": text},
    "exit": _exit,
    "garbled": _garbled,
    "result": lambda found, job, text: {"result": text},
    "others": lambda found, job, text: {"others": int(text)},
    "unreadable": lambda found, job, text: {"unreadable": int(text)},
    "unlisted": lambda found, job, text: {"look": Look.CANNOT, "reason": "the attempt's folder cannot be read"},
}
