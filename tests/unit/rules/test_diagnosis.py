"""How an attempt ended badly: one kind, from what its own log and status say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.failure import Remedy
from autolab.model.patterns import LINE_MAX
from autolab.model.state import End, EndHow
from autolab.rules.diagnosis import TAIL_MAX, contradictions, diagnose
from autolab.rules.remedies import halved
from tests.builders import T0, TABLE


def kind_of(status: int | None = 1, tail: str = "", result: str = "none", how: EndHow = EndHow.EXIT) -> str | None:
    found = diagnose(End(how=how, at=T0, status=status), tail, result, TABLE)
    return found.kind.name if found else None


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20 MiB", "cuda_oom"),
        ("torch.OutOfMemoryError: CUDA out of memory.", "cuda_oom"),
        ("RuntimeError: CUDA out of memory. Tried", "cuda_oom"),
        ("RuntimeError: CUDA error: out of memory", "cuda_oom"),
        ("OSError: [Errno 28] No space left on device", "disk_full"),
        ("cp: error writing 'x': No space left on device", "disk_full"),
        ("ModuleNotFoundError: No module named 'torch'", "missing_module"),
        ("step 12 loss=nan lr=0.1", "nan_loss"),
        ("ConnectionRefusedError: [Errno 111] Connection refused", "connection"),
        ("requests.exceptions.ConnectTimeout: x", "connection"),
        ("curl: (6) x: Temporary failure in name resolution", "connection"),
        ("wandb: ERROR error while calling W&B API: network down", "tracker_offline"),
    ],
)
def test_a_line_of_an_error_is_recognised(line: str, kind: str) -> None:
    assert kind_of(tail=f"step 1\n{line}\nTraceback\n") == kind


@pytest.mark.rule("B36")
@pytest.mark.parametrize(
    "line",
    [
        "config: loss=nan_to_num, on_nan=raise",
        "loss=nano",
        "# handles 'CUDA out of memory' by halving",
        "checks: OSError: [Errno 28] is retried",
        "print('ModuleNotFoundError: No module named x')",
        "docs say No space left on device means delete files",
    ],
)
def test_a_text_about_an_error_is_none(line: str) -> None:
    assert kind_of(tail=line) == "undiagnosed"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(75, "connection"), (126, "environment"), (127, "environment"), (78, "environment"), (137, "killed"),
     (143, "killed"), (1, "undiagnosed"), (139, "crashed"), (None, "undiagnosed")],
)  # fmt: skip
def test_a_status_alone_may_say_it(status: int | None, kind: str) -> None:
    assert kind_of(status) == kind


@pytest.mark.parametrize(
    ("how", "kind", "by_host"),
    [
        (EndHow.REFUSED, "launch_refused", True), (EndHow.FENCED, "never_started", True),
        (EndHow.HOST_RESTART, "host_restart", True), (EndHow.WITHDRAWN, "host_unreachable", True),
        (EndHow.LOST, "lost", False), (EndHow.ABANDONED, "abandoned", True),
    ],
)  # fmt: skip
def test_how_it_ended_goes_before_what_its_log_says(how: EndHow, kind: str, by_host: bool) -> None:
    found = diagnose(End(how=how, at=T0), "" if how is EndHow.LOST else "RuntimeError: CUDA out of memory", "", TABLE)
    assert found is not None
    assert (found.kind.name, found.kind.by_host) == (kind, by_host)


@pytest.mark.parametrize(
    ("result", "kind"),
    [("none", None), ("fresh", None), ("", None), ("absent", "result_missing"), ("stale", "result_missing"),
     ("invalid", "result_invalid")],
)  # fmt: skip
def test_a_clean_end_needs_its_declared_result(result: str, kind: str | None) -> None:
    assert kind_of(0, "RuntimeError: CUDA out of memory", result) == kind


@pytest.mark.rule("B36")
def test_the_order_of_the_table_decides_and_long_logs_cost_little() -> None:
    tail = "ConnectionResetError: x\ntorch.cuda.OutOfMemoryError: CUDA out of memory"
    assert kind_of(tail=tail) == "cuda_oom"
    assert kind_of(137, tail) == "cuda_oom"
    assert kind_of(tail="x" * LINE_MAX + "\n" + "y" * (2 * TAIL_MAX)) == "undiagnosed"
    assert kind_of(tail="RuntimeError: CUDA out of memory\n" + "step\n" * TAIL_MAX) == "undiagnosed", "only the tail"


@given(st.integers(1, 255), st.text(max_size=300))
def test_whatever_a_log_says_a_bad_end_has_one_kind(status: int, tail: str) -> None:
    assert kind_of(status, tail) in {kind.name for kind in TABLE} | {"undiagnosed"}


def test_what_nobody_understands_is_asked() -> None:
    found = diagnose(End(how=EndHow.EXIT, at=T0, status=3), "", "none", TABLE)
    assert found is not None
    assert found.kind.remedy is Remedy.ASK


def test_the_examples_of_the_table_are_of_their_own_kinds() -> None:
    assert list(contradictions(TABLE)) == []
    assert sum(len(kind.matches) + len(kind.misses) for kind in TABLE) > 40


@pytest.mark.parametrize(
    ("command", "after"),
    [
        ("t.py --batch-size 64 --lr 1", "t.py --batch-size 32 --lr 1"),
        ("t.py --batch_size=7", "t.py --batch_size=3"),
        ("t.py -b 2", "t.py -b 1"),
        ("t.py -b 1", None),
        ("t.py --batch-size 6x", None),
        ("t.py --my--batch-size 64", None),
        ("t.py --batch-size-eval 64", None),
        ("t.py", None),
        ("t.py --batch-size 1 --train-batch-size 8", "t.py --batch-size 1 --train-batch-size 4"),
    ],
)
def test_the_first_batch_size_above_one_is_halved_and_nothing_else_changes(command: str, after: str | None) -> None:
    done = halved(command, next(kind.halve for kind in TABLE if kind.name == "cuda_oom"))
    assert (done[0] if done else None) == after
