"""Who is sent what next, and when trying ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from autolab.model.outbox import Letter, Outbox
from autolab.rules import delivery
from tests.builders import T0, seconds

DAY = timedelta(days=1)
BACKOFF = (30.0, 120.0)


def letters(count: int, size: int = 10, first: int = 1) -> list[Letter]:
    return [Letter(id=f"l-{n}", at=T0, title="lab: news", text="x" * size) for n in range(first, first + count)]


def an_outbox(count: int = 1, size: int = 10) -> Outbox:
    outbox = Outbox()
    delivery.post(outbox, "phone", letters(count, size))
    return outbox


def test_what_is_new_is_due_at_once() -> None:
    outbox = an_outbox()
    assert delivery.due_at(outbox) == T0
    assert [letter.id for letter in delivery.due(outbox, T0)["phone"]] == ["l-1"]


@pytest.mark.rule("1.51")
def test_a_failure_is_tried_again_later_and_later_and_the_letters_wait_together() -> None:
    outbox = an_outbox()
    for tries, wait in enumerate([30, 120, 120]):
        now = T0 + seconds(1000 * tries)
        assert delivery.failed(outbox, "phone", "down", now, BACKOFF, DAY) == []
        assert delivery.due(outbox, now + seconds(wait - 1)) == {}
        assert delivery.due_at(outbox) == now + seconds(wait)
    delivery.post(outbox, "phone", letters(1, first=2))
    batch = delivery.due(outbox, T0 + seconds(5000))["phone"]
    assert delivery.message_of(batch) == ("lab: news and 1 more", "xxxxxxxxxx\n\nxxxxxxxxxx")
    delivery.sent(outbox, "phone", batch, T0 + seconds(5000))
    post = outbox.posts["phone"]
    assert (post.waiting, post.tries, post.problem, post.sent) == ([], 0, "", 2)
    assert delivery.due_at(outbox) is None


def test_a_letter_that_came_while_others_were_sent_still_waits() -> None:
    outbox = an_outbox()
    batch = delivery.due(outbox, T0)["phone"]
    delivery.post(outbox, "phone", letters(1, first=2))
    delivery.sent(outbox, "phone", batch, T0)
    assert [letter.id for letter in outbox.posts["phone"].waiting] == ["l-2"]


def test_trying_ends_after_a_day_and_is_counted() -> None:
    outbox = an_outbox(3)
    over = delivery.failed(outbox, "phone", "down", T0 + DAY, BACKOFF, DAY)
    assert [letter.id for letter in over] == ["l-1", "l-2", "l-3"]
    assert (outbox.posts["phone"].waiting, outbox.posts["phone"].given_up) == ([], 3)


def test_an_outbox_does_not_grow_without_end_and_a_message_fits_a_chat() -> None:
    outbox = an_outbox(delivery.WAITING_MAX + 7, size=1500)
    post = outbox.posts["phone"]
    assert (len(post.waiting), post.given_up, post.waiting[0].id) == (delivery.WAITING_MAX, 7, "l-8")
    batch = delivery.together(post.waiting)
    assert len(delivery.message_of(batch)[1]) <= delivery.MESSAGE_MAX
    assert len(batch) == 2
    assert len(delivery.together(letters(1, size=9000))) == 1
    assert len(delivery.together(letters(90))) == delivery.TOGETHER


def test_one_notifier_that_fails_holds_no_other_up() -> None:
    outbox = an_outbox()
    delivery.post(outbox, "mail", letters(1))
    delivery.failed(outbox, "phone", "down", T0, BACKOFF, DAY)
    assert list(delivery.due(outbox, T0)) == ["mail"]


def test_a_notifier_that_was_taken_out_of_the_settings_is_forgotten() -> None:
    outbox = an_outbox()
    delivery.keep_only(outbox, ["mail"])
    assert outbox.posts == {}
