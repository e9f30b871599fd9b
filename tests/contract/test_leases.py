"""The lease of a lab on its anchor, in every shell and with busybox's tools alone."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from autolab.errors import CommandFailed, UnreadableReply
from autolab.executors.dialects.process import Process
from autolab.model.command import Reply
from tests.bench import LAB, SHELLS, Bench


@pytest.fixture(params=SHELLS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    if request.param in {"busybox", "applets"} and not shutil.which("busybox"):
        pytest.skip("busybox is missing")
    return Bench(tmp_path / "a b", request.param)


def lab_dir(bench: Bench) -> str:
    return f"{bench.state}/{LAB[:8]}"


def test_asking_makes_nothing_and_the_first_to_take_a_number_has_it(bench: Bench) -> None:
    ask = bench.executor.lease
    assert ask(lab_dir(bench)) == (0, "")
    assert not bench.state.exists()
    line = '{"clone": "a", "reason": "it\'s $(mine) `now` \\\\n \\u00e9 %s"}'
    assert ask(lab_dir(bench), 1, line) == (1, line)
    assert ask(lab_dir(bench), 1, '{"clone": "b"}') == (1, line)
    assert ask(lab_dir(bench), 10, '{"clone": "b"}') == (10, '{"clone": "b"}')
    assert ask(lab_dir(bench), 9, line) == (10, '{"clone": "b"}')
    assert ask(lab_dir(bench)) == (10, '{"clone": "b"}')


def test_of_many_who_take_one_number_at_once_one_has_it(bench: Bench) -> None:
    said: list[tuple[int, str]] = []
    takers = [
        threading.Thread(target=lambda n=n: said.append(bench.executor.lease(lab_dir(bench), 1, f"c{n}")))
        for n in range(6)
    ]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert len(said) == 6
    assert len(set(said)) == 1


def test_a_folder_that_cannot_be_written_is_said(bench: Bench) -> None:
    Path(lab_dir(bench)).mkdir(parents=True)
    Path(lab_dir(bench), "lease").write_text("no folder")
    with pytest.raises(CommandFailed, match="cannot be written"):
        bench.executor.lease(lab_dir(bench), 1, "x")


@pytest.mark.parametrize(
    "out", [b"", b"autolab 1\n", b"over\n", b"autolab 1\nhost a\x1fb\x1fc\x1fd\x1f1\nlease x y\nover\n"]
)
def test_half_an_answer_is_none(out: bytes) -> None:
    with pytest.raises(UnreadableReply):
        Process().read_lease(Reply(out, 0))
