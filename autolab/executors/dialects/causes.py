"""What a host's kernel and disks said about an attempt that ended badly, as words for the table of failures."""

from __future__ import annotations

from typing import Any, Final

FULL_KIB: Final = 1024  # a file system with less than this left is full
LOW_KIB: Final = 1024 * 1024  # below this it is worth saying
BROKEN: Final = frozenset({"48", "74", "79", "95"})  # Xids after which a GPU needs a person: NVIDIA's XID catalog
_KERNEL: Final = {
    "dmesg": "kernel log: read",
    "journal": "kernel log: read from the journal",
    "unreadable": "kernel log: not readable by this user",
}
LINES: Final = 100


def read_causes(text: str, *, gpus: bool) -> dict[str, Any]:
    """``causes``: words that rows of the table go by; ``notes``: what was found, for people. Unknown lines are nothing.

    gpus  the attempt had cards: else what the kernel says of them is no cause of its end
    """
    causes: list[str] = []
    notes: list[str] = []
    for line in text.splitlines()[:LINES]:
        word, _, rest = line.partition(" ")
        cause, note = _read(word, rest[:300], gpus)
        causes += [cause] if cause else []
        notes += [note] if note else []
    return {"causes": list(dict.fromkeys(causes)), "notes": list(dict.fromkeys(notes))}


def _read(word: str, rest: str, gpus: bool) -> tuple[str, str]:
    if word == "kernel":
        return "", _KERNEL.get(rest, "")
    if word == "oom" and rest.isdecimal():
        return "kernel_oom", f"kernel log: out of memory, process {rest} was killed"
    if word == "xid" and rest.isdecimal() and gpus:
        return ("gpu_lost" if rest in BROKEN else ""), f"kernel log: the NVIDIA driver reported Xid {rest}"
    if word == "disk":
        return _disk(*rest.partition(" ")[::2])
    return "", ""


def _disk(left: str, path: str) -> tuple[str, str]:
    if not left.isdecimal() or int(left) >= LOW_KIB:
        return "", ""
    shared = path in ("/tmp", "/dev/shm")  # noqa: S108 - named, not written to: full, it may have other reasons
    full = int(left) < FULL_KIB and not shared
    return ("disk_full" if full else ""), f"disk of {path}: {int(left) // 1024} MiB left"
