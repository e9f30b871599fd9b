from __future__ import annotations

import pytest

from autolab.api.asking import refusal, wish_id
from autolab.errors import AutolabError, IllegalTransition, InvalidSpec, NeedsPerson, Refused, UnknownName
from autolab.model.wish import Ask


@pytest.mark.parametrize(
    ("outcome", "kind", "message", "hint"),
    [
        ("refused: illegal-transition: x is done already (autolab retry x runs it again)", IllegalTransition,
         "x is done already", "autolab retry x runs it again"),
        ("refused: unknown-name: no experiment named 'x'", UnknownName, "no experiment named 'x'", ""),
        ("refused: invalid-spec: a: b: c (why)", InvalidSpec, "a: b: c", "why"),
        ("refused: needs-person: x: attempt 1 on h is not closed (lost) (cancel it)", NeedsPerson,
         "x: attempt 1 on h is not closed (lost)", "cancel it"),
        ("refused: something-newer: no", Refused, "no", ""),
    ],
)  # fmt: skip
def test_a_refused_wish_becomes_the_error_it_was(
    outcome: str, kind: type[AutolabError], message: str, hint: str
) -> None:
    error = refusal(outcome)
    assert (type(error), error.message, error.hint) == (kind, message, hint)


def test_a_key_makes_the_same_id_for_the_same_thing_asked() -> None:
    assert wish_id(Ask.CANCEL, "k") == wish_id(Ask.CANCEL, "k")
    assert len({wish_id(Ask.CANCEL, "k"), wish_id(Ask.HOLD, "k"), wish_id(Ask.CANCEL), wish_id(Ask.CANCEL)}) == 4
