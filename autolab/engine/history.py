"""What people find of the lab outside its journal: the views, commits of the state, milestones and tags on git."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from autolab.engine.lanes import Lane, Lanes
from autolab.engine.means import Means, Planning
from autolab.engine.milestones import committing, dispatched, files_of, milestone, tagging
from autolab.engine.views import Views
from autolab.model.event import Event
from autolab.model.state import DispatchState
from autolab.store.git import Git

log = logging.getLogger(__name__)

GIT_LANE: Final = "(git)"  # no host can have this name


class History:
    """Whatever git has to do is done in a lane of its own, so that it never holds up a tick."""

    def __init__(self, views: Views, means: Means, planning: Planning, git: Git | None, lanes: Lanes) -> None:
        self._views, self._means, self._planning, self._git, self._lanes = views, means, planning, git, lanes
        self._tagged: set[str] = set()  # commits that were dispatched since we began

    def happened(self, state: DispatchState, events: Sequence[Event], now: datetime) -> None:
        """These events are durable: views are due soon; launches are tagged, and what deserves a commit gets one."""
        self._views.changed(now)
        self._tag(events, now)
        self._commit_milestone(state, events, now)

    def stale(self, now: datetime) -> None:
        """What the views show beside the journal's state is no longer so."""
        self._views.stale(now)

    def due_at(self, state: DispatchState) -> datetime | None:
        """When the views should be rendered; None: they are up to date."""
        return self._views.due_at(state)

    def render(self, state: DispatchState, now: datetime, *, force: bool = False) -> None:
        """The views, if they are due or must be, and a commit of the state, if that is due."""
        due = self._views.due_at(state)
        if due is not None and (force or due <= now):
            for line in self._views.render(state, self._planning.shown(), now, self._means.logins(now)):
                log.warning("%s", line)
        if self._means.settings.git.state_ref and self._views.commit_due(state, now):
            self._lanes.put(GIT_LANE, Lane.ACT, self._views.committing(state, f"state of {state.project}", now))

    def finish(self) -> None:
        """Wait for what git still does, as long as it may take."""
        self._lanes.finish(GIT_LANE, self._means.settings.git.within.total_seconds())

    def _commit_milestone(self, state: DispatchState, events: Sequence[Event], now: datetime) -> None:
        """What a person will look for in the branch's history."""
        message = milestone(state, events)
        if self._git is None or message is None or not self._means.settings.git.commit:
            return
        self.render(state, now, force=True)
        self._lanes.put(GIT_LANE, Lane.ACT, committing(self._git, files_of(state, events), message))

    def _tag(self, events: Sequence[Event], now: datetime) -> None:
        new = {commit: ids for commit, ids in dispatched(events).items() if commit not in self._tagged}
        if new and self._git is not None and self._means.settings.code.tag:
            self._tagged.update(new)
            self._lanes.put(GIT_LANE, Lane.ACT, tagging(self._git, self._means.settings.project, new, now))
