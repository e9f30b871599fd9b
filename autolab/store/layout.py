"""Every path inside a project and in its record beside git. Nothing else joins path names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from autolab.errors import InvalidSpec, NotAProject, StoreDamaged
from autolab.model.ids import check_id, is_host, lab8
from autolab.store import whereabouts
from autolab.store.quiet import word_path
from autolab.store.whereabouts import SETTINGS_FILE as SETTINGS_FILE

STATUS_SUFFIX: Final = ".status.json"
RUN_SUFFIX: Final = ".run.json"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are.

    root    the folder of ``autolab.yaml``
    common  git's common folder, shared by all work trees of the clone; None outside git
    lab     the lab's random id
    """

    root: Path
    common: Path | None
    lab: str

    @classmethod
    def of(cls, root: Path, lab: str) -> Layout:
        """The layout of the project at ``root``, with git's common folder looked up."""
        return cls(root, git_common_dir(root), lab)

    # What people, agents and foreign programs see.

    @property
    def settings(self) -> Path:
        return self.root / SETTINGS_FILE

    @property
    def dispatch(self) -> Path:
        return self.root / "dispatch"

    @property
    def state(self) -> Path:
        return self.dispatch / "state.json"

    @property
    def journal_view(self) -> Path:
        return self.dispatch / "journal.jsonl"

    @property
    def lab_file(self) -> Path:
        return self.dispatch / "lab.json"

    @property
    def drop_box(self) -> Path:
        return self.dispatch / "inbox"

    def sidecar(self, experiment: str) -> Path:
        return self.dispatch / (check_id(experiment) + STATUS_SUFFIX)

    def run_file(self, experiment: str) -> Path:
        return self.dispatch / (check_id(experiment) + RUN_SUFFIX)

    @property
    def progress(self) -> Path:
        return self.root / "progress"

    @property
    def lab_log(self) -> Path:
        return self.progress / "lab.log"

    @property
    def notifications(self) -> Path:
        """Everything that people were told, or would have been."""
        return self.progress / "notifications.log"

    @property
    def questions(self) -> Path:
        return self.progress / "questions"

    @property
    def kept(self) -> Path:
        """What somebody wrote into a file of ours, as it was before we wrote there again."""
        return self.progress / "kept"

    def escalation(self, experiment: str) -> Path:
        return self.progress / f"escalate_{check_id(experiment)}.md"

    def question(self, name: str) -> Path:
        return self.questions / f"{check_id(name)}.md"

    def host_facts(self, host: str) -> Path:
        if not is_host(host):
            raise InvalidSpec(f"host name {host!r} is not well-formed")
        return self.progress / f"env_{host}.json"

    @property
    def logs(self) -> Path:
        return self.root / "experiments" / "logs"

    def log(self, experiment: str) -> Path:
        return self.logs / f"{check_id(experiment)}.md"

    @property
    def results(self) -> Path:
        return self.root / "experiments" / "results"

    # What git checkout, stash, clean and reset cannot take away.

    @property
    def record(self) -> Path:
        """The lab's own folder beside git's."""
        above = self.common / "autolab" if self.common is not None else self.root / ".autolab"
        return above / lab8(self.lab)

    @property
    def journal(self) -> Path:
        return self.record / "journal"

    @property
    def engine_lock(self) -> Path:
        return self.record / "engine.lock"

    @property
    def engine_file(self) -> Path:
        return self.record / "engine.json"

    @property
    def inbox(self) -> Path:
        return self.record / "inbox"

    @property
    def settled(self) -> Path:
        return self.record / "settled"

    @property
    def hashes(self) -> Path:
        return self.record / "hashes.json"

    @property
    def key(self) -> Path:
        """The random key with which our own sidecars are marked."""
        return self.record / "key"

    @property
    def incoming(self) -> Path:
        return self.record / "incoming"

    @property
    def code(self) -> Path:
        return self.record / "code"

    @property
    def chronicled(self) -> Path:
        """How far events were told in people's files."""
        return self.record / "chronicled"

    @property
    def outbox(self) -> Path:
        """What waits to be sent to notifiers, and how sending went."""
        return self.record / "outbox.json"

    def escalation_told(self, name: str) -> Path:
        """What we last wrote into the escalation file ``name``, as a digest."""
        return self.record / "escalations" / name

    @property
    def present(self) -> Path:
        """Its time says when an engine was last here."""
        return self.record / "present"

    @property
    def work_tree(self) -> Path:
        """Names the work tree that the views are rendered in: linked work trees share this folder."""
        return self.record / "work_tree"

    @property
    def packed(self) -> Path:
        """When git's objects were packed last, by its own time."""
        return self.record / "packed"

    @property
    def logins(self) -> Path:
        """When hosts were logged in to, by any process of this clone."""
        return self.record / "logins"

    @property
    def quiet(self) -> Path:
        """Tells the next poll that there is nothing to do."""
        return Path(word_path(str(self.root)))

    def inside(self, path: str | Path) -> Path:
        """``path``, relative to the project or absolute, as an absolute path that no link leads out of the project."""
        return inside(self.root, path)


def inside(root: Path, path: str | Path) -> Path:
    """The absolute, link-free form of ``path`` (relative to ``root``); raises InvalidSpec if that is outside."""
    if "\0" in str(path):
        raise InvalidSpec(f"path {str(path)!r} holds a NUL character")
    real_root = os.path.realpath(root)
    real = os.path.realpath(os.path.join(real_root, path))  # noqa: PTH118 - realpath is what resolves links that do not end
    if real != real_root and not real.startswith(real_root.rstrip("/") + "/"):
        raise InvalidSpec(f"path {str(path)!r} is outside the project {real_root}")
    return Path(real)


def find_project(start: Path) -> Path:
    """The nearest folder at or above ``start`` that holds ``autolab.yaml``; raises NotAProject."""
    found = whereabouts.project_above(str(start))
    if found is None:
        here = os.path.realpath(start)
        raise NotAProject(f"no {SETTINGS_FILE} in {here} or above", hint="run `autolab init` in your project's folder")
    return Path(found)


def git_common_dir(start: Path) -> Path | None:
    """Git's common folder of the repository that ``start`` is in; None outside one. raises StoreDamaged."""
    try:
        found = whereabouts.git_common_dir(str(start))
    except (OSError, UnicodeDecodeError) as error:
        raise StoreDamaged(f"cannot read git's folder above {start}: {error}") from error
    except ValueError as error:
        raise StoreDamaged(str(error)) from error
    return None if found is None else Path(found)
