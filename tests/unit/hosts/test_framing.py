"""The frame is found in a stream however it is cut into pieces."""

from __future__ import annotations

import itertools
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.errors import UnreadableReply
from autolab.hosts.framing import Frame

NONCE = "0" * 32
BEGIN = f"\nBEGIN-{NONCE}\n".encode()
END = f"\nEND-{NONCE} ".encode()
ALMOST = st.lists(st.sampled_from([b"\n", b"END-", b"BEGIN-", NONCE[:31].encode(), END[:-1], b"x", b"\0\xff"])).map(
    b"".join
)


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(stream) + 1) for cut in cuts} | {0, len(stream)})
    return [stream[a:b] for a, b in itertools.pairwise(places)]


@given(noise=ALMOST, body=ALMOST, status=st.integers(0, 255), cuts=st.lists(st.integers(0, 10_000)))
def test_noise_body_and_status_are_told_apart_wherever_the_stream_is_cut(
    noise: bytes, body: bytes, status: int, cuts: list[int]
) -> None:
    frame = Frame(NONCE, 10**6)
    for piece in pieces(noise + BEGIN + body + END + b"%d\n" % status + b"what a child says later", cuts):
        frame.feed(piece)
    reply = frame.reply()
    assert (reply.noise, reply.out, reply.status) == (noise[:4096], body, status)


@given(body=ALMOST, cuts=st.lists(st.integers(0, 10_000)))
def test_a_streamed_body_holds_no_byte_of_the_frame(body: bytes, cuts: list[int]) -> None:
    into = BytesIO()
    frame = Frame(NONCE, 10**6, into)
    for piece in pieces(BEGIN + body + END + b"0\n", cuts):
        frame.feed(piece)
    assert (into.getvalue(), frame.reply().out) == (body, b"")


def test_without_the_last_byte_of_the_frame_there_is_no_answer() -> None:
    frame = Frame(NONCE, 100)
    frame.feed(BEGIN + b"body" + END + b"0")
    assert frame.status is None


def test_a_body_of_exactly_the_limit_is_accepted() -> None:
    frame = Frame(NONCE, 4)
    frame.feed(BEGIN + b"body" + END + b"0\n")
    assert frame.reply().out == b"body"


def test_an_end_without_a_number_makes_no_sense() -> None:
    with pytest.raises(UnreadableReply, match="no exit status"):
        Frame(NONCE, 100).feed(BEGIN + END + b"x\n")


def test_what_was_said_instead_of_an_answer_is_kept() -> None:
    frame = Frame(NONCE, 100)
    frame.feed(b"This account is closed.\n")
    assert frame.leftover() == b"This account is closed.\n"
