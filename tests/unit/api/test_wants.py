"""What an experiment waits for beside a slot, in one line."""

from __future__ import annotations

from typing import Any

import pytest

from autolab.api.queue import Queue, slots_used


def an_entry(ident: str, status: str = "pending", **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"substatus": "", "host": None, "gpu": None, "phase": "pilot", "stage": 1, "resources": {}}
    return {"id": ident, "status": status, **base, **more}


def a_host(name: str = "h1", **more: Any) -> dict[str, Any]:
    return {"name": name, "status": "ready", "slots": 9, "cpus": None, "mem_mib": None, "gpus": None, **more}


def a_card(index: str, why: str = "") -> dict[str, Any]:
    return {"index": index, "model": "H100", "memory_mib": 80_000, "why": why}


def why(*entries: dict[str, Any], hosts: tuple[dict[str, Any], ...] = (a_host(),)) -> str:
    """Of the first one."""
    return Queue(list(entries), hosts, slots_used(entries), "2026-11-20T10:00:00Z").why(entries[0])


@pytest.mark.rule("1.25")
def test_a_stage_that_must_pass_first_is_named_with_the_question_that_holds_it() -> None:
    later = an_entry("b", stage=2)
    assert why(later, an_entry("a", "running")) == "waits for stage 1: a is running"
    failed = an_entry("a", "failed", question="a-1")
    assert why(later, failed) == "waits for stage 1: a is failed: autolab decide a-1 answers it"
    for passed in (an_entry("a", "done"), an_entry("a", "failed"), an_entry("a", "on_hold", archived=True)):
        assert why(later, passed) == "starts with the next tick"
    assert why(later, an_entry("a", "running", phase="main")) == "starts with the next tick"


def test_cores_and_memory_are_said_where_every_host_counts_them() -> None:
    at_work = an_entry("r", "running", host="h1", resources={"cpus": 6, "mem_mib": 900})
    host = a_host(cpus=8, mem_mib=1000)
    assert why(an_entry("a", resources={"cpus": 3}), at_work, hosts=(host,)) == "3 cores wanted: h1 has 2 free"
    wants = an_entry("a", resources={"cpus": 1, "mem_mib": 200})
    assert why(wants, at_work, hosts=(host,)) == "200 MiB of memory wanted: h1 has 100 free"
    assert why(wants, at_work, hosts=(host, a_host("h2"))) == "starts with the next tick"


@pytest.mark.rule("1.15", "1.69")
def test_gpus_are_said_card_by_card() -> None:
    wants = an_entry("a", resources={"gpus": 1})
    held = an_entry("r", "running", host="h1", gpu=0)
    host = a_host(gpus=[a_card("0"), a_card("1", "in use by pid 7 of eve")])
    assert why(wants, held, hosts=(host,)) == ("1 GPU wanted: h1: 0 of 2 free, GPU 1 in use by pid 7 of eve")
    assert why(wants, hosts=(host,)) == "starts with the next tick"
    assert why(wants) == "1 GPU wanted: h1: not asked yet"
    broken = a_host("h2", gpus=[], gpus_problem="nvidia-smi: no driver")
    assert why(an_entry("a", resources={"gpus": 2}), hosts=(broken, a_host("h3", gpus=[]))) == (
        "2 GPUs wanted: h2: nvidia-smi: no driver; h3: 0 of 0 free"
    )
    third = an_entry("a", gpu=1, resources={"gpus": 1})
    assert why(third, hosts=(host,)) == "1 GPU wanted: h1: GPU 1 in use by pid 7 of eve"
    large = an_entry("a", resources={"gpus": 1, "gpu_mem_mib": 90_000})
    assert why(large, hosts=(host,)) == "waits until a GPU of h1 has well over 90000 MiB free"
    many = a_host(gpus=[a_card(str(n), "busy: 20 % or more") for n in range(8)])
    assert why(wants, hosts=(many,)).endswith("GPU 1 busy: 20 % or more, and 6 more")
