"""Where a project and its git folder are, as plain strings: for what must start fast."""

from __future__ import annotations

import os

SETTINGS_FILE = "autolab.yaml"


def project_above(start: str) -> str | None:
    """The nearest folder at or above ``start`` that holds ``autolab.yaml``, without links; None: there is none."""
    here = os.path.realpath(start)
    while True:
        if os.path.isfile(f"{here}/{SETTINGS_FILE}"):
            return here
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above


def git_common_dir(start: str) -> str | None:
    """Git's common folder of the repository that ``start`` is in, without running git; None outside one.

    Source: gitrepository-layout(5): ``.git`` is a folder, or a file ``gitdir: <path>`` in linked work trees and
    submodules; ``commondir`` in it points from a linked work tree's folder to the shared one.

    raises  OSError, ValueError where a link of git's cannot be followed
    """
    here = os.path.realpath(start)
    while True:
        found = f"{here}/.git" if here != "/" else "/.git"
        if os.path.isfile(found):
            return _common_of(_git_dir_of(found))
        if os.path.exists(f"{found}/HEAD"):
            return _common_of(found)
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above


def record_above(root: str) -> str:
    """The folder in which each lab of the project at ``root`` keeps a folder of its own."""
    common = git_common_dir(root)
    return f"{common}/autolab" if common is not None else f"{root}/.autolab"


def _git_dir_of(link: str) -> str:
    text = _one_line(link)
    if not text.startswith("gitdir: "):
        raise ValueError(f"{link} is not a git link: {text[:60]!r}")
    return os.path.realpath(os.path.join(os.path.dirname(link), text.removeprefix("gitdir: ")))


def _common_of(git_dir: str) -> str:
    pointer = f"{git_dir}/commondir"
    if not os.path.isfile(pointer):
        return git_dir
    return os.path.realpath(os.path.join(git_dir, _one_line(pointer)))


def _one_line(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read().rstrip("\n")
