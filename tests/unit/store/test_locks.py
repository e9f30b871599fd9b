"""One engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import datetime

import pytest

from autolab.errors import Busy, StoreDamaged
from autolab.store.files import Files
from autolab.store.layout import Layout
from autolab.store.locks import EngineLock, is_gone, myself, who

HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from autolab.store.files import Files
from autolab.store.layout import Layout
from autolab.store.locks import EngineLock
lock = EngineLock(Layout(Path(sys.argv[1]), None, sys.argv[2]), Files())
lock.take("daemon", datetime(2026, 11, 20, tzinfo=UTC))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def lock(layout: Layout, files: Files) -> EngineLock:
    return EngineLock(layout, files)


def other_engine(layout: Layout) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(layout.root), layout.lab], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


@pytest.mark.rule("B11")
def test_a_second_engine_is_told_who_holds_the_lock_and_since_when(
    layout: Layout, files: Files, lock: EngineLock, now: datetime
) -> None:
    with other_engine(layout) as process:
        with pytest.raises(Busy, match=rf"daemon \(pid {process.pid} on .*, since 2026-11-20T00:00:00Z\)"):
            lock.take("poll", now)
        process.communicate()


def test_of_eight_engines_that_start_at_once_one_gets_the_lock(layout: Layout, files: Files, now: datetime) -> None:
    go, said = os.pipe(), os.pipe()
    children = []
    for _ in range(8):
        child = os.fork()
        if child == 0:
            os.close(go[1])
            os.read(go[0], 1)  # until all are there
            lock = EngineLock(layout, files)
            try:
                lock.take("poll", now)
                os.write(said[1], b"1")
            except Busy:
                os.write(said[1], b"0")
            signal.pause()
        children.append(child)
    os.close(go[1])
    answers = b"".join(os.read(said[0], 1) for _ in children)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    for fd in (go[0], *said):
        os.close(fd)
    assert sorted(answers) == sorted(b"10000000")
    EngineLock(layout, files).take("poll", now)


@pytest.mark.rule("B14")
def test_the_lock_of_a_killed_engine_is_free_at_once_whatever_its_file_says(
    layout: Layout, files: Files, lock: EngineLock, now: datetime
) -> None:
    with other_engine(layout) as process:
        process.send_signal(signal.SIGKILL)
    assert layout.engine_file.exists()
    assert who(layout, files) is None
    lock.take("poll", now)
    assert lock.held
    lock.release()


def test_a_stopped_engine_keeps_the_lock(layout: Layout, lock: EngineLock, now: datetime) -> None:
    with other_engine(layout) as process:
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(Busy, match="daemon"):
            lock.take("poll", now)
        process.send_signal(signal.SIGCONT)
        process.communicate()


def test_who_names_the_holder_and_nobody_after_the_release(
    layout: Layout, files: Files, lock: EngineLock, now: datetime
) -> None:
    with lock.hold("poll", now):
        holder = who(layout, files)
        assert holder is not None
        assert (holder.pid, holder.what) == (os.getpid(), "poll")
        lock.check()
    assert who(layout, files) is None
    assert not lock.held


@pytest.mark.parametrize("instead", ["nothing", "another"])
def test_a_lock_file_that_was_removed_stops_the_next_commit(
    layout: Layout, lock: EngineLock, now: datetime, instead: str
) -> None:
    lock.take("poll", now)
    layout.engine_lock.unlink()
    if instead == "another":
        layout.engine_lock.write_bytes(b"")
    with pytest.raises(StoreDamaged, match="removed or replaced"):
        lock.check()
    lock.release()


def test_an_engine_that_lost_its_lock_file_leaves_the_new_holders_name_alone(
    layout: Layout, files: Files, lock: EngineLock, now: datetime
) -> None:
    lock.take("poll", now)
    layout.engine_lock.unlink()
    second = EngineLock(layout, files)
    second.take("daemon", now)
    lock.release()
    holder = who(layout, files)
    assert holder is not None
    assert holder.what == "daemon"
    second.check()
    second.release()


def test_a_lock_that_is_not_held_is_no_leave_to_write(lock: EngineLock) -> None:
    with pytest.raises(StoreDamaged, match="not held"):
        lock.check()


def test_a_program_started_by_the_engine_does_not_keep_its_lock(
    lock: EngineLock, now: datetime, layout: Layout
) -> None:
    lock.take("daemon", now)
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as child:
        lock.release()
        lock.take("daemon", now)
        lock.release()
        child.communicate()


def test_a_holder_is_gone_only_when_that_is_certain(now: datetime) -> None:
    me = myself("poll", now)
    assert not is_gone(me)
    assert is_gone(replace(me, start_ticks=me.start_ticks + 1)), "its number is another process's now"
    assert is_gone(replace(me, boot_id="earlier")), "this machine was restarted"
    assert not is_gone(replace(me, boot_id="other", host="elsewhere")), "another machine cannot be looked into"
    assert not is_gone(replace(me, pid_ns="pid:[1]", pid=2**22 - 1)), "nor another container"


def test_a_lock_that_nobody_living_names_is_waited_for_because_a_killed_engine_may_still_let_go(
    layout: Layout, files: Files, lock: EngineLock, now: datetime
) -> None:
    lock.take("poll", now)
    lock.release()
    hold = (
        "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(layout.engine_lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as nameless:
        assert nameless.stdout is not None
        assert nameless.stdout.readline() == b"\n"
        with pytest.raises(Busy, match="has not said its name"):
            lock.take("poll", now)
        ends = threading.Timer(0.1, nameless.kill)
        ends.start()
        lock.take("poll", now)
        lock.release()
        ends.join()
