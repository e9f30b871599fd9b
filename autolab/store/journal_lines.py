"""One line of the journal of record: a compact JSON object whose last member is a checksum of the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from zlib import crc32

import orjson

from autolab.errors import Bug

FORMAT: Final = 2  # of the journal; 1, a cell for each fact, was never released
_SNAPSHOT: Final = b',"snapshot":'
_TAIL: Final = 18  # ,"crc":"01234567"}
_CRC: Final = re.compile(rb',"crc":"([0-9a-f]{8})"\}')


class BadLine(ValueError):
    """A line that is not what was written."""


def seal_line(document: bytes) -> bytes:
    """``document``, a non-empty compact JSON object, with its checksum and a line's end."""
    body = document[:-1]
    return b'%b,"crc":"%08x"}\n' % (body, crc32(body))


def open_line(line: bytes) -> bytes:
    """The document that ``seal_line`` was given, without its checksum; ``line`` without its end. raises BadLine"""
    return b"".join((_body(line), b"}"))


def _body(line: bytes) -> memoryview:
    """All of ``line`` before its checksum, which holds. raises BadLine"""
    found = _CRC.fullmatch(line, len(line) - _TAIL) if len(line) > _TAIL else None
    if found is None:
        raise BadLine("no checksum at its end")
    body = memoryview(line)[:-_TAIL]
    if int(found[1], 16) != crc32(body):
        raise BadLine("its checksum does not match")
    return body


def read_line(line: bytes) -> dict[str, Any]:
    """The parsed document of ``line``. raises BadLine"""
    return _parsed(open_line(line))


def read_head(line: bytes) -> tuple[dict[str, Any], bytes]:
    """A segment's first line: its members before the snapshot, and the snapshot's own text. raises BadLine

    No string can hold the mark between them, in which quotes stand without a backslash.
    """
    body = _body(line)
    at = line.find(_SNAPSHOT)
    if at < 0:
        raise BadLine("no snapshot in it")
    return _parsed(b"".join((body[:at], b"}"))), bytes(body[at + len(_SNAPSHOT) :])


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadLine(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise BadLine("not an object")
    return document


def event_line(event: bytes | Mapping[str, Any], seq: int) -> bytes:
    """``event`` as a sealed line; raises Bug unless it begins with ``seq``, its place in the journal."""
    document = event if isinstance(event, bytes) else orjson.dumps(dict(event), option=orjson.OPT_UTC_Z)
    if not document.startswith((b'{"seq":%d,' % seq, b'{"seq":%d}' % seq)):
        raise Bug(f"event {document[:60]!r} should begin with its number: {seq}")
    if b"\n" in document:
        raise Bug(f"event {seq} is not compact JSON")
    return seal_line(document)


def head_line(lab: str, seq: int, snapshot: bytes) -> bytes:
    """The first line of a segment: everything up to event ``seq``."""
    if b"\n" in snapshot:
        raise Bug("a snapshot must be compact JSON")
    head = orjson.dumps({"format": FORMAT, "lab": lab, "seq": seq})[:-1] + _SNAPSHOT
    # One copy of what may be 30 MB, not three.
    return b"".join((head, snapshot, b',"crc":"%08x"}\n' % crc32(snapshot, crc32(head))))
