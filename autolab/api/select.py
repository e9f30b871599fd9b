"""Which experiments are meant: ids, globs, ``all``, ``last``, by status. Plain documents in, ids out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from autolab.errors import AskedWrong, UnknownName

Entries = Sequence[Mapping[str, Any]]
STATUSES = ("pending", "running", "done", "failed", "cancelled", "on_hold", "unreachable")


def the_one(entries: Entries, word: str) -> Mapping[str, Any]:
    """The experiment that ``word`` means, ``last`` included. raises UnknownName where it means none or several."""
    found = select(entries, [word])
    if len(found) != 1:
        raise UnknownName("single experiment", word, hint=f"{len(found)} fit; autolab ps {word!r} lists them")
    return next(entry for entry in entries if entry["id"] == found[0])


def select(
    entries: Entries,
    words: Iterable[str],
    statuses: Iterable[str] = (),
    *,
    fits: Iterable[str] = STATUSES,
    trust: bool = False,
) -> list[str]:
    """The ids that ``words`` mean, in the state's order, each once.

    words     ids, globs (``lr-*``), ``all``, ``last`` (the one added last); none: all, if ``statuses`` are given
    statuses  only those
    fits      statuses to which the question applies: what a glob, ``all`` or a status brings in is cut down to them,
              an id that was written out is not
    trust     take a plain word that is not known as an id all the same: it may have been asked for a moment ago
    raises    UnknownName for an id that is not there or a pattern that fits none; AskedWrong where nothing was said
    """
    wanted, kept = _statuses(statuses), frozenset(fits)
    given = list(words)
    if not given:
        if not wanted:
            raise AskedWrong("which experiments?", hint="give ids, globs such as 'lr-*', `all`, `last`, or -s STATUS")
        given = ["all"]
    named: set[str] = set()
    exact: list[str] = []
    by_id = {entry["id"]: entry for entry in entries}
    for word in given:
        if word in by_id:
            exact.append(word)
        elif word == "all":
            named.update(by_id)
        elif word == "last":
            exact.extend(entry["id"] for entry in entries[-1:])
        elif any(sign in word for sign in "*?["):
            named.update(_matching(by_id, word))
        elif trust:
            exact.append(word)
        else:
            raise UnknownName("experiment", word, by_id)
    meant = {ident for ident in named if by_id[ident]["status"] in kept} | set(exact)
    known = [ident for ident in by_id if ident in meant and (not wanted or by_id[ident]["status"] in wanted)]
    return [*known, *(word for word in dict.fromkeys(exact) if word not in by_id)]


def _statuses(given: Iterable[str]) -> frozenset[str]:
    wanted = frozenset(given)
    for word in sorted(wanted):
        if word not in STATUSES:
            raise UnknownName("status", word, STATUSES, hint=f"one of {', '.join(STATUSES)}")
    return wanted


def _matching(ids: Iterable[str], pattern: str) -> list[str]:
    found = [ident for ident in ids if fnmatchcase(ident, pattern)]
    if not found:
        raise UnknownName("experiment like", pattern, hint="autolab ps --all lists them")
    return found
