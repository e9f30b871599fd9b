"""YAML as people write it: what is read, and each refusal with its place and its hint."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.errors import InvalidSettings, InvalidSpec
from autolab.store.yaml_files import EXPERIMENTS, Limits, load_yaml, read_scalar, read_yaml


def read(text: str) -> object:
    return dict(read_yaml(text.encode(), "a.yaml", InvalidSettings).value)


def refused(text: str | bytes, limits: Limits | None = None) -> tuple[str, str]:
    raw = text.encode() if isinstance(text, str) else text
    with pytest.raises(InvalidSettings) as caught:
        read_yaml(raw, "a.yaml", InvalidSettings, *([limits] if limits else []))
    assert "\n" not in caught.value.message
    return caught.value.message, caught.value.hint


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("lr: 1e-3", 0.001),
        ("lr: 1e-4", 0.0001),
        ("no: x", "x"),
        ("k: no", "no"),
        ("k: off", "off"),
        ("k: 010", 10),
        ("k: 0o17", 15),
        ("k: 0x1f", 31),
        ("k: 12:30:45", "12:30:45"),
        ("k: 1_000", "1_000"),
        ("k: 2026-11-20", "2026-11-20"),
        ("k: ~", None),
        ("k:", None),
        ("k: '1'", "1"),
        ("k: !!str 12", "12"),
        ("k: |\n  a\n  b\n", "a\nb\n"),
        ("\ufeffk: 1", 1),
        ("k: &name 1", 1),
        ('k: "\\u00e9"', "é"),
    ],
)
def test_values_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert list(read(text).values()) == [value]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "a.yaml:1:1: the file is empty", "it must hold a mapping such as `key: value`"),
        ("# only this\n", "a.yaml:1:1: the file is empty", "it must hold a mapping such as `key: value`"),
        ("- a", "a.yaml:1:1: not a mapping", "the file must hold `key: value` lines"),
        ("words", "a.yaml:1:1: not a mapping", "the file must hold `key: value` lines"),
        (
            "a: 1\nb: 2\na: 3\n",
            "a.yaml:3:1: the key 'a' stands twice: first in line 1, again in line 3",
            "remove one of them",
        ),
        (
            "x:\n  b: 1\n  b: 2\n",
            "a.yaml:3:3: the key 'b' stands twice: first in line 2, again in line 3",
            "remove one of them",
        ),
        ("a:\n\tb: 1", "a.yaml:2:1: a tab stands where only spaces may", "indent with spaces"),
        (
            "a: b: c",
            "a.yaml:1:5: a ':' stands where no mapping can begin",
            "quote the text, or mend the indentation",
        ),
        (
            "a: [1, 2",
            "a.yaml:2:1: not YAML: did not find expected ',' or ']'",
            "check indentation, quotes and brackets near this line",
        ),
        ("a: @x", "a.yaml:1:4: text may not begin with '@'", "put the text in quotes"),
        ("a: &x 1\nb: *x", "a.yaml:2:4: the alias *x is not read", "write the value out"),
        ("a: &a [*a]", "a.yaml:1:8: the alias *a is not read", "write the value out"),
        ("<<: {a: 1}", "a.yaml:1:1: merge keys (<<) are not part of YAML 1.2", "write the values out"),
        ("a: !foo {b: 1}", "a.yaml:1:4: the tag !foo is not read", "remove the tag"),
        ("---\na: 1\n---\nb: 2", "a.yaml:3:1: a second document begins here", "one document a file: remove `---`"),
        ("1: x", "a.yaml:1:1: the key 1 is not text", "quote it: '1'"),
        ("true: x", "a.yaml:1:1: the key true is not text", "quote it: 'true'"),
        ("? [a]\n: b", "a.yaml:1:3: a key must be text", "quote the key"),
        (
            "ok: 1\na: '\x00'",
            "a.yaml:2:5: the character U+0000 is not allowed in YAML",
            'write it as "\\x.." in double quotes',
        ),
        ("a: " + "9" * 5000, "a.yaml:1:4: not a value of type int", "quote it if it is text"),
        ("a: !!int x", "a.yaml:1:4: not a value of type int", "quote it if it is text"),
        ("- " * 100_000, "a.yaml:1:65: nested deeper than 32", "flatten it"),
        ("a: " + "[" * 100_000, "a.yaml:1:35: nested deeper than 32", "flatten it"),
    ],
)
def test_what_is_not_strict_yaml_is_refused_with_its_place(text: str, message: str, hint: str) -> None:
    assert refused(text) == (message, hint)


def test_code_in_a_tag_is_refused() -> None:
    message, _ = refused("a: !!python/object/apply:os.system [echo]")
    assert message == "a.yaml:1:4: the tag tag:yaml.org,2002:python/object/apply:os.system is not read"


def test_what_is_not_utf8_is_refused_with_its_place() -> None:
    assert refused("a: 1\nb: é".encode("latin1")) == ("a.yaml:2:4: not UTF-8 (byte 0xe9)", "save the file as UTF-8")
    assert refused("a: 1".encode("utf-16"))[0] == "a.yaml:1:1: not UTF-8 (byte 0xff)"


def test_an_alias_bomb_is_refused_at_its_first_alias() -> None:
    bomb = "a: &a [x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi"))  # noqa: B905
    assert refused(bomb)[0] == "a.yaml:2:8: the alias *a is not read"


def test_size_and_number_of_values_are_limited() -> None:
    few = Limits(size=1 << 20, nodes=5)
    assert refused("a: [1, 2, 3, 4, 5]", few)[0] == "a.yaml:1:14: more than 5 values"
    assert refused("a: " + "x" * (1 << 20))[0] == "a.yaml:1:1: larger than 1 MiB"


def test_everything_has_its_place_and_numbers_the_text_they_were_written_as() -> None:
    written = read_yaml(b"a:\n  - lr: 1e-3\n    n: 010\n    k: 5\n", "e.yaml", InvalidSpec)
    assert written.where(("a", 0, "lr")) == "e.yaml:2:5"
    assert written.where(("a", 0, "missing")) == "e.yaml:2:5"
    assert written.where(()) == "e.yaml:1:1"
    assert written.texts == {("a", 0, "lr"): "1e-3", ("a", 0, "n"): "010"}


def test_ten_thousand_experiments_are_read_in_seconds() -> None:
    item = "- {id: e%d, command: python train.py --lr 1e-3, method: m, dataset: d, seed: %d, env: {A: b}}\n"
    text = "experiments:\n" + "".join(item % (n, n) for n in range(10_000))
    began = time.monotonic()
    written = read_yaml(text.encode(), "e.yaml", InvalidSpec, EXPERIMENTS)
    assert len(written.value["experiments"]) == 10_000
    assert time.monotonic() - began < 15


def test_a_folder_a_pipe_and_an_absent_file_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="is a folder"):
        load_yaml(tmp_path, InvalidSettings)
    with pytest.raises(InvalidSettings, match="null: not a regular file"):
        load_yaml(Path("/dev/null"), InvalidSettings)
    with pytest.raises(FileNotFoundError):
        load_yaml(tmp_path / "none.yaml", InvalidSettings)


def test_a_value_of_the_command_line_is_read_like_one_in_a_file() -> None:
    assert [read_scalar(text) for text in ("1e-3", "no", "[1, 2]", "'4'", "")] == [0.001, "no", [1, 2], "4", None]


def said_of(text: bytes) -> str:
    """The line that refuses ``text``; nothing where it is read."""
    try:
        read_yaml(text, "a.yaml", InvalidSettings)
    except InvalidSettings as error:
        return error.message
    return "a.yaml:"


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_read_or_be_refused(text: bytes) -> None:
    assert said_of(text).startswith("a.yaml:")
    assert "\n" not in said_of(text)


@given(st.text(alphabet="ab:-[]{}*&!|>'\"#\t\n ,?%@0.", max_size=60))
def test_no_punctuation_does_anything_but_read_or_be_refused(text: str) -> None:
    assert said_of(text.encode()).startswith("a.yaml:")
    assert "\n" not in said_of(text.encode())
