"""Making a folder a lab."""

from __future__ import annotations

import json
import re
import secrets
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from autolab.api.place import FORMAT, lab_id
from autolab.api.project import open_engine, open_project
from autolab.engine import running
from autolab.errors import AskedWrong, Busy, InvalidSettings, NotAProject, UnknownName
from autolab.model.settings import Settings
from autolab.resources import data
from autolab.store.files import Files
from autolab.store.lab_file import HERE, read_anchor
from autolab.store.layout import SETTINGS_FILE, Layout, git_common_dir
from autolab.store.settings import check_settings, initial_settings_text
from autolab.store.yaml_files import load_yaml

if TYPE_CHECKING:
    from autolab.api.results import InitReport

ATTRIBUTES: Final = ("dispatch/state.json -text -merge", "dispatch/journal.jsonl -text -merge")
IGNORED: Final = (
    "dispatch/*.status.json", "dispatch/*.status.json.by-agent", "dispatch/*.run.json", "dispatch/inbox/",
    "progress/notifications.log", ".autolab/",
)  # fmt: skip
EDITOR_SCHEMAS: Final = ("settings.json", "experiments.json")
_TEXT_LIMIT: Final = 1 << 20


@dataclass(slots=True)
class _Making:
    """What is done on the way, for the report; with ``dry_run`` nothing is written."""

    root: Path
    files: Files
    dry_run: bool
    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def write(self, path: Path, text: str) -> None:
        self.made.append(str(path.relative_to(self.root)))
        if not self.dry_run:
            self.files.make_dirs(path.parent)
            self.files.replace(path, text.encode())

    def folder(self, path: Path) -> None:
        name = f"{path.relative_to(self.root)}/"
        if path.is_dir():
            self.kept.append(name)
            return
        self.made.append(name)
        if not self.dry_run:
            self.files.make_dirs(path)

    def lines(self, path: Path, wanted: tuple[str, ...]) -> None:
        """Add the lines that ``path`` lacks at its end."""
        there = (self.files.read(path, _TEXT_LIMIT) or b"").decode("utf-8", "surrogateescape")
        missing = [line for line in wanted if line not in there.splitlines()]
        if not missing:
            self.kept.append(path.name)
            return
        before = there if not there or there.endswith("\n") else f"{there}\n"
        self.made.append(path.name)
        if not self.dry_run:
            text = before + "".join(f"{line}\n" for line in missing)
            self.files.replace(path, text.encode("utf-8", "surrogateescape"))


def init(
    folder: Path | str = ".", *, name: str = "", slots: int = 1, anchor: str = "", dry_run: bool = False
) -> InitReport:
    """Make ``folder`` a lab: settings, lab id, folders, an empty state. What is there is kept; safe to repeat.

    name    the project's, where ``autolab.yaml`` is not there yet; default: the folder's
    slots   experiments at once on this machine, likewise
    anchor  the host of ``autolab.yaml`` that keeps the lease of a new lab, where several people's clones reach it;
            default: this machine
    raises  InvalidSettings, DiskFailed; UnknownName for an anchor that the settings do not name; AskedWrong where the
            lab has another one already; NotADirectory becomes AskedWrong
    """
    root = Path(folder).absolute()
    if root.exists() and not root.is_dir():
        raise AskedWrong(f"{root} is not a folder")
    making = _Making(root, Files(), dry_run)
    if anchor not in ("", HERE):
        _may_keep(root, anchor)
    settings = _settings(making, name, slots)
    lab = _lab(making, anchor)
    layout = Layout.of(root, lab) if root.is_dir() else Layout(root, None, lab)
    for each in (layout.dispatch, layout.progress, layout.questions, layout.results, layout.logs):
        making.folder(each)
    making.lines(root / ".gitattributes", ATTRIBUTES)
    making.lines(root / ".gitignore", IGNORED)
    _schemas(making, layout)
    if not dry_run:
        _begin(root)
    return {
        "project": settings.project,
        "folder": str(root),
        "lab": lab,
        "anchor": HERE if dry_run and not layout.lab_file.exists() else read_anchor(layout, making.files),
        "made": making.made,
        "kept": making.kept,
        "warnings": _warnings(root),
        "dry_run": dry_run,
    }


def _settings(making: _Making, name: str, slots: int) -> Settings:
    path = making.root / SETTINGS_FILE
    if path.exists():
        written = load_yaml(path, InvalidSettings)
        making.kept.append(SETTINGS_FILE)
        settings = check_settings(written)
        if name and name != settings.project:
            raise InvalidSettings(
                f"{SETTINGS_FILE} calls this project {settings.project!r}", hint=f"change it there to {name!r}"
            )
        return settings
    template = (data("templates") / SETTINGS_FILE).read_text("utf-8")
    text = initial_settings_text(template, name or _project_name(making.root), slots)
    making.write(path, text)
    return Settings(project=name or _project_name(making.root))


def _schemas(making: _Making, layout: Layout) -> None:
    """What editors check ``autolab.yaml`` and experiment files by: its first line points there."""
    for name in EDITOR_SCHEMAS:
        path = layout.root / ".autolab" / "schemas" / name
        text = (data("schemas") / name).read_bytes()
        if making.files.read(path, _TEXT_LIMIT) == text:
            making.kept.append(str(path.relative_to(making.root)))
        else:
            making.write(path, text.decode())


def _project_name(root: Path) -> str:
    """The folder's name as a project may be called."""
    name = re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._-]+", "-", root.name)).strip("-._")[:64]
    return name or "lab"


def _may_keep(root: Path, anchor: str) -> None:
    """Whether ``anchor`` may keep the lease of the lab at ``root``."""
    path = root / SETTINGS_FILE
    hosts = check_settings(load_yaml(path, InvalidSettings)).hosts if path.exists() else {}
    if anchor not in hosts:
        raise UnknownName("host", anchor, hosts, hint=f"name {anchor} in autolab.yaml first, then say it again")
    there = Layout(root, None, "")
    if there.lab_file.exists() and (kept := read_anchor(there, Files())) != anchor:
        hint = f"autolab lease move --to {anchor} --reason ..."
        raise AskedWrong(f"the lease of this lab is kept on {kept}", hint=hint)


def _lab(making: _Making, anchor: str) -> str:
    """The lab's id: the one that is there, else a random one."""
    path = Layout(making.root, None, "").lab_file
    try:
        lab = lab_id(making.root)
    except NotAProject:
        lab = secrets.token_hex(16)
        making.write(path, json.dumps({"format": FORMAT, "lab": lab, "anchor": anchor or HERE}, indent=2) + "\n")
    else:
        making.kept.append(str(path.relative_to(making.root)))
    return lab


def _begin(root: Path) -> None:
    """Let the engine write the lab's first event, and the state."""
    project = open_project(root)
    try:
        with closing(open_engine(project, "init")) as engine:
            running.settle(engine)
    except Busy:  # it has begun long ago
        return


def _warnings(root: Path) -> list[str]:
    if git_common_dir(root) is None:
        return [
            f"{root} is not in a git repository: history stays in .autolab/ alone; `git init` there first is better"
        ]
    return []
