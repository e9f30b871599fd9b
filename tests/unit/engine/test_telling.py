"""The outbox of an engine: what it takes in, what it forgets, and what a damaged one does."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from autolab.engine.lanes import Lanes
from autolab.engine.telling import Telling
from autolab.model import event as e
from autolab.model.notice import Notice
from autolab.model.settings import Settings
from autolab.model.state import DispatchState
from autolab.model.transitions import fold
from autolab.store.files import Files
from autolab.store.layout import Layout
from autolab.store.outbox import load_outbox
from tests.builders import T0, a_state, seconds

PHONE = {"name": "phone", "url": {"variable": "NOT_SET_ANYWHERE"}}


class Desk:
    """A lab's telling on a desk: settings that change, and a state that announces."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder, None, "0123456789abcdef0123456789abcdef")
        self.settings = Settings.model_validate({"project": "p", "notify": [PHONE]})
        self.state: DispatchState = a_state()

    def opened(self) -> Telling:
        return Telling(self.layout, Files(), Lanes(lambda: None), lambda: T0, lambda: self.settings)

    def announce(self, summary: str) -> None:
        fold(self.state, e.Announced(at=T0, notice=Notice(kind="blocked", summary=summary)))

    def waiting(self) -> list[str]:
        return [letter.id for letter in load_outbox(self.layout, Files()).posts["phone"].waiting]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.rule("1.51")
def test_a_notice_is_in_the_log_and_the_outbox_once_also_after_a_death_between_the_two(desk: Desk) -> None:
    desk.announce("one")
    desk.opened().take(desk.state)
    log = desk.layout.notifications.read_text()
    desk.layout.outbox.unlink()  # as if the engine had died before it was written
    telling = desk.opened()
    telling.take(desk.state)
    telling.take(desk.state)
    assert desk.layout.notifications.read_text() == log
    assert desk.waiting() == ["01234567-1"]
    desk.announce("two")
    telling.take(desk.state)
    assert desk.waiting() == ["01234567-1", "01234567-2"]
    assert desk.layout.notifications.read_text().count("Summary: two") == 1


def test_a_notifier_that_leaves_the_settings_is_waited_for_no_more(desk: Desk) -> None:
    telling = desk.opened()
    desk.announce("one")
    telling.take(desk.state)
    assert telling.due_at() == T0
    desk.settings = Settings.model_validate({"project": "p"})
    telling.tick(T0 + seconds(1))
    assert telling.due_at() is None


def test_a_damaged_outbox_is_kept_aside_and_what_is_known_waits_again(desk: Desk) -> None:
    desk.announce("one")
    desk.opened().take(desk.state)
    desk.layout.outbox.write_bytes(b'{"format": 1, "seq": "x"}')
    desk.opened().take(desk.state)
    assert desk.waiting() == ["01234567-1"]
    aside = [path for path in desk.layout.record.iterdir() if path.name.startswith("outbox.json.damaged-")]
    assert [path.read_bytes() for path in aside] == [b'{"format": 1, "seq": "x"}']
    desk.layout.outbox.write_bytes(orjson.dumps({"format": 99}))
    desk.opened().take(desk.state)
    assert desk.waiting() == ["01234567-1"]
