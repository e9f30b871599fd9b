"""How long a host may take to let us in and to answer, as the settings say, and not a moment of anybody else's."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autolab.engine.lab import connections, dialect_of
from autolab.executors.executor import Executor
from autolab.model.action import Job
from autolab.model.host import SshHost
from autolab.model.observation import Look
from autolab.model.settings import Policies, Settings, SshSettings
from autolab.store.layout import Layout
from tests.labhosts import LabHosts

pytestmark = pytest.mark.ssh


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.root
@pytest.mark.rule("1.61")
@pytest.mark.rule("N2")
def test_a_black_hole_is_noticed_within_the_limits_that_are_set_and_delays_nobody_else(
    lab: LabHosts, tmp_path: Path
) -> None:
    settings = Settings(
        project="p",
        hosts={name: SshHost(kind="ssh", dir="~/p") for name in ("lab1", "lab2")},
        ssh=SshSettings(config=str(lab.config)),
        policies=Policies(connect_within=timedelta(seconds=1), answer_within=timedelta(seconds=2)),
    )
    job = Job("l" * 32, "one", 1, "~/state/llllllll/one/a1", "token", "f00d", "~/p")
    with closing(connections(settings, Layout(tmp_path, None, "f" * 32), now)) as pool:
        hole, other = (Executor(pool.connection(name), dialect_of(settings), now) for name in settings.hosts)
        lab.drop("lab1")
        begun = time.monotonic()
        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(hole.look, [job])
            assert other.look([job])["one"].look is Look.SEEN
            assert asked.result()["one"].look is Look.UNREACHABLE
        assert time.monotonic() - begun < 8
        lab.undrop("lab1")
        assert hole.look([job])["one"].look is Look.SEEN
        lab.drop("lab1")
        begun = time.monotonic()
        assert hole.look([job])["one"].look in {Look.NO_ANSWER, Look.UNREACHABLE}
        assert time.monotonic() - begun < 8
