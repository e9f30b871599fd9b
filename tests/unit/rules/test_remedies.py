"""What a kind of failure changes of the next attempt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.failure import Kind, Remedy
from autolab.rules.remedies import Change, change_of, halved, replaced
from tests.builders import TABLE

KINDS = {kind.name: kind for kind in TABLE}


def changed(name: str, command: str, **env: str) -> Change | None:
    return change_of(KINDS[name], command, env)


@pytest.mark.parametrize(
    ("command", "names", "floor", "after"),
    [
        ("python t.py batch_size=64", ("batch_size",), 1, "python t.py batch_size=32"),
        ("python t.py +train.batch_size=64", ("batch_size",), 1, "python t.py +train.batch_size=32"),
        ("python t.py eval_batch_size=64", ("batch_size",), 1, None),
        ("BATCH_SIZE=64 python t.py", ("BATCH_SIZE",), 1, "BATCH_SIZE=32 python t.py"),
        ("t --bs 10", ("--bs",), 8, "t --bs 8"),
        ("t --bs 8", ("--bs",), 8, None),
        ("(t --bs 64)", ("--bs",), 1, "(t --bs 32)"),
        ("t --bs 64; echo 64", ("--bs",), 1, "t --bs 32; echo 64"),
        ("t --bs $B", ("--bs",), 1, None),
        ("t --bs 0.5", ("--bs",), 1, None),
        ("t --lr 1 --bs '64'", ("--bs",), 1, None),
    ],
)
def test_a_number_is_halved_down_to_the_floor_and_nothing_else_is_touched(
    command: str, names: tuple[str, ...], floor: int, after: str | None
) -> None:
    done = halved(command, names, floor)
    assert (done[0] if done else None) == after


@pytest.mark.rule("1.64", "B42")
def test_the_remedies_of_the_table_say_before_and_after() -> None:
    assert changed("cuda_oom", "t.py --batch-size 64") == Change(
        "t.py --batch-size 32", {}, ("--batch-size: 64 -> 32",)
    )
    assert changed("host_oom", "t.py -b 4") == Change("t.py -b 2", {}, ("-b: 4 -> 2",))
    clipped = changed("nan_loss", "t.py --max_grad_norm 5")
    assert clipped == Change("t.py --max_grad_norm 1.0", {}, ("--max_grad_norm: 5 -> 1.0",))
    offline = changed("tracker_offline", "t.py")
    assert offline == Change("", {"WANDB_MODE": "offline"}, ("WANDB_MODE: not set -> offline",))


@pytest.mark.rule("1.64")
@pytest.mark.parametrize(
    ("name", "command", "env"),
    [
        ("cuda_oom", "t.py --batch-size 1", {}),
        ("cuda_oom", "t.py", {}),
        ("nan_loss", "t.py --max_grad_norm 1", {}),
        ("nan_loss", "t.py", {}),
        ("tracker_offline", "t.py", {"WANDB_MODE": "offline"}),
    ],
)
def test_where_nothing_can_be_changed_nothing_is_said_to_be(name: str, command: str, env: dict[str, str]) -> None:
    assert changed(name, command, **env) is None


@pytest.mark.parametrize(
    ("command", "after"),
    [
        ("python t.py", "python t.py --clip 1"),
        ("python t.py --clip 3", ""),
        ("python t.py --clip=3", ""),
        ("python t.py | tee log", ""),
        ("cd x && python t.py", ""),
        ("python t.py 'unclosed", ""),
        ("python t.py $(x)", ""),
        ("python t.py # note", ""),
    ],
)
def test_a_flag_is_added_to_one_simple_command_only(command: str, after: str) -> None:
    kind = Kind(name="k", remedy=Remedy.CHANGE, add=("--clip", "1"))
    done = change_of(kind, command, {})
    assert (done.command if done else "") == after


@given(st.text(max_size=200), st.sampled_from(["--bs", "bs", "-b"]))
def test_whatever_a_command_holds_changing_it_changes_one_value(command: str, name: str) -> None:
    done = halved(command, (name,)) or replaced(command, name, "7")
    assert done is None or done[0] != command
