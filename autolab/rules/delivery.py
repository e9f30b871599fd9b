"""Who is sent what next: several letters in one message, waits after a failure, and an end to trying."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from autolab.model.outbox import Letter, Outbox, Post

WAITING_MAX: Final = 500  # letters that wait for one notifier
TOGETHER: Final = 20  # letters in one message
MESSAGE_MAX: Final = 3500  # characters: a chat's message holds 4,096


def post(outbox: Outbox, name: str, letters: Iterable[Letter]) -> None:
    """Let ``letters`` wait for a notifier; beyond 500 the oldest are given up, and stand in the log alone."""
    box = outbox.posts.setdefault(name, Post())
    box.waiting += letters
    over = len(box.waiting) - WAITING_MAX
    if over > 0:
        del box.waiting[:over]
        box.given_up += over


def keep_only(outbox: Outbox, names: Iterable[str]) -> None:
    """Forget the posts of notifiers that the settings no longer name."""
    known = set(names)
    for name in [name for name in outbox.posts if name not in known]:
        del outbox.posts[name]


def due(outbox: Outbox, now: datetime) -> dict[str, list[Letter]]:
    """For each notifier whose wait is over, what goes into its next message."""
    return {
        name: together(box.waiting)
        for name, box in outbox.posts.items()
        if box.waiting and (box.not_before is None or box.not_before <= now)
    }


def due_at(outbox: Outbox) -> datetime | None:
    """When the next waiting letter may be sent; None: nothing waits."""
    waits = [box.not_before or box.waiting[0].at for box in outbox.posts.values() if box.waiting]
    return min(waits, default=None)


def together(waiting: Sequence[Letter]) -> list[Letter]:
    """The oldest letters that fit into one message; at least one."""
    taken: list[Letter] = []
    size = 0
    for letter in waiting[:TOGETHER]:
        size += len(letter.text) + 2
        if taken and size > MESSAGE_MAX:
            break
        taken.append(letter)
    return taken


def message_of(letters: Sequence[Letter]) -> tuple[str, str]:
    """Title and text of the message that carries ``letters``."""
    title = letters[0].title if len(letters) == 1 else f"{letters[0].title} and {len(letters) - 1} more"
    return title, "\n\n".join(letter.text for letter in letters)


def sent(outbox: Outbox, name: str, letters: Sequence[Letter], now: datetime) -> None:
    """The service took them."""
    box = outbox.posts.setdefault(name, Post())
    gone = {letter.id for letter in letters}
    box.waiting = [letter for letter in box.waiting if letter.id not in gone]
    box.tries, box.not_before, box.problem = 0, None, ""
    box.sent, box.sent_at = box.sent + len(letters), now


def failed(
    outbox: Outbox, name: str, problem: str, now: datetime, backoff_s: Sequence[float], keep: timedelta
) -> list[Letter]:
    """The service did not take them: tried again later, or given up; those that are."""
    box = outbox.posts.setdefault(name, Post())
    wait = backoff_s[min(box.tries, len(backoff_s) - 1)]
    box.tries, box.not_before = box.tries + 1, now + timedelta(seconds=wait)
    box.failed_at, box.problem = now, problem
    old = [letter for letter in box.waiting if now - letter.at >= keep]
    box.waiting = [letter for letter in box.waiting if now - letter.at < keep]
    box.given_up += len(old)
    return old
