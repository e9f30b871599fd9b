"""Views of the journal: state.json and journal.jsonl in the work tree, and the same as commits of a ref of ours."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from autolab.errors import CommandFailed
from autolab.model.documents import FORMAT, entry_document, host_document, question_document, stamp
from autolab.model.plan import HostPlan, LabPlan
from autolab.model.state import DispatchState
from autolab.rules.readiness import told
from autolab.store.files import Files
from autolab.store.git import Git
from autolab.store.hashes import Hashes
from autolab.store.journal import Journal
from autolab.store.layout import Layout
from autolab.store.state_file import Found, Published, StateRenderer, ViewWriter, journal_view

log = logging.getLogger(__name__)

SNAPSHOT: Final = "snapshot.json"
PACK_EVERY: Final = timedelta(days=1)
STORM: Final = timedelta(seconds=2)  # least time between two renderings while events keep coming
CALM: Final = timedelta(seconds=0.1)  # a view follows the last event after this


class Views:
    """Renders at the end of a tick, never without a change."""

    def __init__(self, layout: Layout, files: Files, journal: Journal, git: Git | None, every: timedelta) -> None:
        hashes = Hashes(layout, files)
        self._layout, self._files, self._journal = layout, files, journal
        self._git, self._every = git, every
        self._renderer = StateRenderer(entry_document)
        self._state = ViewWriter(layout.state, layout, files, hashes)
        self._events = ViewWriter(layout.journal_view, layout, files, hashes)
        self._seq = -1
        self._rendered_at: datetime | None = None
        self._changed_at: datetime | None = None
        self._committed_at: datetime | None = None
        self._committed_seq = -1

    def changed(self, now: datetime) -> None:
        """Something happened: a rendering is due soon."""
        self._changed_at = now

    def stale(self, now: datetime) -> None:
        """What stands in them beside the journal's state is no longer so, such as why nothing is launched."""
        self._seq, self._changed_at = -1, now

    def due_at(self, state: DispatchState) -> datetime | None:
        """When the views should be rendered; None: they are up to date."""
        if state.seq == self._seq:
            return None
        if self._rendered_at is None or self._changed_at is None:
            return state.updated
        return min(self._rendered_at + STORM, self._changed_at + CALM)

    def render(
        self, state: DispatchState, plan: LabPlan, now: datetime, logins: Mapping[str, int] | None = None
    ) -> list[str]:
        """Both views; lines for the log where something else than ours stood in their place."""
        if state.seq == self._seq:
            return []
        # The journal's view first: state.json names a seq that the reader can then look up.
        done = [
            self._events.publish(journal_view(self._journal.recent()), now),
            self._state.publish(self._renderer.render(head(state, plan, logins or {}), state.entries), now),
        ]
        self._seq, self._rendered_at = state.seq, now
        return [line for published in done if (line := _remark(published)) is not None]

    def commit_due(self, state: DispatchState, now: datetime) -> bool:
        """Whether refs/autolab/state should get the state: something changed, and long enough ago."""
        if self._git is None or state.seq == self._committed_seq:
            return False
        return self._committed_at is None or now - self._committed_at >= self._every

    def committing(self, state: DispatchState, why: str, now: datetime) -> Callable[[], None]:
        """The work of keeping the state in refs/autolab/state, for a lane: what git refuses is logged and no more.

        Three files: state.json and journal.jsonl as readers know them, and snapshot.json, from which and from the
        journal's view a lost record can be made anew.
        """
        git, seq = self._git, state.seq
        self._committed_at, self._committed_seq = now, seq
        snapshot = orjson.dumps(state)

        def work() -> None:
            if git is None:
                return
            try:
                files = {
                    "state.json": self._layout.state.read_bytes(),
                    "journal.jsonl": self._layout.journal_view.read_bytes(),
                    SNAPSHOT: snapshot,
                }
                git.commit_state(files, f"{why}\n\njournal seq {seq}\n")
                self._pack(git, now)
            except (CommandFailed, OSError) as error:
                log.warning("state not committed: %s", error)

        return work

    def _pack(self, git: Git, now: datetime) -> None:
        """Once a day: loose objects of a state that changes every few minutes would fill the disk in weeks."""
        stamp_file = self._layout.packed
        packed_at = float((self._files.read(stamp_file, 64) or b"0").decode() or 0)
        if now.timestamp() - packed_at < PACK_EVERY.total_seconds():
            return
        git.pack()
        self._files.replace(stamp_file, str(now.timestamp()).encode(), durable=False)


def head(state: DispatchState, plan: LabPlan, logins: Mapping[str, int]) -> dict[str, Any]:
    """The members of state.json before ``experiments``."""
    slots: Mapping[str, int] = {name: host.slots for name, host in plan.hosts.items()}
    return {
        "project": state.project,
        "updated": stamp(state.updated),
        "format": FORMAT,
        "lab": state.lab,
        "journal_seq": state.seq,
        "launching": plan.launching or None,
        "questions": [question_document(question) for question in state.questions.values()],
        "hosts": [
            {
                **host_document(host, slots.get(host.name), logins.get(host.name)),
                **_limits(plan.hosts.get(host.name)),
                "environment": told(known, plan.policies) if (known := state.readiness.get(host.name)) else None,
            }
            for host in state.hosts.values()
        ],
    }


def _limits(host: HostPlan | None) -> dict[str, int | None]:
    """What the settings let its experiments ask for together; None: not counted."""
    return {"cpus": host.cpus, "mem_mib": host.mem_mib} if host is not None else {"cpus": None, "mem_mib": None}


def _remark(published: Published) -> str | None:
    name = published.path.name
    if published.found is Found.BY_HAND and published.kept is not None:
        return (
            f"dispatch/{name} was edited by hand; that edit is kept as dispatch/{published.kept.name} and changes "
            f"nothing: use autolab cancel, hold, release, retry or decide"
        )
    if published.written and published.found is Found.OURS:
        return f"dispatch/{name} was an earlier state of ours (a checkout?); rendered anew"
    return None
