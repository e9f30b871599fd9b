"""Whether a file that was fetched is a result, and what is added to it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.rules.results import ADDED, REQUIRED, check_result

KNOWN = {"host": "h1", "gpu": "0", "finished_at": "2026-11-20T10:44:12Z"}
HEAD = ",".join(REQUIRED)
ROW = "e1,sgd,digits,main,acc,0,0.97"


def problem(content: str | bytes) -> str:
    return check_result(content if isinstance(content, bytes) else content.encode(), "e1", KNOWN).problem


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


@pytest.mark.rule("1.66", "B59")
def test_host_gpu_and_end_are_added_to_a_table_with_the_seven_columns() -> None:
    checked = check_result(f"{HEAD}\n{ROW}\n".encode(), "e1", KNOWN)
    assert checked.problem == ""
    (row,) = rows(checked.content)
    assert list(row) == [*REQUIRED, *ADDED]
    assert {name: row[name] for name in ADDED} == KNOWN
    assert row["value"] == "0.97", "numbers stay as they were written"


@pytest.mark.rule("B59")
def test_what_the_script_says_itself_stays_and_a_whole_table_is_not_touched() -> None:
    own = check_result(f"{HEAD},host\n{ROW},mine\n".encode(), "e1", KNOWN)
    assert rows(own.content)[0]["host"] == "mine"
    whole = f"{HEAD},host,gpu,finished_at\r\n{ROW},a,1,now\r\n".encode()
    assert check_result(whole, "e1", KNOWN).content == whole


@pytest.mark.rule("1.66")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        (" \n\n", "empty"),
        (f"{HEAD}\n", "no row"),
        ("exp_id,method,dataset\ne1,a,b\n", "lacks the columns group, metric, seed, value"),
        (f"{HEAD}\ne2{ROW[2:]}\n", "speaks of e2"),
        (f'{HEAD}\n"e1,sgd', "no table"),
        ('{"acc": 0.9', "no whole JSON"),
        ("[1, 2", "no whole JSON"),
        ("[" * 100_000, "no whole JSON"),
    ],
)
def test_what_is_no_result_says_why(content: str, words: str) -> None:
    assert words in problem(content)


@pytest.mark.parametrize("content", ['{"acc": 0.9}', "[1, 2]", "0.97", b"\x89PNG\xff", "just, text"])
def test_json_text_and_binary_are_results_as_they_are(content: str | bytes) -> None:
    raw = content if isinstance(content, bytes) else content.encode()
    assert check_result(raw, "e1", KNOWN).content == raw
    assert problem(content) == ""


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(content: bytes) -> None:
    checked = check_result(content, "e1", KNOWN)
    assert checked.problem or checked.content
