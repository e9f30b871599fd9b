"""Ends of logs as programs in the wild print them: each has one right kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autolab.errors import InvalidSettings
from autolab.model.failure import Remedy
from autolab.model.state import End, EndHow
from autolab.rules.diagnosis import diagnose
from autolab.store.yaml_files import load_yaml
from tests.builders import T0, TABLE

CORPUS = Path(__file__).parents[2] / "data" / "failures"


def tails(name: str) -> list[dict[str, Any]]:
    return list(load_yaml(CORPUS / name, InvalidSettings).value["tails"])


def kind_of(tail: dict[str, Any]) -> str:
    found = diagnose(End(how=EndHow.EXIT, at=T0, status=tail.get("status", 1)), tail["log"], "none", TABLE)
    assert found is not None
    return found.kind.name


KNOWN = tails("known.yaml")


@pytest.mark.rule("0.17", "B36")
@pytest.mark.parametrize("tail", KNOWN, ids=[f"{n}-{tail['kind']}" for n, tail in enumerate(KNOWN)])
def test_a_public_form_has_its_kind(tail: dict[str, Any]) -> None:
    assert kind_of(tail) == tail["kind"], tail["source"]


def test_the_page_tells_the_score_on_what_was_collected_later_and_none_of_it_is_acted_upon_wrongly() -> None:
    later = tails("later.yaml")
    got = {tail["source"]: kind_of(tail) for tail in later}
    wrong = [tail for tail in later if got[tail["source"]] != tail["kind"]]
    page = " ".join((CORPUS.parents[2] / "docs" / "failures.md").read_text("utf-8").split())
    negatives = sum(tail["kind"] == "undiagnosed" for tail in KNOWN)
    assert len(later) == 15
    assert f"holds {len(KNOWN)} ends of logs in public forms, {negatives} of them negatives" in page
    assert f"**{len(later) - len(wrong)} of 15** get their right kind" in page
    assert f"all {len(wrong)} are asked about" in page
    asking = {kind.name for kind in TABLE if kind.remedy is Remedy.ASK} | {"undiagnosed"}
    assert {got[tail["source"]] for tail in wrong} <= asking


def test_the_corpus_is_large_enough_and_names_its_sources() -> None:
    assert len(KNOWN) >= 60
    assert sum(tail["kind"] == "undiagnosed" for tail in KNOWN) >= 20
    assert all(tail["source"] for tail in KNOWN)
