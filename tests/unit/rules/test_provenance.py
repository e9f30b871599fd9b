"""Which code may be launched, and from where the next attempt goes on."""

from __future__ import annotations

import pytest

from autolab.model.origin import Origin
from autolab.model.settings import CodeSettings
from autolab.model.state import Entry
from autolab.rules.provenance import command_of_next, refusal
from tests.builders import a_claimed_run, a_run, a_spec, an_entry

CLEAN, CHANGED = Origin("c" * 40, "c" * 40, True), Origin("d" * 40, "c" * 40, False)


@pytest.mark.rule("1.70")
@pytest.mark.parametrize(
    ("origin", "given", "why"),
    [
        (CHANGED, {}, ""),
        (Origin(), {}, ""),
        (CLEAN, {"unclean": "refuse", "unpushed": "refuse"}, ""),
        (CHANGED, {"unclean": "refuse"}, "the code differs from cccccccccc"),
        (Origin(), {"unclean": "refuse"}, "nothing is committed"),
        (Origin("c", "c", False), {"unpushed": "refuse"}, "no remote's branch holds c"),
        (Origin("c", "c", None), {"unpushed": "refuse"}, "there is no remote"),
        (Origin(), {"unpushed": "refuse"}, "there is no remote"),
    ],
)
def test_code_is_refused_by_policy_with_what_to_do(origin: Origin, given: dict[str, str], why: str) -> None:
    said = refusal(origin, CodeSettings.model_validate(given))
    assert said.startswith(why)
    assert bool(said) == bool(why)


def followed_up(**more: str) -> Entry:
    run = a_claimed_run(host="h1", code="code-1")
    return an_entry(run=run, spec=a_spec(command="train", resume="--resume"), tried=("train",), **more)


@pytest.mark.rule("1.70")
def test_the_next_attempt_goes_on_from_the_checkpoints_of_the_same_code_on_the_same_host() -> None:
    entry = followed_up()
    assert command_of_next(entry, "h1", "code-1") == "train --resume"
    assert command_of_next(entry, "h1", "code-2") == "train"
    assert command_of_next(entry, "h2", "code-1") == "train"


@pytest.mark.rule("1.70")
def test_what_a_remedy_made_of_a_resumed_command_is_resumed_once_or_not_at_all() -> None:
    entry = followed_up(command="train -b 4 --resume")
    assert command_of_next(entry, "h1", "code-1") == "train -b 4 --resume"
    assert command_of_next(entry, "h2", "code-1") == "train -b 4"


@pytest.mark.rule("1.70")
def test_a_first_attempt_one_that_never_ran_and_a_persons_retry_begin_anew() -> None:
    spec = a_spec(command="train", resume="--resume")
    assert command_of_next(an_entry(spec=spec), "h1", "code-1") == "train"
    never_ran = an_entry(run=a_run(host="h1", code="code-1"), spec=spec, tried=("train",))
    assert command_of_next(never_ran, "h1", "code-1") == "train"
    assert command_of_next(an_entry(run=a_claimed_run(host="h1", code="code-1"), spec=spec), "h1", "code-1") == "train"
