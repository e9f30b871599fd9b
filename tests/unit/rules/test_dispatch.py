"""Which experiment goes where: order, room, cards, and never more than there is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.plan import LabPlan
from autolab.model.state import DispatchState, Entry, HostState, HostStatus, Remark, Resources, Status
from autolab.rules.dispatch import Placement, is_due, open_dependencies, place
from tests.builders import (
    T0,
    a_claimed_run,
    a_host_plan,
    a_plan,
    a_run,
    a_spec,
    a_state,
    an_ended_run,
    an_entry,
    seconds,
)


def placed(state: DispatchState, plan: LabPlan) -> dict[str, Placement]:
    return {p.id: p for p in place(state, plan, T0, state.entries.values())}


def order(state: DispatchState, slots: int = 9) -> list[str]:
    return [p.id for p in place(state, a_plan(a_host_plan(slots=slots)), T0, state.entries.values())]


def wanting(ident: str, gpus: int = 0, **spec: Any) -> Entry:
    return an_entry(ident, spec=a_spec(ident, resources=Resources(gpus=gpus), **spec))


@pytest.mark.rule("1.69")
def test_they_go_by_priority_then_as_they_were_added() -> None:
    state = a_state(
        an_entry("late", added_at=T0 + seconds(1)),
        an_entry("early"),
        an_entry("urgent", spec=a_spec("urgent", priority=5), added_at=T0 + seconds(2)),
    )
    assert order(state) == ["urgent", "early", "late"]


@pytest.mark.rule("1.69")
def test_groups_of_equal_priority_take_turns_and_those_with_less_at_work_begin() -> None:
    many = [an_entry(f"m{n}", spec=a_spec(f"m{n}"), added_at=T0 + seconds(n)) for n in range(4)]
    few = [an_entry(f"b{n}", spec=a_spec(f"b{n}", group="baseline"), added_at=T0 + seconds(9 + n)) for n in range(2)]
    assert order(a_state(*many, *few)) == ["m0", "b0", "m1", "b1", "m2", "m3"]
    at_work = an_entry("r", Status.RUNNING, run=a_claimed_run(ident="r"), spec=a_spec("r"))
    assert order(a_state(at_work, *many, *few)) == ["b0", "m0", "b1", "m1", "m2", "m3"]


@pytest.mark.rule("1.25")
@pytest.mark.parametrize(
    ("status", "question", "goes"),
    [
        (Status.PENDING, "", False),
        (Status.RUNNING, "", False),
        (Status.ON_HOLD, "", False),
        (Status.UNREACHABLE, "", False),
        (Status.DONE, "", True),
        (Status.CANCELLED, "", True),
        (Status.FAILED, "one-1", False),
        (Status.FAILED, "", True),
    ],
)
def test_a_stage_waits_until_the_one_before_has_passed_or_a_person_has_answered(
    status: Status, question: str, goes: bool
) -> None:
    first = an_entry("one", status, question=question, run=a_claimed_run(ident="one"))
    second = an_entry("two", spec=a_spec("two", stage=2, priority=9))
    elsewhere = an_entry("three", spec=a_spec("three", stage=3, phase="pilot"))
    assert ("two" in order(a_state(first, second, elsewhere))) is goes
    assert "three" in order(a_state(first, second, elsewhere))


@pytest.mark.rule("1.25")
def test_archived_experiments_hold_no_stage_up() -> None:
    first = an_entry("one", Status.FAILED, question="one-1", archived=True)
    assert order(a_state(first, an_entry("two", spec=a_spec("two", stage=2)))) == ["two"]


def test_cores_and_memory_are_counted_where_the_host_says_how_much_it_has() -> None:
    def wants(ident: str, cpus: int, mem: int | None) -> Entry:
        return an_entry(ident, spec=a_spec(ident, resources=Resources(cpus=cpus, mem_mib=mem)))

    plan = a_plan(a_host_plan(slots=9, cpus=8, mem_mib=1000))
    state = a_state(wants("a", 6, 100), wants("b", 3, 100), wants("c", 2, 900), wants("d", 1, 901), wants("e", 1, None))
    assert list(placed(state, plan)) == ["a", "c"]
    state.entries["r"] = replace(wants("r", 7, 500), status=Status.RUNNING, run=a_claimed_run(ident="r"))
    assert list(placed(state, plan)) == ["e"]


@pytest.mark.parametrize(
    "entry",
    [
        an_entry(status=Status.ON_HOLD),
        an_entry(status=Status.DONE),
        an_entry(run=a_run()),
        an_entry(spec=a_spec(executor="external")),
        an_entry(not_before=T0 + seconds(1)),
        an_entry(decision=Remark(what="cancel", by="ana", at=T0, why="")),
        an_entry(spec=a_spec(depends_on=("ghost",))),
    ],
)
def test_what_is_parked_over_open_external_waiting_or_dependent_does_not_go(entry: Entry) -> None:
    state = a_state(entry)
    assert not is_due(state, entry, T0)
    assert order(state) == []


@pytest.mark.parametrize("status", list(Status))
def test_a_dependency_must_be_done(status: Status) -> None:
    one = an_entry("e0", status, run=an_ended_run(ident="e0"))
    two = an_entry("e1", spec=a_spec(depends_on=("e0",)))
    state = a_state(one, two)
    assert open_dependencies(state.entries, two) == ([] if status is Status.DONE else ["e0"])
    assert ("e1" in order(state)) is (status is Status.DONE)


def test_a_host_is_named_by_its_name_or_a_pattern() -> None:
    plan = a_plan(a_host_plan("gpu1"), a_host_plan("cpu1"))
    state = a_state(an_entry("a", spec=a_spec("a", host="cpu1")), an_entry("b", spec=a_spec("b", host="gpu*")))
    state.entries["c"] = an_entry("c", spec=a_spec("c", host="GPU*"))
    assert {ident: p.host for ident, p in placed(state, plan).items()} == {"a": "cpu1", "b": "gpu1"}


def test_the_host_that_failed_it_is_avoided_while_there_is_another() -> None:
    plan = a_plan(a_host_plan("h1", slots=9), a_host_plan("h2", slots=1))
    assert placed(a_state(an_entry(avoid=("h1",))), plan)["e1"].host == "h2"
    assert placed(a_state(an_entry(avoid=("h1",))), a_plan())["e1"].host == "h1"


@pytest.mark.parametrize("status", list(HostStatus))
def test_only_a_host_that_is_ready_or_unknown_gets_work(status: HostStatus) -> None:
    state = a_state(an_entry(), hosts={"h1": HostState(name="h1", status=status)})
    assert bool(placed(state, a_plan())) is (status in {HostStatus.READY, HostStatus.UNKNOWN})


def test_cards_are_given_out_once_and_gpu_0_is_one_of_them() -> None:
    plan = a_plan(a_host_plan(slots=9, gpus=("0", "1", "2")))
    state = a_state(wanting("a", 1), wanting("b", 2), wanting("c", 1), wanting("d", 0))
    found = placed(state, plan)
    assert {ident: p.gpus for ident, p in found.items()} == {"a": ("0",), "b": ("1", "2"), "d": ()}


def test_a_certain_card_is_waited_for() -> None:
    plan = a_plan(a_host_plan(slots=9, gpus=("0", "1")))
    state = a_state(wanting("a", 1, gpu=1), wanting("b", 1, gpu=1), wanting("c", 1, gpu=0))
    assert {ident: p.gpus for ident, p in placed(state, plan).items()} == {"a": ("1",), "c": ("0",)}


ENTRY = st.builds(
    lambda ident, gpus, gpu, taken, priority: (ident, gpus, gpu, taken, priority),
    st.uuids().map(lambda u: f"e{u.hex[:8]}"),
    st.integers(0, 3),
    st.sampled_from([None, 0, 1]),
    st.sampled_from([None, None, ("h1", ()), ("h1", ("0",)), ("h2", ("1",)), ("h2", ())]),
    st.integers(0, 2),
)


@pytest.mark.rule("1.69")
@given(st.lists(ENTRY, max_size=12, unique_by=lambda e: e[0]), st.integers(0, 4), st.integers(0, 4))
def test_slots_are_never_exceeded_and_no_card_is_given_twice(some: list[Any], one: int, two: int) -> None:
    entries = []
    held: set[tuple[str, str]] = set()
    for ident, gpus, gpu, taken, priority in some:
        run = None
        if taken is not None and not held & {(taken[0], card) for card in taken[1]}:
            held |= {(taken[0], card) for card in taken[1]}
            run = a_claimed_run(ident=ident, host=taken[0], gpus=taken[1])
        spec = a_spec(ident, gpu=gpu, resources=Resources(gpus=max(gpus, gpu is not None)), priority=priority)
        entries.append(an_entry(ident, Status.RUNNING if run else Status.PENDING, run=run, spec=spec))
    plan = a_plan(a_host_plan("h1", slots=one, gpus=("0", "1")), a_host_plan("h2", slots=two, gpus=("0", "1", "2")))
    state = a_state(*entries)
    new = list(place(state, plan, T0, state.entries.values()))
    given_out = [(p.host, card) for p in new for card in p.gpus]
    assert len(set(given_out)) == len(given_out)
    assert not held & set(given_out)
    for name, slots in (("h1", one), ("h2", two)):
        before = sum(e.run is not None and e.run.host == name for e in entries)
        added = sum(p.host == name for p in new)
        assert added <= max(slots - before, 0)
    for p in new:
        spec = state.entries[p.id].spec
        assert len(p.gpus) == spec.resources.gpus
        assert spec.gpu is None or str(spec.gpu) in p.gpus
    assert len({p.id for p in new}) == len(new)
