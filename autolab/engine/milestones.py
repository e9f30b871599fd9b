"""Which events are worth a commit on the person's branch, and of which files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from autolab.errors import CommandFailed
from autolab.model.event import Added, Cancelled, Event, Failed, LaunchIntended, QuestionClosed, Succeeded
from autolab.model.state import TERMINAL, DispatchState
from autolab.store.git import Git, Skipped

log = logging.getLogger(__name__)

ALWAYS = ("dispatch/state.json", "dispatch/journal.jsonl", "dispatch/lab.json", "progress/lab.log")


def milestone(state: DispatchState, events: Iterable[Event]) -> str | None:
    """The message of the commit that these events deserve; None: none."""
    added, groups, decided = 0, dict[str, None](), list[str]()
    for happened in events:
        match happened:
            case Added():
                added += 1
            case Succeeded() | Failed() | Cancelled():
                entry = state.entries[happened.id]
                if group_is_done(state, entry.spec.phase, entry.spec.group):
                    groups[entry.spec.group] = None
            case QuestionClosed() if happened.option:
                decided.append(f"{happened.question} {happened.option}")
            case _:
                pass
    lines = [f"dispatch: group {group} done" for group in groups]
    lines += [f"dispatch: add {added} experiment{'s' if added > 1 else ''}"] if added else []
    lines += [f"decision: {one}" for one in decided]
    return None if not lines else "\n\n".join([lines[0], "\n".join(lines[1:])]).strip()


def group_is_done(state: DispatchState, phase: str, group: str) -> bool:
    """Whether every experiment of the group in that phase has ended."""
    return all(
        entry.status in TERMINAL
        for entry in state.entries.values()
        if (entry.spec.phase, entry.spec.group) == (phase, group) and not entry.archived
    )


def files_of(state: DispatchState, events: Sequence[Event]) -> list[str]:
    """The files that go into it: the views, and what these events wrote for people."""
    files = list(ALWAYS)
    for happened in events:
        entry = state.entries.get(happened.id)
        if isinstance(happened, Added):
            files.append(f"experiments/logs/{happened.id}.md")
        elif isinstance(happened, Succeeded) and entry is not None and entry.spec.result_file:
            files.append(entry.spec.result_file)
        elif isinstance(happened, QuestionClosed):
            about = happened.question.rpartition("-")[0]
            files += [f"progress/questions/{happened.question}.md", f"progress/escalate_{about}.md"]
    return list(dict.fromkeys(files))


def committing(git: Git, files: Sequence[str], message: str) -> Callable[[], None]:
    """The work of that commit, for a lane; what git or the person's own work forbids is logged, and no more."""

    def work() -> None:
        try:
            done = git.commit_named(files, message)
        except CommandFailed as error:
            log.warning("no milestone commit: %s", error.message)
            return
        if isinstance(done, Skipped):
            log.info("no milestone commit: %s", done.reason)

    return work


def dispatched(events: Iterable[Event]) -> dict[str, list[str]]:
    """The commits that these events launch, each with its experiments."""
    commits: dict[str, list[str]] = {}
    for happened in events:
        if isinstance(happened, LaunchIntended) and happened.run.commit:
            commits.setdefault(happened.run.commit, []).append(happened.id)
    return commits


def tagging(git: Git, project: str, commits: Mapping[str, Sequence[str]], now: datetime) -> Callable[[], None]:
    """The work of tagging what is dispatched, once a commit, for a lane: ``exp/<project>/<YYYYMMDD-HHMM>``."""
    name = f"exp/{project}/{now:%Y%m%d-%H%M}"

    def work() -> None:
        try:
            for commit, idents in commits.items():
                if not git.tagged(commit, "exp/*"):
                    git.tag(_free(git, name), commit, f"dispatched: {', '.join(idents)}")
        except CommandFailed as error:
            log.warning("not tagged: %s", error.message)

    return work


def _free(git: Git, name: str) -> str:
    """``name``, or with the first number that no tag has: two versions may be dispatched in a minute."""
    number, free = 1, name
    while git.resolve(f"refs/tags/{free}"):
        number += 1
        free = f"{name}-{number}"
    return free
