"""The table of failures as a project extends it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from autolab.errors import InvalidSettings
from autolab.model.failure import Remedy
from autolab.model.patterns import LINE_MAX, found, lines_of, problem
from autolab.model.state import End, EndHow
from autolab.rules.diagnosis import contradictions, diagnose
from autolab.store.failures import effective_table
from autolab.store.settings import load_settings
from tests.builders import T0, TABLE


def table(root: Path, settings: str = "", own: str = "") -> tuple:
    (root / "autolab.yaml").write_text("project: demo\n" + settings)
    if own:
        (root / "failures.yaml").write_text(own)
    return effective_table(load_settings(root, {})[0])


def refusal(root: Path, settings: str = "", own: str = "") -> str:
    with pytest.raises(InvalidSettings) as refused:
        table(root, settings, own)
    return f"{refused.value.message} {refused.value.hint}"


def kind_of(rows: tuple, status: int, tail: str) -> str:
    made = diagnose(End(how=EndHow.EXIT, at=T0, status=status), tail, "none", rows)
    return made.kind.name if made else ""


@pytest.mark.rule("0.17")
def test_a_projects_kinds_go_first_and_its_settings_before_its_file(tmp_path: Path) -> None:
    rows = table(
        tmp_path,
        "failures:\n  - {name: licence, patterns: ['^licence denied'], remedy: again, wait: 5m}\n",
        "kinds:\n  - {name: quota, statuses: [12]}\n",
    )
    assert [kind.name for kind in rows[:3]] == ["licence", "quota", TABLE[0].name]
    assert (rows[0].wait_s, rows[0].remedy, rows[0].origin) == (300, Remedy.AGAIN, "project")
    assert kind_of(rows, 1, "licence denied by server") == "licence"
    assert kind_of(rows, 12, "RuntimeError: CUDA out of memory") == "quota"


@pytest.mark.rule("0.17")
def test_a_row_of_a_known_name_adds_evidence_and_replaces_the_rest(tmp_path: Path) -> None:
    rows = table(tmp_path, own="kinds:\n  - {name: cuda_oom, patterns: ['^GPU FULL'], halve: [--tokens], floor: 4}\n")
    oom = rows[0]
    known = next(kind for kind in TABLE if kind.name == "cuda_oom")
    assert (oom.halve, oom.floor, oom.remedy, oom.watch) == (("--tokens",), 4, Remedy.CHANGE, True)
    assert oom.patterns == ("^GPU FULL", *known.patterns)
    assert [kind.name for kind in rows].count("cuda_oom") == 1
    assert kind_of(rows, 1, "GPU FULL") == kind_of(rows, 1, "RuntimeError: CUDA out of memory") == "cuda_oom"


def test_a_row_can_be_taken_out_and_kept_from_lines(tmp_path: Path) -> None:
    rows = table(tmp_path, own="kinds:\n  - {name: missing_file, off: true}\n  - {name: nan_loss, never: ['warmup']}\n")
    assert kind_of(rows, 1, "FileNotFoundError: x") == "undiagnosed"
    assert kind_of(rows, 1, "warmup loss=nan") == "undiagnosed"
    assert kind_of(rows, 1, "step loss=nan") == "nan_loss"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{name: x, patterns: ['(']}", "failures.yaml:2:26: kinds[0].patterns[0]: is no pattern: unclosed group"),
        ("{name: x, patterns: ['a(?=b)']}", "look-around"),
        ("{name: x, patterns: ['(a)\\1']}", "backreferences"),
        ("{name: x, patterns: ['(a{1000}){1000}{9}']}", "size limit"),
        ("{name: x, pattern: ['a']}", "unknown key 'pattern'"),
        ("{name: X Y}", "name: is not well-formed"),
        ("{name: x, signals: [NINE]}", "no signal"),
        ("{name: x, ends: [soon]}", "one of exit"),
        ("{name: x, remedy: pray}", "one of again, elsewhere, change, ask"),
        ("{name: x, set: {--a: 'b; rm -rf /'}}", "not well-formed"),
        ("{name: x, add: ['$(rm)']}", "not well-formed"),
        ("{name: x, statuses: [0]}", "at least 1"),
        ("{name: x, wait: 5}", "needs a unit"),
        ("{name: x, stop: true, watch: false}", "watch: true"),
        ("{patterns: [a]}", "name is missing"),
    ],
)
def test_a_bad_row_is_refused_with_its_place(tmp_path: Path, row: str, says: str) -> None:
    said = refusal(tmp_path, own=f"kinds:\n  - {row}\n")
    assert says in said
    assert said.startswith("failures.yaml:2:")


@pytest.mark.rule("0.17")
def test_no_pattern_runs_for_ever_on_a_long_line() -> None:
    line = "a" * LINE_MAX + "!"
    began = time.perf_counter()
    for pattern in (r"^(a+)+$", r"^(a|a)*$", r"(.*)*x", r"^(\w+\s?)*$", r"(a|aa)+$"):
        assert problem(pattern) == ""
        assert not found(pattern, line)
    assert time.perf_counter() - began < 5


def test_lines_are_seen_without_colours_prefixes_and_what_is_no_text() -> None:
    before = ("\x1b[31m", "[rank3]: ", "[rank3]:", "12: ", "[default0]:", "[1,0]<stderr>:")
    told = [
        f"{prefix}OSError: x\x1b[0m" for prefix in (*before, "(Worker pid=12, ip=10.0.0.1) ", "(EngineCore_0 pid=7) ")
    ]
    assert lines_of("\n".join(told)) == ["OSError: x"] * len(told)
    assert lines_of("90%\r91%\r\nend") == ["90%", "91%", "end"]
    assert found("^b.a$", lines_of("b\ud800a")[0])
    assert len(lines_of("x" * 9000)[0]) == LINE_MAX


def test_examples_that_the_table_contradicts_are_named(tmp_path: Path) -> None:
    rows = table(
        tmp_path, own="kinds:\n  - {name: x, patterns: ['^boo'], examples: {match: [far], never: [boo hoo]}}\n"
    )
    assert [word.split(":")[0] for word in contradictions(rows)] == ["x", "x"]
