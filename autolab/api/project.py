"""A project with its settings: what everything that changes the lab is given."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from autolab.api.place import find_place
from autolab.engine.engine import Engine
from autolab.model.documents import parse_event, parse_state
from autolab.model.settings import Settings
from autolab.model.state import DispatchState
from autolab.model.transitions import fold_all
from autolab.store.files import Files
from autolab.store.journal import Journal
from autolab.store.layout import Layout
from autolab.store.settings import load_settings

logging.getLogger("autolab").addHandler(logging.NullHandler())  # who uses autolab decides where its logs go


@dataclass(frozen=True, slots=True)
class Project:
    """A project that was opened: where it is and how it is set. ``origins`` says who set each key."""

    layout: Layout
    settings: Settings
    origins: Mapping[str, str]
    files: Files = field(default_factory=Files)


def open_project(start: Path | str = ".", overrides: Sequence[str] = ()) -> Project:
    """The project at or above ``start``, its settings read from every layer.

    overrides  ``key=value``, stronger than files and variables
    raises     NotAProject, InvalidSettings, StoreDamaged
    """
    layout = find_place(start).layout
    settings, origins = load_settings(layout.root, os.environ, overrides)
    return Project(layout, settings, origins)


def clock() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)


def open_engine(project: Project, what: str) -> Engine:
    """The project's engine, held until it is closed. ``what`` is what others are told that it is.

    raises  Busy where another process is the engine
    """
    return Engine.open(project.layout, project.settings, what=what, clock=clock, files=project.files)


def recorded(project: Project) -> DispatchState:
    """The state as the journal has it, read without the lock; an empty one before the lab's first event."""
    journal = Journal(project.layout, project.files)
    if not journal.segments():
        return DispatchState(project=project.settings.project, lab=project.layout.lab)
    loaded = journal.load()
    return fold_all(parse_state(loaded.snapshot), (parse_event(event) for event in loaded.events))
