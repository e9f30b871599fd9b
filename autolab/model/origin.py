"""Where the code of an attempt stands in git, so that a number leads back to a commit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """The commit that holds exactly the code of a snapshot.

    commit  its name; empty: not in a repository, or one without a commit
    base    what was checked out; the same as ``commit`` where nothing was changed
    pushed  whether a branch of a remote holds ``commit``; None: there is no remote
    """

    commit: str = ""
    base: str = ""
    pushed: bool | None = None

    @property
    def clean(self) -> bool:
        """The code is a commit of the person's own."""
        return self.commit == self.base
