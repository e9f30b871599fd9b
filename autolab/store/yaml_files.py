"""YAML as people write it: version 1.2, strictly read, with the place of everything in it.

Core schema of YAML 1.2: ``1e-3`` is a number, ``no`` and ``12:30`` are text, ``010`` is ten. Refused, each with its
line: a key that stands twice, a key that is not text, aliases, merge keys, tags beyond the core's, a second document,
what is not UTF-8, and more than the limits allow. Read from libyaml's events without recursion, so that no file can
exhaust the stack or the memory.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
import yamlcore

from autolab.errors import AskedWrong, InvalidSettings
from autolab.model.written import KeyPath, Place, Problem, Written, refusal

MIB: Final = 1024 * 1024
_CORE: Final = "tag:yaml.org,2002:"
_SCALARS: Final = frozenset(f"{_CORE}{name}" for name in ("str", "int", "float", "bool", "null"))
_COLLECTIONS: Final = frozenset({None, "!", f"{_CORE}map", f"{_CORE}seq"})


@dataclass(frozen=True, slots=True)
class Limits:
    """Most of what is read: bytes, nodes, and how deep they may nest."""

    size: int
    nodes: int
    depth: int = 32


SETTINGS: Final = Limits(size=MIB, nodes=50_000)
EXPERIMENTS: Final = Limits(size=16 * MIB, nodes=2_000_000)


class _Refused(Exception):
    """What is wrong at a place; becomes the caller's kind of error."""

    def __init__(self, place: Place, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.place, self.what, self.hint = place, what, hint


def load_yaml(path: Path, kind: type[AskedWrong], limits: Limits = SETTINGS, name: str = "") -> Written:
    """The mapping in the file at ``path``; ``name`` is what errors call it.

    raises  ``kind`` with file:line:column, what is wrong there and a hint; FileNotFoundError where there is none
    """
    name = name or path.name
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise kind(f"{name}: not a regular file", hint="give the path of a YAML file")
            text = file.read(limits.size + 1)
    except IsADirectoryError as error:
        raise kind(f"{name}: is a folder", hint="give the path of a YAML file") from error
    except PermissionError as error:
        raise kind(f"{name}: may not be read by this user", hint=f"chmod u+r {path}") from error
    return read_yaml(text, name, kind, limits)


def read_yaml(text: bytes, name: str, kind: type[AskedWrong], limits: Limits = SETTINGS) -> Written:
    """The mapping in ``text``, strictly read; raises ``kind`` with the place in ``name`` and a hint."""
    try:
        plain = _decoded(text, limits)
        value, places, texts = _Reader(plain, limits).document()
    except _Refused as error:
        line, column = error.place
        raise refusal(kind, [Problem(f"{name}:{line}:{column}", error.what, error.hint)]) from error
    return Written(name, value, places, texts)


def read_scalar(text: str) -> Any:
    """A value as it would be read behind ``key:``, for ``--set key=value``; raises InvalidSettings."""
    found = read_yaml(f"v: {text}\n".encode(), "value", InvalidSettings).value
    if len(found) != 1:
        raise InvalidSettings("value: more than one value", hint="put it in quotes")
    return found["v"]


def _decoded(text: bytes, limits: Limits) -> str:
    if len(text) > limits.size:
        raise _Refused((1, 1), f"larger than {limits.size // MIB} MiB", "split the file")
    try:
        plain = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = text[: error.start].decode("utf-8-sig")
        place = _place_in(before, len(before))
        hint = "save the file as UTF-8"
        raise _Refused(place, f"not UTF-8 (byte 0x{text[error.start]:02x})", hint) from error
    if found := yaml.reader.Reader.NON_PRINTABLE.search(plain):
        what = f"the character U+{ord(found.group()):04X} is not allowed in YAML"
        raise _Refused(_place_in(plain, found.start()), what, 'write it as "\\x.." in double quotes')
    return plain


def _place_in(text: str, offset: int) -> Place:
    return (text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


class _Open:
    """A mapping or list that is being read."""

    __slots__ = ("into", "key", "path", "seen")

    def __init__(self, into: dict[str, Any] | list[Any], path: KeyPath) -> None:
        self.into = into
        self.path = path
        self.key: str | None = None  # read, and waiting for its value
        self.seen: dict[str, Place] = {}


class _Reader:
    """One document from libyaml's events."""

    def __init__(self, text: str, limits: Limits) -> None:
        self.text = text
        self.loader = yamlcore.CCoreLoader(text)
        self.limits = limits
        self.places: dict[KeyPath, Place] = {(): (1, 1)}
        self.texts: dict[KeyPath, str] = {}
        self.stack: list[_Open] = []
        self.root: Any = None
        self.documents = 0
        self.nodes = 0

    def document(self) -> tuple[dict[str, Any], dict[KeyPath, Place], dict[KeyPath, str]]:
        try:
            while self.loader.check_event():
                self._take(self.loader.get_event())
        except yaml.MarkedYAMLError as error:
            raise _syntax(error, self.text) from error
        except yaml.YAMLError as error:
            raise _Refused((1, 1), f"not YAML: {error}") from error
        if self.root is None:
            raise _Refused((1, 1), "the file is empty", "it must hold a mapping such as `key: value`")
        if not isinstance(self.root, dict):
            raise _Refused((1, 1), "not a mapping", "the file must hold `key: value` lines")
        return self.root, self.places, self.texts

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.stack.pop()
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._open(event)
        elif isinstance(event, yaml.AliasEvent):
            raise _Refused(_place(event), f"the alias *{event.anchor} is not read", "write the value out")
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise _Refused(_place(event), "a second document begins here", "one document a file: remove `---`")

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if event.tag not in _COLLECTIONS:
            raise _Refused(_place(event), f"the tag {event.tag} is not read", "remove the tag")
        if len(self.stack) >= self.limits.depth:
            raise _Refused(_place(event), f"nested deeper than {self.limits.depth}", "flatten it")
        if self.stack and isinstance(self.stack[-1].into, dict) and self.stack[-1].key is None:
            raise _Refused(_place(event), "a key must be text", "quote the key")
        into: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.stack.append(_Open(into, self._put(into, _place(event))))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        value = self._typed(event)
        top = self.stack[-1] if self.stack else None
        if top is not None and top.key is None and isinstance(top.into, dict):
            self._key(top, event, value)
            return
        path = self._put(value, _place(event))
        if value.__class__ is not str and _text(value) != event.value:
            self.texts[path] = event.value

    def _key(self, top: _Open, event: yaml.ScalarEvent, key: object) -> None:
        place = _place(event)
        if not isinstance(key, str):
            raise _Refused(place, f"the key {event.value or 'null'} is not text", f"quote it: '{event.value}'")
        if key == "<<" and event.implicit[0]:
            raise _Refused(place, "merge keys (<<) are not part of YAML 1.2", "write the values out")
        if key in top.seen:
            first = top.seen[key]
            what = f"the key {key!r} stands twice: first in line {first[0]}, again in line {place[0]}"
            raise _Refused(place, what, "remove one of them")
        top.seen[key] = place
        top.key = key

    def _put(self, value: Any, place: Place) -> KeyPath:
        """Hang ``value`` into what is open, and give its path."""
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            raise _Refused(place, f"more than {self.limits.nodes:,} values", "split the file")
        if not self.stack:
            self.root = value
            return ()
        top = self.stack[-1]
        if isinstance(top.into, dict):
            key = top.key or ""
            path: KeyPath = (*top.path, key)
            top.into[key] = value
            self.places[path] = top.seen[key]
            top.key = None
        else:
            path = (*top.path, len(top.into))
            top.into.append(value)
            self.places[path] = place
        return path

    def _typed(self, event: yaml.ScalarEvent) -> Any:
        """The value of a scalar by the core schema of YAML 1.2."""
        text: str = event.value
        if event.tag in (None, "!"):
            if not event.implicit[0] or (text and text[0] not in self.loader.yaml_implicit_resolvers):
                return text
            tag = self.loader.resolve(yaml.ScalarNode, text, (True, False))
        else:
            tag = event.tag
        if tag not in _SCALARS:
            raise _Refused(_place(event), f"the tag {tag} is not read", "remove the tag")
        if tag == f"{_CORE}str":
            return text
        try:
            return self.loader.construct_object(yaml.ScalarNode(tag, text))
        except (ValueError, KeyError) as error:
            kind = tag.removeprefix(_CORE)
            raise _Refused(_place(event), f"not a value of type {kind}", "quote it if it is text") from error


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _text(value: object) -> str:
    """How autolab writes a value that is not text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def _syntax(error: yaml.MarkedYAMLError, text: str) -> _Refused:
    """libyaml's complaint as one line, with what helps against the usual causes."""
    mark = error.problem_mark or error.context_mark
    place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    said = error.problem or error.context or "not YAML"
    lines = text.split("\n")
    line = lines[place[0] - 1] if place[0] <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return _Refused(place, "a tab stands where only spaces may", "indent with spaces")
    if "cannot start any token" in said and line[place[1] - 1 : place[1]]:
        what = f"text may not begin with {line[place[1] - 1]!r}"
        return _Refused(place, what, "put the text in quotes")
    if "mapping values are not allowed" in said:
        return _Refused(place, "a ':' stands where no mapping can begin", "quote the text, or mend the indentation")
    return _Refused(place, f"not YAML: {said}", "check indentation, quotes and brackets near this line")
