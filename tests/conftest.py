"""What many tests stand on: hosts over SSH, and tests that name what this machine lacks."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parents[1]))  # `from tests.labhosts import ...`, however pytest is started

from autolab.hosts.ssh import SshConnection
from tests.labhosts import USERLANDS, LabHosts, can_isolate

# What starts the tests may have told them to ignore interrupts, as a shell does with what runs in the background, and
# every program they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test is one of time: the machine that runs them may do other things.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def lab_for_all() -> Iterator[LabHosts]:
    """Three hosts for all tests of this process; take ``lab``."""
    if not shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin"):
        pytest.skip("openssh-server is missing")
    with LabHosts(3) as lab:
        yield lab


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--userland", choices=USERLANDS, default="own", help="What the hosts of all SSH tests find in PATH"
    )


@pytest.fixture
def userland(request: pytest.FixtureRequest) -> str:
    """One of ``USERLANDS``: tests that are parametrised with it run under both, the others as the option says."""
    return str(getattr(request, "param", request.config.getoption("--userland")))


@pytest.fixture
def lab(lab_for_all: LabHosts, userland: str) -> Iterator[LabHosts]:
    """Three hosts, lab1, lab2 and lab3, up and well; whatever the test does to them is healed after it."""
    lab_for_all.use(userland)
    yield lab_for_all
    lab_for_all.heal()


@pytest.fixture
def ssh_to(lab: LabHosts) -> Iterator[Callable[..., SshConnection]]:
    """From a host's name, and further arguments of SshConnection, to a connection that is closed after the test."""
    with ExitStack() as opened:

        def connect(name: str, config: Path | None = None, **more: object) -> SshConnection:
            connection = SshConnection(name, name, config or lab.config, **more)  # type: ignore[arg-type]
            opened.callback(connection.close)
            return connection

        yield connect


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") and not can_isolate():
        pytest.skip("needs root: hosts in namespaces of their own")
