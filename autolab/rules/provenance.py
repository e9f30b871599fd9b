"""Where the code of a launch must stand, and when the next attempt goes on from the checkpoints of the last."""

from __future__ import annotations

from autolab.model.origin import Origin
from autolab.model.settings import CodeSettings
from autolab.model.state import Entry


def refusal(origin: Origin, given: CodeSettings) -> str:
    """Why code that stands there is not launched; empty: it may be."""
    if given.unclean == "refuse":
        if not origin.commit:
            return "nothing is committed, and code.unclean is refuse: commit the code, or set code.unclean: record"
        if not origin.clean:
            return (
                f"the code differs from {origin.base[:10]}, and code.unclean is refuse: commit it"
                f" (git diff {origin.base[:10]} {origin.commit[:10]} shows how)"
            )
    if given.unpushed == "refuse" and not origin.pushed:
        what = origin.commit[:10] or "the code"
        where = "there is no remote" if origin.pushed is None else f"no remote's branch holds {what}"
        return f"{where}, and code.unpushed is refuse: git push, or set code.unpushed: allow"
    return ""


def command_of_next(entry: Entry, host: str, code: str) -> str:
    """The command of the next attempt of ``entry`` there, with that code.

    It goes on from the last attempt's checkpoints only where they are: on the same host, left by the same code, by an
    attempt that autolab itself follows up. A person's retry begins anew.
    """
    command, last = entry.command or entry.spec.command, entry.run
    if not entry.spec.resume:
        return command
    plain = command.removesuffix(f" {entry.spec.resume}")
    left = last is not None and last.claim is not None and (last.host, last.code) == (host, code)
    return f"{plain} {entry.spec.resume}" if left and entry.tried else plain
