"""Whether anything in a folder changed, for ``poll`` when it has nothing to do. Imports nothing slow."""

from __future__ import annotations

import os
from zlib import crc32

_MASK = (1 << 128) - 1


def fingerprint(folder: str, without: frozenset[str] = frozenset()) -> str:
    """One digest of the names, inodes, sizes and times in ``folder``, as it lists them; "" where there is no folder.

    A sum of 64-bit hashes of integers, which every process of the same Python computes alike: half the time of sorting
    and digesting lines of text. Against mistakes, not against an attacker, who could as well set the times.

    without  names that do not count, such as the views that we write ourselves
    """
    names: list[str] = []
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name[0] != "." and name not in without:
                    seen = entry.stat(follow_symlinks=False)
                    names.append(name)
                    total += hash((seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns))
    except (FileNotFoundError, NotADirectoryError):
        return ""  # also where a file went away meanwhile: then it is no longer as it was
    return f"{crc32(os.fsencode('/'.join(names))):08x}-{total & _MASK:032x}"


def stamp(path: str) -> str:
    """The same of one file; "" where there is none."""
    try:
        seen = os.stat(path)
    except FileNotFoundError:
        return ""
    return f"{seen.st_ino} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns}"
