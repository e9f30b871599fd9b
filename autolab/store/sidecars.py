"""Sidecars, ``dispatch/<ID>.status.json`` and ``<ID>.run.json``: theirs read strictly, ours written.

A sidecar of ours carries ``"writer":"autolab"`` and, last, a mark keyed with the lab's key over all that stands before
it. So a write by somebody else into our file is recognised without remembering what we wrote, also after a restart.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from autolab.errors import Bug
from autolab.model.ids import is_id
from autolab.model.observation import Authority, Sidecar, Unreadable
from autolab.model.state import Status
from autolab.store.files import Files, read_seen, reason
from autolab.store.layout import RUN_SUFFIX, STATUS_SUFFIX, Layout
from autolab.store.strict_json import Malformed, parse_tolerant

LIMIT: Final = 1 << 20
SEQ_MAX: Final = 2**53
WRITER: Final = "autolab"
_MARK: Final = re.compile(rb',"mark":"([0-9a-f]{32})"\}\s*')
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,9}")
_OURS: Final = ("id", "attempt", "seq", "writer", "mark")  # not cells

Check = Callable[[Any], bool]


def _whole(least: int, most: int) -> Check:
    return lambda value: type(value) is int and least <= value <= most


def _text(value: Any) -> bool:
    return type(value) is str


def _text_or_number(value: Any) -> bool:
    return type(value) is str or (type(value) is int and value >= 0)


_STATUSES: Final = frozenset(str(status) for status in Status)
_NUMBER: Final = "a whole number of at least 0"

# What the readers' keys may hold beside null, and how that is said.
CHECKS: Final[Mapping[str, tuple[Check, str]]] = {
    "id": (_text, "a string"),
    "status": (lambda value: type(value) is str and value in _STATUSES, f"one of {', '.join(sorted(_STATUSES))}"),
    "attempt": (_whole(0, 2**31), _NUMBER),
    "seq": (_whole(0, SEQ_MAX), "a whole number from 0 to 2**53"),
    "pid": (_whole(1, 2**31), "a process number"),
    "retry_count": (_whole(0, 2**31), _NUMBER),
    "job_id": (_text_or_number, "a string or a whole number"),
    "job_id_number": (_text_or_number, "a string or a whole number"),
    "gpu": (_text_or_number, "a string or a whole number"),
    "host": (_text, "a string"),
    "started": (_text, "a string"),
    "finished": (_text, "a string"),
    "notes": (_text, "a string"),
    "wandb_run_id": (_text, "a string"),
    "wandb_artifact": (_text, "a string"),
    "hf_artifact_url": (_text, "a string"),
}


# Names for which any string will do: most of what there is to check.
_TEXTS: Final = frozenset(name for name, (check, _) in CHECKS.items() if check in (_text, _text_or_number))


def read_sidecar(path: Path | str, experiment: str, key: bytes = b"") -> Sidecar | Unreadable | None:
    """What ``path`` says of ``experiment``; None: there is no such file (any more).

    key  the lab's; without it nothing is taken for ours
    """
    folder, name = os.path.split(path)
    try:
        fd = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return read_sidecar_in(fd, folder, name, experiment, key)[0]
    finally:
        os.close(fd)


def read_sidecar_in(
    fd: int, folder: str, name: str, experiment: str, key: bytes
) -> tuple[Sidecar | Unreadable | None, os.stat_result | None]:
    """``read_sidecar`` of ``name`` in ``folder``, which is open as ``fd``; and how the file looked, where it was read.

    A name inside of an open folder is found in half the time of a whole path.
    """
    try:
        data, seen = read_seen(name, LIMIT, fd)
    except FileNotFoundError:
        return None, None
    except OSError as error:
        why = reason(error)
        return Unreadable(f"{folder}/{name}", why, _digest(f"{experiment}\0{why}".encode()), experiment), None
    try:
        if not is_id(experiment):
            raise Malformed(f"{experiment[:100]!r} is not a well-formed experiment id")
        return parse_sidecar(data, experiment, key, script=name.endswith(RUN_SUFFIX)), seen
    except Malformed as error:
        return Unreadable(f"{folder}/{name}", str(error), _digest(data), experiment), seen


def parse_sidecar(data: bytes, experiment: str, key: bytes = b"", *, script: bool = False) -> Sidecar:
    """``data`` as a Sidecar; raises Malformed."""
    document, not_finite = parse_tolerant(data)
    for place in not_finite:
        if place in CHECKS:
            raise Malformed(f"{place} should be {CHECKS[place][1]}, not NaN or infinite")
    _read_numbers(document)
    _check(document, experiment)
    if script:
        authority = Authority.SCRIPT
    else:
        authority = Authority.EXECUTOR if key and _is_ours(document, data, experiment, key) else Authority.AGENT
    attempt, seq = document.get("attempt"), document.get("seq")
    for name in _OURS:
        if name in document:
            del document[name]
    if not_finite:
        document["not_finite"] = not_finite
    return Sidecar(experiment, authority, document, _digest(data), attempt, seq)


def write_sidecar(layout: Layout, files: Files, key: bytes, experiment: str, document: Mapping[str, Any]) -> None:
    """Make ``document`` what the executor of ``experiment`` says: by rename, unsynced (a look can be repeated).

    document  ``attempt``, ``seq`` and cells; ``id``, ``writer`` and ``mark`` are added
    """
    files.make_dirs(layout.dispatch)
    files.replace(layout.sidecar(experiment), render_sidecar(experiment, document, key), durable=False)


def render_sidecar(experiment: str, document: Mapping[str, Any], key: bytes) -> bytes:
    """The bytes of a sidecar of ours, marked with ``key``."""
    _check(document, experiment, Bug)
    cells = {name: value for name, value in document.items() if name not in ("id", "writer", "mark")}
    body = orjson.dumps({"id": experiment, **cells, "writer": WRITER})[:-1]
    return b'%b,"mark":"%b"}\n' % (body, _mark(body, experiment, key))


def sidecar_id(name: str) -> str | None:
    """The experiment that a file of this name in ``dispatch/`` speaks of; None: it is no sidecar."""
    if name.startswith("."):
        return None
    if name.endswith(STATUS_SUFFIX):
        return name[: -len(STATUS_SUFFIX)]
    return name[: -len(RUN_SUFFIX)] if name.endswith(RUN_SUFFIX) else None


def _check(document: Mapping[str, Any], experiment: str, error: type[Exception] = Malformed) -> None:
    checks, texts = CHECKS, _TEXTS
    for name, value in document.items():
        if value is None or name not in checks or (type(value) is str and name in texts):
            continue
        if not checks[name][0](value):
            raise error(f"{name} should be {checks[name][1]}, not {_shown(value)}")
    if document.get("id") not in (None, experiment):
        raise error(f"its id is {_shown(document['id'])}, but the file is named for {experiment!r}")
    if "status" in document and document["status"] is None:
        raise error(f"status should be {CHECKS['status'][1]}, not null")


def _read_numbers(document: dict[str, Any]) -> None:
    """A process or retry number in quotes, as shells and language models write it, is the number that it is."""
    for name in ("pid", "retry_count"):
        value = document.get(name)
        if type(value) is str and _DECIMAL.fullmatch(value):
            document[name] = int(value)


def _is_ours(document: Mapping[str, Any], data: bytes, experiment: str, key: bytes) -> bool:
    if document.get("writer") != WRITER or "mark" not in document:
        return False
    at = data.rfind(b',"mark":"')
    found = _MARK.fullmatch(data, at) if at > 0 else None
    return found is not None and found[1] == _mark(data[:at], experiment, key)


def _mark(body: bytes, experiment: str, key: bytes) -> bytes:
    return hashlib.blake2b(experiment.encode() + b"\0" + body, digest_size=16, key=key).hexdigest().encode()


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
