"""A file of experiments as what the engine runs, or everything that is wrong with it. Checked as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from pydantic import ValidationError

from autolab.errors import InvalidSpec
from autolab.model.border import problems_of
from autolab.model.experiment import OURS, ExperimentsFile, Item, missing, spec_of
from autolab.model.ids import check_id
from autolab.model.settings import Defaults, Settings, hosts_offering
from autolab.model.state import Spec
from autolab.model.written import KeyPath, Problem, Written, near, refusal
from autolab.rules import matrix

_HOW: Final = {
    "expected_duration_hours": "say it here or under `defaults:` in autolab.yaml, in hours",
    "phase": "say it here or under `defaults:` in autolab.yaml",
    "group": "main, baseline, ablation or analysis, here or under `defaults:` in autolab.yaml",
    "id": "give it an id, or a `matrix` that makes ids",
}


@dataclass(frozen=True, slots=True)
class Admission:
    """What a file of experiments says: all of it, and what is wrong; with a problem nothing may be added."""

    specs: tuple[Spec, ...]
    problems: tuple[Problem, ...]


def admit(written: Written, settings: Settings, known: Mapping[str, Spec]) -> tuple[Spec, ...]:
    """The experiments of a file, in its order.

    known   what the lab has already: may be depended on; an id may stand here again, for the caller to compare
    raises  InvalidSpec with every problem of the file
    """
    found = examine(written, settings, known)
    if found.problems:
        raise refusal(InvalidSpec, found.problems)
    return found.specs


def examine(written: Written, settings: Settings, known: Mapping[str, Spec]) -> Admission:
    """The experiments of a file and everything that is wrong with them."""
    draft = _Draft(written, settings)
    draft.read()
    draft.problems += _clashes(draft, known)
    draft.problems += _dependencies(draft, known)
    draft.problems += [problem for one in draft.drafted for problem in _placement(one, settings, draft.where)]
    return Admission(tuple(one.spec for one in draft.drafted), tuple(draft.problems))


@dataclass(frozen=True, slots=True)
class _Drafted:
    """A spec and the item it comes from."""

    spec: Spec
    path: KeyPath


@dataclass(slots=True)
class _Draft:
    """A file that is being read."""

    written: Written
    settings: Settings
    drafted: list[_Drafted] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def where(self, path: KeyPath) -> str:
        return self.written.where(path)

    def refuse(self, path: KeyPath, what: str, hint: str = "") -> None:
        self.problems.append(Problem(self.where(path), what, hint))

    def read(self) -> None:
        """Every item that can be read, as specs; what cannot, as problems."""
        for key in self.written.value:
            if key != "experiments":
                self.refuse((key,), f"unknown key {key!r}", near(key, ExperimentsFile.model_fields))
        items = self.written.value.get("experiments")
        if not isinstance(items, list) or not items:
            self.refuse(
                ("experiments",), "no list `experiments:` with at least one item", "begin items with `- id: ...`"
            )
            return
        for index, raw in enumerate(items):
            self._item(("experiments", index), raw)

    def _item(self, path: KeyPath, raw: Any) -> None:
        if not isinstance(raw, dict):
            self.refuse(path, "an experiment must be a mapping", "`- id: ...` with `command:` and more below it")
            return
        if ours := sorted(OURS & raw.keys()):
            for key in ours:
                self.refuse((*path, key), f"`{key}` is not for people to write", "autolab writes it; take it out")
            return
        raw = self._as_written(path, raw)
        item = self._checked(path, raw)
        if item is None:
            return
        if item.matrix is None:
            self._experiment(path, item)
        else:
            self._matrix(path, raw, item)

    def _as_written(self, path: KeyPath, raw: dict[str, Any]) -> dict[str, Any]:
        """With numbers and flags of ``env`` as the very characters that stand in the file: ``010``, ``1e-3``."""
        env = raw.get("env")
        texts = self.written.texts
        if not isinstance(env, dict):
            return raw
        return {
            **raw,
            "env": {
                key: texts.get((*path, "env", key), value) if value is not None else value for key, value in env.items()
            },
        }

    def _checked(self, path: KeyPath, raw: Mapping[str, Any]) -> Item | None:
        try:
            return Item.model_validate(raw)
        except ValidationError as error:
            self.problems += problems_of(error, Item, lambda at: self.where((*path, *at)))
            return None

    def _experiment(self, path: KeyPath, item: Item) -> None:
        defaults = self.settings.defaults
        if gaps := missing(item, defaults):
            name = f" of {item.id!r}" if item.id else ""
            self.refuse(path, f"{', '.join(gaps)}{name} missing", next((_HOW[key] for key in gaps if key in _HOW), ""))
            return
        try:
            check_id(item.id or "")
        except InvalidSpec as error:
            self.refuse((*path, "id"), error.message, error.hint)
            return
        self.drafted.append(_Drafted(spec_of(item, defaults), path))

    def _matrix(self, path: KeyPath, raw: Mapping[str, Any], item: Item) -> None:
        if not item.command:
            self.refuse(path, "command missing", "")
            return
        if item.id is None and item.name is None:
            self.refuse(path, "a matrix needs `name`, or an `id` pattern", f"default pattern: {matrix.DEFAULT_ID}")
            return
        limit = self.settings.policies.matrix_limit - len(self.drafted)
        try:
            experiments = matrix.expand(raw, item, _placeholders(self.settings.defaults), limit)
        except InvalidSpec as error:
            self.refuse((*path, "matrix"), error.message, error.hint)
            return
        before = len(self.problems)
        for one in experiments:
            checked = self._checked(path, one)
            if checked is not None:
                self._experiment(path, checked)
            if len(self.problems) > before:
                return  # the same would be said of every cell


def _placeholders(defaults: Defaults) -> dict[str, Any]:
    return {key: getattr(defaults, key) for key in ("group", "method", "dataset", "phase", "stage")}


def _clashes(draft: _Draft, known: Mapping[str, Spec]) -> Iterator[Problem]:
    """Ids and result files that two experiments share; ids also where only case differs."""
    ids: dict[str, tuple[str, str]] = {name.casefold(): (name, "the lab") for name in known}
    files: dict[str, str] = {spec.result_file.casefold(): spec.id for spec in known.values() if spec.result_file}
    here: set[str] = set()
    for one in draft.drafted:
        name = one.spec.id
        other, place = ids.setdefault(name.casefold(), (name, draft.where((*one.path, "id"))))
        if name.casefold() in here or other != name:
            what = f"the id {name!r} stands twice, first at {place}"
            if other != name:
                what = f"the ids {name!r} and {other!r} (of {place}) differ by case alone"
            yield Problem(draft.where((*one.path, "id")), what, "every id is one experiment; rename one")
            continue
        here.add(name.casefold())
        if one.spec.result_file and files.setdefault(one.spec.result_file.casefold(), name) != name:
            what = f"{name!r} and {files[one.spec.result_file.casefold()]!r} have the same result_file"
            yield Problem(
                draft.where((*one.path, "result_file")), what, "give each its own, such as {id}.json in a matrix"
            )


def _dependencies(draft: _Draft, known: Mapping[str, Spec]) -> Iterator[Problem]:
    """Dependencies on nothing, on itself, and circles."""
    paths = {one.spec.id: one.path for one in draft.drafted}
    needs = {name: spec.depends_on for name, spec in known.items()}
    needs |= {one.spec.id: one.spec.depends_on for one in draft.drafted}
    for name, path in paths.items():
        for need in needs[name]:
            if need not in needs:
                what = f"{name!r} depends on {need!r}, which is neither here nor in the lab"
                yield Problem(draft.where((*path, "depends_on")), what, near(need, needs) if len(needs) < 2000 else "")
    for circle in _circles(needs):
        start = next((name for name in circle if name in paths), None)
        if start is not None:
            what = f"depends_on goes in a circle: {' -> '.join(circle)}"
            yield Problem(draft.where((*paths[start], "depends_on")), what, "take one of them out")


def _circles(needs: Mapping[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """Each circle found by one walk in depth, as a path that ends where it begins."""
    done: set[str] = set()
    for root in needs:
        trail: list[str] = []
        on_trail: dict[str, int] = {}
        waiting = [(root, False)]
        while waiting:
            name, leaving = waiting.pop()
            if leaving:
                done.add(name)
                del on_trail[trail.pop()]
            elif name in on_trail:
                yield [*trail[on_trail[name] :], name]
            elif name not in done:
                on_trail[name] = len(trail)
                trail.append(name)
                waiting.append((name, True))
                waiting += [(need, False) for need in reversed(needs[name]) if need in needs]


def _placement(one: _Drafted, settings: Settings, where: Callable[[KeyPath], str]) -> Iterator[Problem]:
    """A host that does not exist, and more GPUs than any host that may run it could have."""
    spec = one.spec
    if spec.executor != "autolab":
        return
    hosts = [name for name in settings.hosts if spec.host is None or fnmatchcase(name, spec.host)]
    if not hosts:
        what = f"{spec.id!r} asks for host {spec.host!r}, which autolab.yaml does not name"
        yield Problem(where((*one.path, "host")), what, near(str(spec.host), settings.hosts))
        return
    if not spec.resources.gpus:
        return
    offers = hosts_offering(settings, spec.resources.gpus)
    if not any(offers[name] for name in hosts):
        what = f"{spec.id!r} asks for {spec.resources.gpus} GPU(s), more than {', '.join(sorted(hosts))} can have"
        key = "gpu" if spec.gpu is not None else "resources"
        yield Problem(where((*one.path, key)), what, "see `gpus:` of the hosts in autolab.yaml")
    elif isinstance(spec.gpu, int) and not any(_has(settings.hosts[name].gpus, spec.gpu) for name in hosts):
        what = f"{spec.id!r} asks for GPU {spec.gpu}, which {', '.join(sorted(hosts))} cannot have"
        yield Problem(where((*one.path, "gpu")), what, "see `gpus:` of the hosts in autolab.yaml")


def _has(offer: str | int | tuple[int, ...], index: int) -> bool:
    if isinstance(offer, tuple):
        return index in offer
    return index < offer if isinstance(offer, int) else offer == "auto"
