"""Sidecars as people, agents and broken programs write them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autolab.errors import Bug
from autolab.model.observation import Authority, Sidecar, Unreadable
from autolab.store.files import Files
from autolab.store.layout import Layout
from autolab.store.sidecars import parse_sidecar, read_sidecar, render_sidecar, sidecar_id, write_sidecar
from autolab.store.strict_json import Malformed, parse_object, parse_tolerant

KEY = b"k" * 32


def nested(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


# What is refused, and a word of the reason.
HOSTILE: list[tuple[bytes, str]] = [
    (b"", "empty"),
    (b" \n\t", "empty"),
    (b"\0\0\0\0", "NULs"),
    (b'{"status"', "not JSON"),
    (b'{"status":"running"', "not JSON"),
    (b'{"status":"running",}', "not JSON"),
    (b"{'status':'running'}", "not JSON"),
    (b'{"status":"running"}}', "not JSON"),
    (b'{"status":"running"}\0', "not JSON"),
    (b'{"status":"running"} {"status":"done"}', "not JSON"),
    (b"status: running", "not JSON"),
    (b'{"notes":"a\nb"}', "not JSON"),
    (b'{"notes":"a\x00b"}', "not JSON"),
    (b'{"pid":0x10}', "not JSON"),
    (b'{"pid":01}', "not JSON"),
    (b'{"pid":+1}', "not JSON"),
    (b'{"pid":1.}', "not JSON"),
    (b"<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> x\n", "not JSON"),
    (b"// note\n{}", "not JSON"),
    (b"[]", "a list"),
    (b'[{"id":"e1"}]', "a list"),
    (b'"done"', "a string"),
    (b"null", "null"),
    (b"true", "a truth value"),
    (b"3", "a number"),
    (b'{"status":"done","status":"failed"}', "'status' is given twice"),
    (b'{"status":"done","status" : "done"}', "'status' is given twice"),
    (b'{"a":{"b":1,"b":2}}', "'b' is given twice"),
    (b'{"a":[{"b":1,"b":2}]}', "'b' is given twice"),
    (b'{"pid":1,"\\u0070id":2}', "'pid' is given twice"),
    (b'{"notes":"x\\":1","pid":1,"pid":2}', "'pid' is given twice"),
    (b'\xef\xbb\xbf{"status":"done"}', "byte order mark"),
    ('{"status":"done"}'.encode("utf-16"), "byte order mark"),
    ('{"status":"done"}'.encode("utf-16-le"), "not JSON"),
    ('{"notes":"größer"}'.encode("latin-1"), "not UTF-8 at byte"),
    (b'{"notes":"\xc0\xaf"}', "not UTF-8"),
    (b'{"notes":"\xed\xa0\x80"}', "not UTF-8"),
    (b'{"notes":"\\ud800"}', "not JSON"),
    (b'{"\\udfff":1}', "not JSON"),
    (b'{"notes":"\\ud800","loss":NaN}', "surrogate"),
    (nested(65), "deeper than 64"),
    (nested(100_000), "not JSON"),
    (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", "deeper than 64"),
    (b'{"loss":NaN,"a":' + nested(64) + b"}", "deeper than 64"),
    (b'{"seq":' + b"9" * 5000 + b"}", "outside 64 bits"),
    (b'{"n":' + b"9" * 5000 + b"}", "outside 64 bits"),
    (b'{"n":18446744073709551616}', "outside 64 bits"),
    (b'{"n":-9223372036854775809}', "outside 64 bits"),
    (b'{"seq":9007199254740993}', "seq should be a whole number from 0 to 2**53"),
    (b'{"seq":-1}', "seq should be"),
    (b'{"seq":1.0}', "seq should be"),
    (b'{"seq":"3"}', "seq should be"),
    (b'{"seq":true}', "seq should be"),
    (b'{"seq":NaN}', "seq should be"),
    (b'{"attempt":-1}', "attempt should be"),
    (b'{"attempt":"1"}', "attempt should be"),
    (b'{"attempt":1e300}', "attempt should be"),
    (b'{"attempt":Infinity}', "attempt should be"),
    (b'{"attempt":1e999}', "attempt should be"),
    (b'{"pid":true}', "pid should be a process number"),
    (b'{"pid":"3 "}', "pid should be"),
    (b'{"pid":"007"}', "pid should be"),
    (b'{"pid":"99999999999"}', "pid should be"),
    (b'{"attempt":"1"}', "attempt should be"),
    (b'{"seq":"1"}', "seq should be"),
    (b'{"pid":0}', "pid should be"),
    (b'{"pid":-1}', "pid should be"),
    (b'{"pid":9223372036854775808}', "pid should be"),
    (b'{"pid":12.5}', "pid should be"),
    (b'{"status":"completed"}', "status should be one of cancelled, done, failed"),
    (b'{"status":"Running"}', "status should be one of"),
    (b'{"status":null}', "not null"),
    (b'{"status":1}', "status should be"),
    (b'{"status":["done"]}', "status should be"),
    (b'{"status":NaN}', "status should be"),
    (b'{"id":"e2"}', "its id is 'e2', but the file is named for 'e1'"),
    (b'{"id":"E1"}', "its id is"),
    (b'{"id":"../e1"}', "its id is"),
    (b'{"id":1}', "id should be a string"),
    (b'{"retry_count":-1}', "retry_count should be"),
    (b'{"host":5}', "host should be a string"),
    (b'{"gpu":1.5}', "gpu should be"),
    (b'{"gpu":[0,1]}', "gpu should be"),
    (b'{"job_id":{}}', "job_id should be"),
    (b'{"started":1700000000}', "started should be a string"),
    (b'{"wandb_run_id":false}', "wandb_run_id should be a string"),
    (b'{"hf_artifact_url":[]}', "hf_artifact_url should be"),
    (b'{"notes":NaN}', "notes should be"),
]


@pytest.mark.parametrize(
    ("data", "said"), HOSTILE, ids=[repr(data[:30]) + str(n) for n, (data, _) in enumerate(HOSTILE)]
)
@pytest.mark.rule("B4")
def test_what_makes_no_sense_is_refused_with_the_reason(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "e1.status.json"
    path.write_bytes(data)
    reading = read_sidecar(path, "e1", KEY)
    assert isinstance(reading, Unreadable)
    assert said in reading.reason
    assert (reading.path, reading.id) == (str(path), "e1")
    assert reading.digest


@pytest.mark.parametrize(
    ("data", "cells"),
    [
        (b"{}", {}),
        (b'{"id":null,"pid":null}', {"pid": None}),
        (b'{"pid":"4711","retry_count":"0"}', {"pid": 4711, "retry_count": 0}),
        (b' {"notes" : "a \\"b\\": c"} ', {"notes": 'a "b": c'}),
        (b'{"notes":"\xc3\xa9 \\ud83d\\ude00"}', {"notes": "é 😀"}),
        (b'{"started":"7026-01-01","finished":"yesterday"}', {"started": "7026-01-01", "finished": "yesterday"}),
        (b'{"x":18446744073709551615,"y":1e18,"z":1e300}', {"x": 2**64 - 1, "y": 1e18, "z": 1e300}),
        (b'{"job_id":"12.gadi-pbs","gpu":"0,1","unknown":{"kept":[1]}}', None),
        (b'{"a":' + nested(63) + b"}", None),
    ],
)
@pytest.mark.rule("B3")
def test_what_makes_sense_is_kept_unknown_keys_and_nulls_too(data: bytes, cells: dict[str, Any] | None) -> None:
    assert parse_sidecar(data, "e1").cells == (json.loads(data) if cells is None else cells)


@pytest.mark.rule("B3")
def test_an_absent_key_makes_no_cell_and_a_null_does() -> None:
    assert parse_sidecar(b'{"pid":null}', "e1").cells == {"pid": None}


@pytest.mark.rule("B5")
def test_a_sidecar_without_an_id_belongs_to_the_experiment_it_is_named_for() -> None:
    sidecar = parse_sidecar(b'{"hf_artifact_url":"https://x"}', "e1")
    assert (sidecar.id, sidecar.attempt, sidecar.seq) == ("e1", None, None)


def test_a_metric_that_is_no_number_is_null_and_named() -> None:
    sidecar = parse_sidecar(b'{"metrics":{"loss":NaN,"acc":[1,-Infinity]},"best":1e999}', "e1")
    assert sidecar.cells == {
        "metrics": {"loss": None, "acc": [1, None]},
        "best": None,
        "not_finite": ["metrics.loss", "metrics.acc[1]", "best"],
    }


def test_what_is_not_a_plain_small_file_is_refused_and_nothing_hangs(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("{}")
    (tmp_path / "link.status.json").symlink_to(tmp_path / "secret")
    (tmp_path / "dangling.status.json").symlink_to("nowhere")
    (tmp_path / "loop.status.json").symlink_to("loop.status.json")
    (tmp_path / "folder.status.json").mkdir()
    os.mkfifo(tmp_path / "pipe.status.json")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "socket.status.json"))
    (tmp_path / "device.status.json").symlink_to("/dev/zero")
    with open(tmp_path / "huge.status.json", "wb") as file:
        file.truncate(10 << 30)
    (tmp_path / "large.status.json").write_bytes(b'{"notes":"' + b"x" * (1 << 20) + b'"}')
    said = {}
    for path in sorted(tmp_path.glob("*.status.json")):
        reading = read_sidecar(path, path.name.partition(".")[0])
        assert isinstance(reading, Unreadable)
        said[reading.id] = reading.reason
    assert said.keys() == {"link", "dangling", "loop", "folder", "pipe", "socket", "device", "huge", "large"}
    assert said["link"] == said["loop"] == said["dangling"] == "it is a symbolic link"
    assert said["pipe"] == said["folder"] == "not a regular file"
    assert "1048576 are read" in said["huge"]


def test_a_file_that_is_gone_says_nothing(tmp_path: Path) -> None:
    assert read_sidecar(tmp_path / "e1.status.json", "e1") is None


@pytest.mark.parametrize("name", ["-rf", "a b", "é", "a..b", "%2e%2e", "lab", "x" * 101])
def test_a_file_whose_name_is_no_experiments_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.status.json"
    path.write_text("{}")
    reading = read_sidecar(path, name)
    assert isinstance(reading, Unreadable)
    assert "not a well-formed experiment id" in reading.reason


@pytest.mark.parametrize(
    ("name", "experiment"),
    [
        ("e1.status.json", "e1"),
        ("e1.run.json", "e1"),
        (".e1.status.json", None),
        ("state.json", None),
        ("e1.json", None),
    ],
)
def test_sidecars_are_told_by_their_names(name: str, experiment: str | None) -> None:
    assert sidecar_id(name) == experiment


@pytest.mark.rule("B16")
def test_who_speaks_is_told_by_the_file_and_by_our_mark(layout: Layout, files: Files) -> None:
    write_sidecar(layout, files, KEY, "e1", {"status": "running", "attempt": 2, "seq": 7, "pid": 12})
    path = layout.sidecar("e1")
    ours = read_sidecar(path, "e1", KEY)
    assert isinstance(ours, Sidecar)
    assert (ours.authority, ours.attempt, ours.seq) == (Authority.EXECUTOR, 2, 7)
    assert ours.cells == {"status": "running", "pid": 12}
    layout.run_file("e1").write_bytes(path.read_bytes())
    script = read_sidecar(layout.run_file("e1"), "e1", KEY)
    assert isinstance(script, Sidecar)
    assert script.authority is Authority.SCRIPT


@pytest.mark.rule("B12")
def test_a_write_by_somebody_else_into_our_sidecar_is_an_agents_word() -> None:
    ours = render_sidecar("e1", {"status": "running", "seq": 1}, KEY)
    document = json.loads(ours)
    edited = json.dumps({**document, "status": "done"}).encode()
    for data in (
        edited,
        ours.replace(b"running", b"failed"),
        ours.replace(b'"id":"e1"', b'"id":"e2"'),
        json.dumps({**document, "mark": 5}).encode(),
        b'{"status":"done","writer":"autolab"}',
    ):
        experiment = json.loads(data).get("id") or "e1"
        assert parse_sidecar(data, experiment, KEY).authority is Authority.AGENT
    assert parse_sidecar(ours, "e1", b"x" * 32).authority is Authority.AGENT
    assert parse_sidecar(ours, "e1").authority is Authority.AGENT
    assert "mark" not in parse_sidecar(ours, "e1", KEY).cells


def test_we_never_write_a_sidecar_that_we_would_refuse() -> None:
    for wrong in ({"status": "finished"}, {"pid": "12"}, {"id": "e2"}, {"seq": 2**53 + 1}):
        with pytest.raises(Bug):
            render_sidecar("e1", wrong, KEY)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON_VALUES, max_size=5), st.sampled_from([None, 1]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_the_fast_reading_agrees_with_the_standard_library(
    value: dict[str, Any], indent: int | None, plain: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=plain)
    assert parse_object(text.encode()) == json.loads(text)


@given(
    st.dictionaries(st.text(), st.none() | st.integers(0, 9) | st.text(), min_size=1, max_size=5),
    st.data(), st.booleans(), st.sampled_from([(",", ":"), (", ", " : "), (" ,\n", "\t:")]),
)  # fmt: skip
def test_a_name_given_twice_is_found_however_it_is_written(
    value: dict[str, Any], data: st.DataObject, plain: bool, between: tuple[str, str]
) -> None:
    name = data.draw(st.sampled_from(sorted(value)))
    whole, one = (json.dumps(part, ensure_ascii=plain, separators=between) for part in (value, {name: value[name]}))
    parse_object(whole.encode())
    with pytest.raises(Malformed, match="given twice"):
        parse_object(f"{whole[:-1]}{between[0]}{one[1:]}".encode())


@given(
    st.binary(max_size=60)
    | st.text(alphabet='{}[]":,\\ \n0e1-.NaInfity\ud800', max_size=40).map(lambda t: t.encode("utf-8", "surrogatepass"))
)
@settings(max_examples=600, deadline=None)
def test_no_bytes_at_all_raise_anything_but_malformed(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse_tolerant(data)
        parse_sidecar(data, "e1", KEY)
