"""Whether anything in a folder changed, for ``poll`` when it has nothing to do. Imports nothing slow."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path


def fingerprint(folder: Path, without: Collection[str] = ()) -> str:
    """One digest of the names, inodes, sizes and times in ``folder``, in any order; "" where there is no folder.

    without  names that do not count, such as the views that we write ourselves
    """
    try:
        with os.scandir(folder) as entries:
            lines = [
                f"{entry.name}\0{seen.st_ino}\0{seen.st_size}\0{seen.st_mtime_ns}\0{seen.st_ctime_ns}"
                for entry in entries
                if not entry.name.startswith(".") and entry.name not in without and (seen := _stat(entry)) is not None
            ]
    except (FileNotFoundError, NotADirectoryError):
        return ""
    lines.sort()
    return hashlib.blake2b("\n".join(lines).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
