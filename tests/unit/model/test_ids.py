"""Names that may meet a path, a host or a page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.errors import InvalidSpec
from autolab.model.ids import ID_MAX, check_id, is_host, is_id, lab8, spec_hash, token


@pytest.mark.parametrize("text", ["a", "0", "lr-3e-4_digits_main_s0", "A.b-c_d", "x" * ID_MAX])
def test_a_plain_name_is_an_id(text: str) -> None:
    assert check_id(text) == text


@pytest.mark.parametrize(
    "text",
    ["", ".a", "-a", "_a", "a..b", "a/b", "a b", "a\n", "a\0", "é", "a$b", "x" * (ID_MAX + 1), "../x", "ａ"],
)
def test_what_could_climb_quote_or_hide_is_no_id(text: str) -> None:
    assert not is_id(text)
    with pytest.raises(InvalidSpec) as refused:
        check_id(text)
    assert refused.value.hint


@pytest.mark.parametrize("text", ["lab", "State", "ALL", "last", "journal", "inbox"])
def test_a_word_that_commands_use_is_no_id_in_any_case(text: str) -> None:
    assert not is_id(text)
    with pytest.raises(InvalidSpec, match="reserved"):
        check_id(text)


@given(st.text(max_size=200))
def test_whatever_is_an_id_is_one_harmless_path_part(text: str) -> None:
    if is_id(text):
        assert text.isascii()
        assert not set(text) & set("/\\ \0\n'\"$`*?[]{}()<>|;&!~#%")
        assert text not in {".", ".."}
        assert not text.startswith(("-", "."))


def test_a_host_has_a_plain_name() -> None:
    assert is_host("gpu1.example-lab")
    assert not any(map(is_host, ["", "-gpu", "a/b", "a..b", "x" * 65, "(git)", "a b"]))


def test_an_attempt_has_one_token_for_ever_and_no_other_attempt_has_it() -> None:
    assert token("lab", "e1", 1) == token("lab", "e1", 1)
    names = {token(lab, ident, n) for lab in ("a", "b") for ident in ("e1", "e11", "e1\x001") for n in (1, 11, 111)}
    assert len(names) == 18
    assert all(name.startswith("al") and len(name) == 14 and name.isalnum() and name.islower() for name in names)


def test_the_spec_hash_changes_with_every_part() -> None:
    assert spec_hash("a", {"b": 1}) == spec_hash("a", {"b": 1})
    assert len({spec_hash("a", "b"), spec_hash("b", "a"), spec_hash("ab"), spec_hash("a", {"b": 1})}) == 4
    assert lab8("0123456789") == "01234567"
