"""Settings from all their layers, weakest first: defaults, user file, project file, variables, options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from autolab.errors import InvalidSettings, NotAProject
from autolab.model.border import dotted, problems_of
from autolab.model.settings import Settings
from autolab.model.written import KeyPath, Written, refusal, shown
from autolab.store.failures import FILE as FAILURES
from autolab.store.failures import own_rows
from autolab.store.yaml_files import load_yaml, read_scalar, read_yaml

FILE: Final = "autolab.yaml"
VARIABLES: Final = "AUTOLAB_SET_"
Where = Callable[[KeyPath], str]
SCHEMA: Final = ".autolab/schemas/settings.json"  # in the project, for editors


@dataclass(slots=True)
class _Layers:
    """Values laid over each other, with where each was said last."""

    value: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, str] = field(default_factory=dict)
    file: str = FILE

    def where(self, path: KeyPath) -> str:
        """Who said ``path``, or what is nearest around it."""
        for end in range(len(path), 0, -1):
            if place := self.places.get(path[:end]):
                return place
        return self.file

    def lay(self, written: Written) -> None:
        """Lay a file over what there is: mappings join, everything else replaces."""
        self._join(self.value, written.value, (), written.where)

    def _join(self, into: dict[str, Any], over: Mapping[str, Any], path: KeyPath, where: Where) -> None:
        for key, value in over.items():
            here = (*path, key)
            self.places[here] = where(here)
            below = into.get(key)
            if isinstance(value, dict) and isinstance(below, dict) and not _replaces(below, value):
                self._join(below, value, here, where)
            elif isinstance(value, dict):
                into[key] = {}
                self._join(into[key], value, here, where)
            else:
                into[key] = value
                self._mark_items(value, here, where)

    def _mark_items(self, value: Any, path: KeyPath, where: Where) -> None:
        if isinstance(value, list):
            for index in range(len(value)):
                self.places[(*path, index)] = where((*path, index))

    def set(self, key: str, value: Any, who: str) -> None:
        """Lay one ``dotted.key`` over what there is."""
        path = _split(key, self.value)
        over: Any = value
        for part in reversed(path):
            over = {part: over}
        self._join(self.value, over, (), lambda _path: who)


def _replaces(below: Mapping[str, Any], over: Mapping[str, Any]) -> bool:
    """A mapping of another ``kind`` replaces, keys and all."""
    return "kind" in over and "kind" in below and over["kind"] != below["kind"]


def _split(key: str, value: Mapping[str, Any]) -> list[str]:
    """The parts of a dotted key; a host's name may hold dots itself."""
    if key.startswith("hosts."):
        rest = key.removeprefix("hosts.")
        hosts = value.get("hosts")
        names = (
            [name for name in hosts if rest == name or rest.startswith(f"{name}.")] if isinstance(hosts, dict) else []
        )
        if names:
            name = max(names, key=len)
            return ["hosts", name, *rest[len(name) + 1 :].split(".")] if rest != name else ["hosts", name]
    return key.split(".")


def find_root(start: Path) -> Path:
    """The folder of the nearest ``autolab.yaml``, here or above; raises NotAProject."""
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    raise NotAProject(f"no {FILE} in {start} or above", hint="autolab init makes one here")


def user_file(env: Mapping[str, str]) -> Path | None:
    """The user's own settings, ``$XDG_CONFIG_HOME/autolab/config.yaml``; None without a home."""
    if base := env.get("XDG_CONFIG_HOME"):
        return Path(base) / "autolab" / "config.yaml"
    return Path(env["HOME"]) / ".config" / "autolab" / "config.yaml" if env.get("HOME") else None


def load_settings(root: Path, env: Mapping[str, str], overrides: Sequence[str] = ()) -> tuple[Settings, dict[str, str]]:
    """The settings of the project at ``root``, and for each dotted key who said it; what is absent is a default.

    env        variables: ``AUTOLAB_SET_policies__look_fastest=5s`` sets ``policies.look_fastest``
    overrides  ``key=value`` of the command line
    raises     InvalidSettings with every problem; NotAProject without ``autolab.yaml``
    """
    layers = _Layers()
    for path, name in _files(root, env):
        layers.lay(load_yaml(path, InvalidSettings, name=name))
    for key, text, who in _assignments(env, overrides):
        layers.set(key, _value(text, who), who)
    return _with_failures(_checked(layers), _origins(layers), root)


def _with_failures(settings: Settings, origins: dict[str, str], root: Path) -> tuple[Settings, dict[str, str]]:
    """The rows of ``failures.yaml`` behind those that the settings themselves say."""
    rows = own_rows(root)
    if not rows:
        return settings, origins
    said = [*([origins["failures"]] if "failures" in origins else []), FAILURES]
    joined = settings.model_copy(update={"failures": (*settings.failures, *rows)})
    return joined, {**origins, "failures": ", ".join(said)}


def _files(root: Path, env: Mapping[str, str]) -> Iterable[tuple[Path, str]]:
    own = user_file(env)
    if own is not None and own.is_file():
        yield own, str(own)
    if not (root / FILE).exists():
        raise NotAProject(f"no {FILE} in {root}", hint="autolab init makes one here")
    yield root / FILE, FILE


def _assignments(env: Mapping[str, str], overrides: Sequence[str]) -> Iterable[tuple[str, str, str]]:
    """Key, text and who said it, weakest first."""
    for name in sorted(env):
        if name.startswith(VARIABLES):
            yield name.removeprefix(VARIABLES).replace("__", "."), env[name], f"${name}"
    for each in overrides:
        key, equals, text = each.partition("=")
        if not equals or not all(key.split(".")):
            raise InvalidSettings(
                f"--set {shown(each)}: not of the form key=value", hint="--set policies.look_fastest=5s"
            )
        yield key, text, f"--set {key}"


def _value(text: str, who: str) -> Any:
    try:
        return read_scalar(text)
    except InvalidSettings as error:
        raise InvalidSettings(f"{who}: not one YAML value", hint="put it in quotes") from error


def check_settings(written: Written) -> Settings:
    """The settings that one file says alone; raises InvalidSettings with every problem."""
    layers = _Layers(file=written.name)
    layers.lay(written)
    return _checked(layers)


def _checked(layers: _Layers) -> Settings:
    try:
        return Settings.model_validate(layers.value)
    except ValidationError as error:
        problems = list(problems_of(error, Settings, layers.where))
    raise refusal(InvalidSettings, problems)  # not from the error, whose text repeats values, also those of secrets


def _origins(layers: _Layers) -> dict[str, str]:
    """Who said each value, by its dotted key; mappings and list items are left out."""
    found = {}
    for path, place in sorted(layers.places.items(), key=lambda each: tuple(str(part) for part in each[0])):
        value: Any = layers.value
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None and not isinstance(value, dict):
            found[dotted(path)] = place
    return found


def initial_settings_text(template: str, project: str, slots: int = 1, schema: str = SCHEMA) -> str:
    """The text of a new ``autolab.yaml``: ``template`` (``templates/autolab.yaml``) with its few blanks filled.

    raises  InvalidSettings when ``project`` is not well-formed
    """
    text = template.format(project=_quoted(project), slots=slots, schema=schema)
    check_settings(read_yaml(text.encode(), FILE, InvalidSettings))
    return text


def _quoted(project: str) -> str:
    """A name that YAML would read as something else than text, in quotes."""
    return project if isinstance(read_scalar(project), str) else f"'{project}'"
