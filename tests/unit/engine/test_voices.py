"""What executors say of looks: what is news, and counts that outlive a process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from autolab.engine.voices import Voices
from autolab.model.observation import Authority, Look, Sighting
from autolab.model.plan import PatiencePlan
from autolab.model.state import DispatchState, Status
from autolab.model.transitions import fold
from autolab.rules.merge import merge_sidecars
from autolab.store.files import Files
from autolab.store.layout import Layout
from tests.builders import (
    LAB,
    T0,
    a_claimed_run,
    a_host,
    a_sidecar,
    a_sighting,
    a_state,
    alive,
    an_entry,
    seconds,
)


class Speaker:
    """Voices, the sidecar they write, and the state it is folded into."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder, None, LAB)
        self.layout.dispatch.mkdir()
        self.state: DispatchState = a_state(an_entry(status=Status.RUNNING, run=a_claimed_run()))
        self.restart()

    def restart(self) -> None:
        self.voices = Voices(self.layout, Files(), b"k" * 32, lambda: PatiencePlan(silent_log_s=600))

    def looks(self, minutes: float, **more: Any) -> bool:
        """A look at that time; whether it was news."""
        at = T0 + seconds(minutes * 60)
        host = a_host(uptime_s=1.0 + minutes * 60)
        return self.hears(alive(at=at, host=host, **more))

    def hears(self, sighting: Sighting) -> bool:
        entry = self.state.entries["e1"]
        assert entry.run is not None
        self.voices.sighted(entry, entry.run, sighting, sighting.at)
        if not self.voices.heard():
            return False
        told = orjson.loads(self.layout.sidecar("e1").read_bytes())
        word = a_sidecar("e1", Authority.EXECUTOR, attempt=1, seq=told["seq"], sighting=told["sighting"])
        for happened in list(merge_sidecars(self.state, [word], sighting.at)):
            fold(self.state, happened)
        self.last = told["sighting"]
        return True


@pytest.fixture
def speaker(tmp_path: Path) -> Speaker:
    return Speaker(tmp_path)


def test_what_simply_runs_is_told_once_and_then_at_its_levels_and_each_half_hour(speaker: Speaker) -> None:
    told = [minute for minute in range(0, 500, 5) if speaker.looks(minute, log_size=minute)]
    assert told == [0, *range(30, 241, 30), *range(270, 361, 30), *range(390, 500, 30)]
    assert speaker.last["ran_s"] == 480 * 60


def test_a_level_that_lies_between_is_told_when_it_is_passed(speaker: Speaker) -> None:
    speaker.looks(230, log_size=1)
    assert [minute for minute in range(231, 245) if speaker.looks(minute, log_size=minute)] == [240]


@pytest.mark.rule("1.63", "B20")
def test_looks_and_misses_are_counted_on_by_the_next_process(speaker: Speaker) -> None:
    speaker.looks(0)
    for minute in (1, 2, 3):
        speaker.looks(minute)
    silent = a_sighting(Look.NO_ANSWER, at=T0 + seconds(240), reason="cut")
    assert speaker.hears(silent)
    assert (speaker.last["looks"], speaker.last["missed"]) == (5, 1)
    speaker.restart()
    assert speaker.looks(5), "a new process tells what it sees first"
    assert (speaker.last["looks"], speaker.last["missed"]) == (6, 1)


@pytest.mark.rule("B20")
def test_how_long_a_log_is_silent_is_known_to_the_next_process(speaker: Speaker) -> None:
    speaker.looks(0, log_size=5)
    speaker.restart()
    speaker.looks(6, log_size=5)
    assert speaker.last["grew_at"].startswith(f"{T0:%Y-%m-%dT%H:%M}")
    assert speaker.looks(11, log_size=5), "it is silent for too long now"
    assert speaker.looks(12, log_size=9), "and grows again"
