"""What is said of an address that is a secret: nothing of it."""

from __future__ import annotations

import subprocess

import pytest

from autolab.notify.notifier import PROBLEM_MAX, _problem, clean, parts_of, struck

ADDRESSES = {
    "tgram://123456789:AAtoken_of-a-bot/998877/": ["123456789", "AAtoken_of-a-bot", "998877"],
    "mailto://someone:pa%24%24word@mail.example.org?to=boss@a.org": ["pa%24%24word", "pa$$word", "someone", "boss"],
    "json://user:s3cretpw@127.0.0.1:8080/hook/tok3n?key=abcd1234": ["s3cretpw", "tok3n", "abcd1234"],
    "slack://TokenAAA/TokenBBB/TokenCCC/#room": ["TokenAAA", "TokenBBB", "TokenCCC"],
}


@pytest.mark.rule("B49")
@pytest.mark.parametrize("url", ADDRESSES)
def test_no_part_of_an_address_stays_in_a_complaint(url: str) -> None:
    secrets = ADDRESSES[url]
    complaint = f"could not post to {url} ({' '.join(secrets)}): https://api.example.org/bot{secrets[0]}/send said no"
    said = struck(complaint, parts_of(url))
    assert [secret for secret in secrets if secret in said] == []
    assert "could not post" in said


def test_a_complaint_is_one_line_and_not_long() -> None:
    said = struck("first\n\x1b[31msecond\n" + "x" * 10_000, [])
    assert "\n" not in said
    assert len(said) == PROBLEM_MAX


def test_a_long_secret_is_struck_before_one_that_it_contains() -> None:
    assert clean("tokenABC and token", ["token", "tokenABC"]) == "*** and ***"


@pytest.mark.parametrize(
    ("printed", "problem"),
    [
        (b'{"sent": true, "problem": ""}\n', ""),
        (b'a library prints\n{"sent": false, "problem": "error=500"}\n', "error=500"),
        (b'{"sent": 1, "problem": ""}\n', "it was not sent"),
        (b"", "the sender ended with status 1 and said nothing"),
        (b"Traceback: ...\n", "the sender ended with status 1 and said nothing"),
    ],
)
def test_only_its_own_last_word_says_that_a_message_was_sent(printed: bytes, problem: str) -> None:
    assert _problem(subprocess.CompletedProcess([], 1, printed, b"")) == problem
