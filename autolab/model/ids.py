"""What a well-formed name looks like. Checked before a name meets a path, a host or a page."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

from autolab.errors import InvalidSpec

ID_MAX: Final = 100
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HOST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RESERVED: Final = frozenset({"lab", "all", "last", "state", "journal", "inbox"})


def is_id(text: str) -> bool:
    """Whether ``text`` may name an experiment: 1 to 100 of ``A-Za-z0-9._-``, no leading dot or dash, no ``..``."""
    return bool(_ID.fullmatch(text)) and ".." not in text and text.casefold() not in RESERVED


def check_id(text: str) -> str:
    """``text``, if it is a well-formed experiment id; raises InvalidSpec saying why not."""
    if is_id(text):
        return text
    if text.casefold() in RESERVED:
        raise InvalidSpec(f"experiment id {text!r} is a reserved word", hint="choose another id")
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    raise InvalidSpec(
        f"experiment id {shown!r} is not well-formed ({len(text)} characters)",
        hint=f"1 to {ID_MAX} of A-Z a-z 0-9 . _ -, beginning with a letter or digit, without '..'",
    )


def is_host(text: str) -> bool:
    """Whether ``text`` may name a host in ``autolab.yaml``."""
    return bool(_HOST.fullmatch(text)) and ".." not in text


def lab8(lab: str) -> str:
    """The first eight characters of a lab's id: what paths carry."""
    return lab[:8]


def run_name(experiment: str, attempt: int) -> str:
    """What an attempt's log and its run in a tracker are called: the id, from the second attempt on with ``_r2`` ..."""
    return experiment if attempt == 1 else f"{experiment}_r{attempt}"


def token(lab: str, experiment: str, attempt: int) -> str:
    """The one name of an attempt for job names and look-ups: ``al`` and 12 base32 characters. Not a secret."""
    digest = hashlib.sha256(f"{lab}\0{experiment}\0{attempt}".encode()).digest()
    return "al" + base64.b32encode(digest)[:12].decode().lower()


def spec_hash(*parts: object) -> str:
    """16 hex digits that pin what an attempt runs: any change of a part gives others. ``parts`` have stable reprs."""
    return hashlib.sha256("\0".join(repr(part) for part in parts).encode()).hexdigest()[:16]
