"""Which cards are free, which experiment gets them, when hosts are asked, and what a job is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.card import Card, CardReport, CardUser, GivenCard, Reservation
from autolab.model.event import FenceAsked, HostChanged, PeakSeen
from autolab.model.plan import CardRules, LabPlan
from autolab.model.state import DispatchState, Entry, HostStatus, Layer, Resources, Status
from autolab.rules.cards import kept_from, noted, notes_of, peaks, refusal, to_ask, visible
from autolab.rules.dispatch import Placement, place
from tests.builders import (
    LAB,
    T0,
    Table,
    a_claimed_run,
    a_host_plan,
    a_plan,
    a_sighting,
    a_spec,
    a_state,
    an_ended_run,
    an_entry,
    seconds,
)

RULES = CardRules()


def a_card(index: str = "0", **more: Any) -> Card:
    base: dict[str, Any] = {"model": "NVIDIA H100", "memory_mib": 80_000, "used_mib": 4, "utilization": 0}
    return Card(index, f"GPU-{index}", **{**base, "uuid": f"GPU-{index}", **more})


def saying(*cards: Card, at: float = -1, **more: Any) -> CardReport:
    return CardReport("nvidia-smi", cards, at=T0 + seconds(at), **more)


def a_plan_with(*hosts: str, rules: CardRules = RULES, **more: Any) -> LabPlan:
    made = [a_host_plan(name, **{"slots": 9, "gpus": None, "probe": "auto", **more}) for name in hosts or ("h1",)]
    return replace(a_plan(*made), cards=rules)


def wanting(ident: str, gpus: int = 1, mem: int | None = None, share: int | None = None, **spec: Any) -> Entry:
    resources = Resources(gpus=gpus, gpu_mem_mib=mem, gpu_share=share)
    return an_entry(ident, spec=a_spec(ident, resources=resources, **spec))


def on(ident: str, *cards: GivenCard, mem: int | None = None, **run: Any) -> Entry:
    """An experiment at work on cards."""
    at_work = a_claimed_run(ident=ident, gpus=tuple(card.index for card in cards), cards=cards, **run)
    return replace(wanting(ident, len(cards), mem), status=Status.RUNNING, run=at_work)


def placed(state: DispatchState, plan: LabPlan, **reports: CardReport) -> dict[str, Placement]:
    return {p.id: p for p in place(state, plan, T0, state.entries.values(), reports)}


def gpus(found: dict[str, Placement]) -> dict[str, tuple[str, ...]]:
    return {ident: one.gpus for ident, one in found.items()}


@pytest.mark.rule("1.15")
@pytest.mark.parametrize(
    ("card", "why"),
    [
        (a_card(), ""),
        (a_card(utilization=19.9, used_mib=23_999), ""),
        (a_card(utilization=20), "busy: 20 % or more"),
        (a_card(used_mib=24_000), "memory in use: 30 % or more"),
        (a_card(utilization=None), ""),
        (a_card(memory_mib=None, used_mib=None), ""),
        (a_card(problem="the driver lost it"), "the driver lost it"),
        (a_card(users=(CardUser(4711, "ana"),)), "in use by pid 4711 of ana"),
        (a_card(users=(CardUser(4711),)), "in use by pid 4711 of an unknown user"),
        (a_card(users=(CardUser(1, "me", 9, "ours"),), utilization=99, used_mib=70_000), ""),
        (a_card(users=(CardUser(1, "me", 9, "ours"), CardUser(2, "eve"))), "in use by pid 2 of eve"),
        (a_card(reserved=(Reservation("bob", "feedbeef", "x9"),)), "reserved by x9 of user bob (lab feedbeef)"),
        (a_card(reserved=(Reservation("me", LAB[:8], "x9"),)), ""),
        (a_card("7"), "not given out: gpu_avoid names its index"),
        (a_card("7:1"), "not given out: gpu_avoid names its index"),
        (a_card(model="NVIDIA RTX A6000"), "not given out: gpu_avoid names RTX A6000"),
        (a_card(model="Quadro RTX 6000"), "not given out: gpu_avoid names quadro"),
    ],
)
def test_a_card_is_free_by_its_numbers_its_processes_its_reservations_and_the_lists(card: Card, why: str) -> None:
    plan = a_host_plan(avoid=("7", "quadro"))
    rules = replace(RULES, avoid=("RTX A6000",))
    assert kept_from(card, plan, rules, frozenset({"ours"}), LAB[:8]) == why


@pytest.mark.rule("1.21")
def test_free_cards_go_in_order_and_one_named_by_the_design_is_waited_for() -> None:
    report = saying(a_card("0", utilization=90), a_card("1"), a_card("2"))
    state = a_state(wanting("a"), wanting("b", gpu=0), wanting("c", gpu=2), wanting("d"), wanting("e", gpu="GPU-2"))
    assert gpus(placed(state, a_plan_with(), h1=report)) == {"a": ("1",), "c": ("2",)}
    (one,) = placed(a_state(wanting("e", gpu="GPU-2")), a_plan_with(), h1=report).values()
    assert (one.cards, one.probe) == ((GivenCard("2", "GPU-2", "GPU-2"),), "nvidia-smi")


@pytest.mark.rule("B51")
def test_what_an_open_attempt_holds_is_not_free_whatever_the_tool_says() -> None:
    state = a_state(on("r", GivenCard("0", "GPU-0", "GPU-0")), wanting("a"), wanting("b"))
    assert gpus(placed(state, a_plan_with(), h1=saying(a_card("0"), a_card("1")))) == {"a": ("1",)}


def test_nothing_is_placed_on_what_is_not_known_or_was_said_long_ago() -> None:
    state = a_state(wanting("a"))
    assert placed(state, a_plan_with()) == {}
    assert placed(state, a_plan_with(), h1=CardReport("nvidia-smi", (), "broken driver", T0)) == {}
    assert placed(state, a_plan_with(), h1=saying(a_card(), at=-61)) == {}
    assert gpus(placed(state, a_plan_with(), h1=saying(a_card(), at=-59))) == {"a": ("0",)}


def test_what_was_said_while_ours_ran_there_says_nothing_of_a_card_that_was_let_go() -> None:
    ended = replace(an_ended_run(ident="r"), gpus=("0",))
    assert ended.end is not None
    over = an_entry("r", Status.DONE, run=replace(ended, end=replace(ended.end, at=T0)))
    state = a_state(over, wanting("a"))
    assert gpus(placed(state, a_plan_with(), h1=saying(a_card("0"), a_card("1"), at=0))) == {"a": ("1",)}
    assert gpus(placed(state, a_plan_with(), h1=saying(a_card("0"), at=0.1))) == {"a": ("0",)}


def test_the_settings_say_which_cards_and_a_host_without_a_tool_has_those_that_are_named() -> None:
    state = a_state(wanting("a"))
    report = saying(a_card("0"), a_card("1"), a_card("2:0"))
    assert gpus(placed(state, a_plan_with(gpus=("1",)), h1=report)) == {"a": ("1",)}
    assert gpus(placed(state, a_plan_with(gpus=("2",)), h1=report)) == {"a": ("2:0",)}
    nothing = CardReport(at=T0)
    assert gpus(placed(state, a_plan_with(gpus=("1",)), h1=nothing)) == {"a": ("1",)}
    assert placed(state, a_plan_with(), h1=nothing) == {}
    assert gpus(placed(state, a_plan_with(gpus=("1",), probe="none"))) == {"a": ("1",)}


@pytest.mark.rule("1.15")
def test_free_memory_must_be_well_over_the_estimate() -> None:
    plan, report = a_plan_with(), saying(a_card(used_mib=8_000))
    assert gpus(placed(a_state(wanting("a", mem=60_000)), plan, h1=report)) == {"a": ("0",)}
    assert placed(a_state(wanting("a", mem=60_001)), plan, h1=report) == {}
    assert placed(a_state(wanting("a", extra={"estimated_vram_mb": 60_001})), plan, h1=report) == {}


@pytest.mark.rule("1.15")
@pytest.mark.parametrize(("peak", "used", "fits"), [(79_000, 4, True), (79_000, 1_001, False), (81_000, 4, False)])
def test_what_a_card_has_carried_is_not_refused_for_a_margin_that_no_such_card_has(
    peak: int, used: int, fits: bool
) -> None:
    over = replace(on("r", GivenCard("5"), peak_mib=peak), status=Status.DONE)
    found = placed(a_state(over, wanting("a")), a_plan_with(), h1=saying(a_card(used_mib=used)))
    assert gpus(found) == ({"a": ("0",)} if fits else {})


@pytest.mark.rule("1.16")
def test_an_estimate_comes_with_what_it_rests_on() -> None:
    rules = replace(RULES, estimate="1000 + 2.5 * batch_size")
    peak = replace(on("r", GivenCard("5"), peak_mib=7_000), status=Status.DONE)
    plan, report = a_plan_with(rules=rules), saying(*(a_card(str(n)) for n in range(5)))
    state = a_state(
        peak,
        wanting("designed", mem=5_000),
        wanting("measured"),
        wanting("by-formula", method="other", command="python t.py --batch-size 400"),
        wanting("by-key", method="other", command="t", extra={"batch_size": 40}),
        wanting("unknown", method="other", command="t"),
    )
    assert {i: (p.need.mib, p.need.basis) for i, p in placed(state, plan, h1=report).items()} == {
        "designed": (5_000, "as designed"),
        "measured": (7_000, "peak of r, of the same method and data set"),
        "by-formula": (2_000, "formula 1000 + 2.5 * batch_size"),
        "by-key": (1_100, "formula 1000 + 2.5 * batch_size"),
        "unknown": (None, ""),
    }


@pytest.mark.rule("1.15")
def test_they_are_spread_over_the_machines() -> None:
    plan = a_plan_with("h1", "h2")
    state = a_state(*(wanting(f"e{n}") for n in range(4)))
    found = placed(state, plan, h1=saying(a_card("0"), a_card("1")), h2=saying(a_card("0"), a_card("1")))
    assert sorted((p.host, p.gpus[0]) for p in found.values()) == [("h1", "0"), ("h1", "1"), ("h2", "0"), ("h2", "1")]
    assert {found["e0"].host, found["e1"].host} == {"h1", "h2"}


def shared(ident: str, mib: int, ago: float = 100, **more: Any) -> Entry:
    given_card = GivenCard("0", "GPU-0", "GPU-0", mib)
    return on(ident, given_card, mem=mib, started_at=T0 - seconds(ago), intended_at=T0 - seconds(ago), **more)


def test_several_share_a_card_only_where_the_user_allows_it_and_each_says_what_it_needs() -> None:
    report = saying(a_card())
    both = a_state(shared("r", 30_000), wanting("a", mem=30_000))
    assert placed(both, a_plan_with(), h1=report) == {}
    (one,) = placed(both, a_plan_with(share=2), h1=report).values()
    assert one.cards == (GivenCard("0", "GPU-0", "GPU-0", 30_000),)
    assert placed(a_state(shared("r", 30_000), wanting("a")), a_plan_with(share=2), h1=report) == {}
    assert (
        placed(a_state(shared("r", 30_000), wanting("a", mem=30_000, share=1)), a_plan_with(share=2), h1=report) == {}
    )
    assert placed(a_state(shared("r", 30_000), wanting("a", mem=40_000)), a_plan_with(share=2), h1=report) == {}
    assert placed(a_state(shared("r", 30_000, ago=59), wanting("a", mem=9)), a_plan_with(share=2), h1=report) == {}
    third = a_state(shared("r", 9), shared("q", 9), wanting("a", mem=9))
    assert placed(third, a_plan_with(share=2), h1=report) == {}
    assert len(placed(third, a_plan_with(share=3), h1=report)) == 1
    whole = a_state(on("r", GivenCard("0", "GPU-0", "GPU-0")), wanting("a", mem=9, share=4))
    assert placed(whole, a_plan_with(share=4), h1=report) == {}


def test_an_empty_card_is_taken_before_one_is_shared() -> None:
    state = a_state(shared("r", 9), wanting("a", mem=9))
    assert gpus(placed(state, a_plan_with(share=2), h1=saying(a_card("0"), a_card("1")))) == {"a": ("1",)}


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([None, 100, 30_000, 50_000]), st.integers(1, 4)), max_size=10
    ),
    st.lists(st.sampled_from(["free", "busy", "stranger", "broken"]), min_size=1, max_size=4),
    st.integers(1, 4),
)
def test_no_card_is_ever_given_to_two_that_do_not_share_it_and_never_beyond_its_memory(
    wishes: list[tuple[int, int | None, int]], kinds: list[str], share: int
) -> None:
    forms: dict[str, dict[str, Any]] = {
        "free": {}, "busy": {"utilization": 50}, "stranger": {"users": (CardUser(1),)}, "broken": {"problem": "x"},
    }  # fmt: skip
    report = saying(*(a_card(str(n), **forms[kind]) for n, kind in enumerate(kinds)))
    entries = [wanting(f"e{n}", count, mem, most) for n, (count, mem, most) in enumerate(wishes)]
    state = a_state(*entries)
    held: dict[str, list[GivenCard]] = {}
    for one in placed(state, a_plan_with(share=share), h1=report).values():
        assert len(one.cards) == state.entries[one.id].spec.resources.gpus
        for card in one.cards:
            held.setdefault(card.index, []).append(card)
    for index, cards in held.items():
        assert kinds[int(index)] == "free"
        assert len(cards) == 1 or (None not in [card.mib for card in cards] and sum(c.mib or 0 for c in cards) < 80_000)


# --- asking ----------------------------------------------------------------------------------------------------------


def asking(state: DispatchState, **asked: float) -> tuple[list[str], float | None]:
    hungry = [e for e in state.entries.values() if e.status is Status.PENDING]
    found = to_ask(state, a_plan_with("h1", "h2"), {n: T0 + seconds(s) for n, s in asked.items()}, hungry, T0)
    return sorted(found.now), None if found.next_at is None else (found.next_at - T0).total_seconds()


def test_hosts_are_asked_while_something_waits_or_runs_on_a_card_and_not_too_often() -> None:
    idle, at_work = a_state(), a_state(on("r", GivenCard("0"), host="h1"))
    waiting = a_state(wanting("a"))
    assert asking(idle) == ([], None)
    assert asking(waiting) == (["h1", "h2"], None)
    assert asking(waiting, h1=-10, h2=-40) == (["h2"], 20)
    assert asking(at_work) == (["h1"], None)
    assert asking(at_work, h1=-40) == ([], 80)
    assert asking(at_work, h1=-121) == (["h1"], None)


def test_a_host_where_a_card_was_let_go_is_asked_at_once() -> None:
    ended = replace(an_ended_run(ident="r"), gpus=("0",))
    assert ended.end is not None
    over = an_entry("r", Status.DONE, run=replace(ended, end=replace(ended.end, at=T0)))
    assert asking(a_state(over, wanting("a")), h1=-1, h2=-1) == (["h1"], 29)


def test_hosts_that_have_no_cards_or_are_not_to_be_asked_are_left_alone() -> None:
    for host in (a_host_plan(gpus=()), a_host_plan(gpus=None, probe="none")):
        assert to_ask(a_state(wanting("a")), a_plan(host), {}, [wanting("a")], T0).now == frozenset()


def test_what_hosts_say_is_noted_once_and_told_in_words() -> None:
    state, plan = a_state(), a_plan_with()

    def told(report: CardReport) -> list[str]:
        events = list(noted(state, {"h1": report, "gone": report}, plan, T0))
        for event in events:
            assert isinstance(event, HostChanged)
            state.hosts[event.host.name] = event.host
        return [event.why for event in events]

    assert told(saying(a_card("0"), a_card("1"))) == ["h1: lists 2 GPUs"]
    assert told(saying(a_card("0"), a_card("1", used_mib=99), at=0)) == []
    stranger = a_card("1", users=(CardUser(7, "eve"),))
    assert told(saying(a_card("0"), stranger)) == ["h1: GPU 1 in use by pid 7 of eve"]
    assert told(saying(a_card("0"), a_card("1"))) == ["h1: GPU 1 is free"]
    assert told(CardReport("nvidia-smi", (), "nvidia-smi: no answer", T0)) == ["h1: nvidia-smi: no answer"]
    assert told(CardReport(at=T0)) == ["h1: no tool there tells of GPUs"]
    assert state.hosts["h1"].status is HostStatus.UNKNOWN


def test_what_has_ended_since_its_host_was_asked_is_no_stranger() -> None:
    run = replace(an_ended_run(ident="r"), host="h1")
    assert run.end is not None
    state = a_state(an_entry("r", Status.DONE, run=replace(run, end=replace(run.end, at=T0))))
    card = a_card("0", users=(CardUser(7, "me", None, run.token),))
    for asked_at, said in ((-1, "lists 1 GPU"), (1, "GPU 0 in use by pid 7 of me")):
        (told,) = noted(state, {"h1": saying(card, at=asked_at)}, a_plan_with(), T0)
        assert isinstance(told, HostChanged)
        assert told.why == f"h1: {said}"
        state.hosts["h1"] = told.host


def test_notes_keep_what_status_needs() -> None:
    notes = notes_of(saying(a_card("0"), a_card("1", utilization=50)), a_host_plan(gpus=None, probe="auto"), RULES,
                     frozenset(), LAB[:8])  # fmt: skip
    assert [(one.index, one.memory_mib, one.why) for one in notes.cards] == [
        ("0", 80_000, ""), ("1", 80_000, "busy: 20 % or more"),
    ]  # fmt: skip


# --- what a job is told, what it takes, what it refused --------------------------------------------------------------

CARDS = (GivenCard("0", "GPU-a", "GPU-a"), GivenCard("3", "GPU-b", "GPU-b"))


@pytest.mark.rule("B51")
@pytest.mark.parametrize(
    ("cards", "probe", "variables"),
    [
        (CARDS, "nvidia-smi", {"CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}),
        (
            (GivenCard("0:1", "0/3/0", "MIG-x"),),
            "nvidia-smi",
            {"CUDA_VISIBLE_DEVICES": "MIG-x", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
        ),
        (
            CARDS,
            "amd-smi",
            {"ROCR_VISIBLE_DEVICES": "GPU-a,GPU-b", "HIP_VISIBLE_DEVICES": "0,1", "CUDA_VISIBLE_DEVICES": "0,1"},
        ),
        (
            (GivenCard("2", "amd-2"),),
            "amd-smi",
            {"ROCR_VISIBLE_DEVICES": "2", "HIP_VISIBLE_DEVICES": "0", "CUDA_VISIBLE_DEVICES": "0"},
        ),
        (CARDS, "mx-smi", {"MACA_VISIBLE_DEVICES": "0,3", "CUDA_VISIBLE_DEVICES": "0,3"}),
        ((GivenCard("0", "gpu-0"),), "", {"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}),
    ],
)
def test_a_job_is_told_its_cards_as_their_vendor_wants_it(
    cards: tuple[GivenCard, ...], probe: str, variables: dict[str, str]
) -> None:
    assert visible(tuple(card.index for card in cards), cards, probe) == variables


def test_the_most_memory_an_attempt_was_seen_to_take_is_kept() -> None:
    given_card = GivenCard("0", "GPU-0", "GPU-0")
    state = a_state(on("r", given_card, started_at=T0 - seconds(50)))
    token = state.entries["r"].run.token  # type: ignore[union-attr]

    def seen(report: CardReport) -> list[int]:
        found = [event.mib for event in peaks(state, {"h1": report}, T0) if isinstance(event, PeakSeen)]
        if found and (run := state.entries["r"].run) is not None:
            state.entries["r"] = replace(state.entries["r"], run=replace(run, peak_mib=found[-1]))
        return found

    ours = CardUser(1, "me", 5_000, token)
    assert seen(saying(a_card(users=(ours, CardUser(2, "me", 1_000, token))))) == [6_000]
    assert seen(saying(a_card(users=(ours,)))) == []
    assert seen(saying(a_card(users=(replace(ours, mib=6_200),)))) == []
    assert seen(saying(a_card(users=(replace(ours, mib=None),), used_mib=9_000))) == [9_000]
    assert seen(saying(a_card(users=(replace(ours, mib=None), CardUser(9, "eve")), used_mib=20_000))) == []
    assert seen(saying(a_card(users=(replace(ours, mib=30_000),)), at=-51)) == []


@pytest.mark.rule("1.15")
def test_a_card_that_was_taken_meanwhile_costs_nobody_anything() -> None:
    waits = wanting("e1")
    lab = Table(waits, plan=a_plan_with(gpus=("0", "1"), probe="none"))
    lab.tick()
    lab.after(1)
    lab.look(a_sighting())
    lab.after(1)
    lab.look(a_sighting(refusals=1, reason="card GPU-0 is in use: pid 7 of user eve"))
    assert refusal(lab.state.entries["e1"]).startswith("card GPU-0")
    assert any(isinstance(event, FenceAsked) for event in lab.made)
    lab.look(a_sighting(fenced=True, refusals=1, reason="card GPU-0 is in use: pid 7 of user eve"))
    entry = lab.state.entries["e1"]
    assert (entry.status, entry.kind, entry.retry_count) == (Status.PENDING, "card_taken", 0)
    assert lab.state.hosts["h1"].failures == ()
    assert lab.state.questions == {}


def test_another_refusal_is_none_because_of_a_card() -> None:
    lab = Table(wanting("e1"), plan=a_plan_with(gpus=("0", "1"), probe="none"))
    lab.tick()
    lab.look(a_sighting(refusals=1, reason="the snapshot of the code is not there"))
    assert refusal(lab.state.entries["e1"]) == ""
    assert not any(isinstance(event, FenceAsked) for event in lab.made)


def test_what_an_external_executor_says_it_runs_on_is_left_to_it() -> None:
    layers = {"agent": Layer(1, "d", {"host": "h1", "gpu": 0})}
    theirs = an_entry("x", Status.RUNNING, spec=a_spec("x", executor="external"), layers=layers)
    state = a_state(theirs, wanting("a"))
    assert gpus(placed(state, a_plan_with(), h1=saying(a_card("0"), a_card("1")))) == {"a": ("1",)}
