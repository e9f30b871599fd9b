"""Kills at every phase of a launch, full disks, hostile folders: nothing runs twice, no end is made up."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from autolab.executors.dialects.dialect import Seen
from autolab.executors.runner import script
from autolab.model.action import Job
from autolab.model.observation import Liveness, Look
from tests.bench import DRIVER, Bench, until


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, grace_s=1)
    yield bench
    until(lambda: not bench.processes())


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Bench]:
    """A host on which a child waits before its link until the file ``gate`` is there."""
    wait = f": >'{tmp_path}/standing'; while [ ! -e '{tmp_path}/gate' ]; do sleep 0.02; done"
    bench = Bench(tmp_path / "host", grace_s=1, tools={"ln": f'case "$*" in */claim) {wait};; esac; exec /bin/ln "$@"'})
    yield bench
    (tmp_path / "gate").touch()
    until(lambda: not bench.processes())


def wish(job: Job) -> dict[str, Any] | None:
    """What a child wrote before its link, once it is whole."""
    for name in os.listdir(job.dir):
        if name.startswith("me."):
            with contextlib.suppress(ValueError):
                found: dict[str, Any] = json.loads(Path(job.dir, name).read_text())
                return found
    return None


@contextmanager
def before_the_claim(slow: Bench, gate: Path, victim: str) -> Iterator[Job]:
    """A job whose ``victim`` is killed while its child stands before the link; the gate opens when the block ends."""
    (job,) = slow.staged(slow.order(cmd=f"echo ran >>'{slow.ledger}'"))
    with ThreadPoolExecutor(1) as pool:
        start: Future[dict[str, Seen]] = pool.submit(slow.executor.start, [job], DRIVER)
        until(lambda: (gate.parent / "standing").exists())
        mine = wish(job)
        assert mine is not None
        os.kill(mine[victim], signal.SIGKILL)
        yield job
        gate.touch()
        start.result()


@pytest.mark.rule("P2")
def test_a_child_killed_before_its_claim_runs_nothing_even_if_its_link_comes_late(slow: Bench, tmp_path: Path) -> None:
    with before_the_claim(slow, tmp_path / "gate", "pid") as job:
        assert slow.see(job).claim is None
    until(lambda: slow.see(job).claim)
    until(lambda: slow.see(job).runner is Liveness.GONE)
    seen = slow.executor.start([job], DRIVER)["one"]
    assert (seen.exit, seen.child, seen.runner, seen.others) == (None, Liveness.GONE, Liveness.GONE, 0)
    assert slow.lines() == []


@pytest.mark.rule("P18")
def test_a_runner_killed_before_the_claim_loses_the_status_and_nothing_else(slow: Bench, tmp_path: Path) -> None:
    with before_the_claim(slow, tmp_path / "gate", "runner_pid") as job:
        pass
    until(lambda: slow.see(job).child is Liveness.GONE)
    seen = slow.see(job)
    assert (seen.exit, seen.runner, seen.others, seen.unreadable) == (None, Liveness.GONE, 0, 0)
    assert slow.lines() == ["ran"]


@pytest.mark.rule("P18")
def test_a_runner_killed_later_leaves_an_orphan_that_is_seen(bench: Bench) -> None:
    gate = bench.root / "gate"
    job = bench.run(cmd=f"while [ ! -e '{gate}' ]; do sleep 0.05; done")
    claim = bench.see(job).claim
    assert claim is not None
    os.kill(claim.runner_pid, signal.SIGKILL)
    until(lambda: bench.see(job).runner is Liveness.GONE)
    assert bench.see(job).child is Liveness.ALIVE
    gate.touch()
    until(lambda: bench.see(job).child is Liveness.GONE)
    assert bench.see(job).exit is None


def test_a_killed_child_has_its_status_recorded(bench: Bench) -> None:
    job = bench.run(cmd="sleep 60")
    claim = bench.see(job).claim
    assert claim is not None
    os.killpg(claim.pid, signal.SIGKILL)
    seen = bench.ended(job)
    assert seen.exit is not None
    assert seen.exit.status == 137


@pytest.mark.rule("P14")
def test_a_daemon_of_a_lost_attempt_is_found_by_its_environment_and_ended(bench: Bench) -> None:
    job = bench.run(cmd="setsid sh -c 'while :; do sleep 0.1; done' & sleep 60")
    claim = bench.see(job).claim
    assert claim is not None
    until(lambda: len(bench.processes()) >= 4)
    os.kill(claim.runner_pid, signal.SIGKILL)
    os.killpg(claim.pid, signal.SIGKILL)
    until(lambda: bench.see(job).child is Liveness.GONE)
    until(lambda: bench.see(job).others >= 1)
    seen = bench.executor.signal([job])["one"]
    assert (seen.others, seen.unreadable) == (0, 0)


@pytest.mark.rule("P13")
def test_what_ignores_term_is_killed_after_the_grace(bench: Bench) -> None:
    job = bench.run(
        cmd="trap '' TERM; echo ready; (trap '' TERM; while :; do sleep 0.1; done) & while :; do sleep 0.1; done"
    )
    until(lambda: bench.see(job).log_size)
    seen = bench.executor.signal([job])["one"]
    assert seen.exit is not None
    assert seen.exit.status == 137


def test_what_obeys_term_may_say_its_own_status(bench: Bench) -> None:
    job = bench.run(cmd="trap 'echo saved; exit 3' TERM; echo ready; while :; do sleep 0.02; done")
    until(lambda: bench.see(job).log_size)
    seen = bench.executor.signal([job])["one"]
    assert seen.exit is not None
    assert seen.log is not None
    assert (seen.exit.status, seen.log.endswith(b"saved\n")) == (3, True)


def test_survivors_of_a_normal_end_are_ended_by_a_signal(bench: Bench) -> None:
    job = bench.run(cmd="setsid sleep 300 & exit 0")
    bench.ended(job)
    assert bench.processes()
    bench.executor.signal([job])
    until(lambda: not bench.processes())


def forged(bench: Bench, **changes: object) -> Job:
    """A job whose claim was taken by a process that never was."""
    job = bench.run()
    bench.ended(job)
    record = json.loads(Path(job.dir, "claim").read_text()) | changes
    for name in os.listdir(job.dir):
        if name.startswith(("exit.", "claim")):
            Path(job.dir, name).unlink()
    Path(job.dir, "claim").write_text(json.dumps(record, separators=(",", ":")) + "\n")
    return job


def test_a_child_that_could_not_become_its_command_says_why_and_has_no_end(bench: Bench) -> None:
    gate = bench.root / "gate"
    job = bench.run(cmd=f"while [ ! -e '{gate}' ]; do sleep 0.05; done")
    claim = bench.see(job).claim
    assert claim is not None
    Path(job.dir, f"refused.{claim.nonce}").write_text("the log cannot be opened\n")
    gate.touch()
    until(lambda: bench.see(job).runner is Liveness.GONE)
    seen = bench.executor.look([job], hold_s=20)["one"]
    assert (seen.exit, seen.refused) == (None, "the log cannot be opened")


@pytest.mark.rule("P9")
def test_a_pid_that_came_round_again_is_not_ours(bench: Bench) -> None:
    job = forged(bench, pid=os.getpid(), start_ticks=1)
    assert bench.see(job).child is Liveness.GONE
    bench.executor.signal([job])  # and this test goes on


@pytest.mark.parametrize("what", ["machine_id", "node", "boot_id", "pid_ns"])
@pytest.mark.rule("P11")
def test_a_claim_of_another_machine_boot_or_namespace_proves_nothing_here(bench: Bench, what: str) -> None:
    seen = bench.see(forged(bench, **{what: "another"}))
    assert (seen.child, seen.runner) == (Liveness.UNKNOWN, Liveness.UNKNOWN)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]\n", b'{"nonce":"abc"}\n', b"\xff\xfe\n", b"x" * 70_000, b'{"a":1}\n{"a":2}\n']
)
def test_a_claim_that_makes_no_sense_is_said_to_be_garbled(bench: Bench, content: bytes) -> None:
    (job,) = bench.staged(bench.order())
    Path(job.dir, "claim").write_bytes(content)
    seen = bench.executor.start([job], DRIVER)["one"]
    assert (seen.look, seen.claim, seen.fenced, seen.exit) == (Look.SEEN, None, False, None)
    assert seen.garbled


@pytest.mark.rule("S11")
def test_a_pipe_or_folder_in_place_of_a_record_does_not_hang_a_look(bench: Bench) -> None:
    jobs = bench.staged(bench.order("pipe"), bench.order("folder"), bench.order("link"))
    os.mkfifo(f"{jobs[0].dir}/claim")
    os.mkdir(f"{jobs[1].dir}/claim")
    os.symlink("/dev/zero", f"{jobs[2].dir}/claim")
    assert all(one.garbled and one.claim is None for one in bench.executor.look(jobs).values())


@pytest.mark.rule("N22")
def test_a_folder_that_has_gone_is_not_there_and_never_started_again(bench: Bench) -> None:
    job = bench.run()
    bench.ended(job)
    Path(job.dir).rename(bench.root / "purged")
    seen = bench.executor.start([job], DRIVER)["one"]
    assert (seen.look, seen.run, seen.claim) == (Look.SEEN, False, None)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Bench]:
    """A host whose state folder has 256 KiB."""
    bench = Bench(tmp_path, grace_s=1)
    bench.state.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", bench.state], capture_output=True)
    if mount.returncode:
        pytest.skip(f"a small disk needs root: {mount.stderr.decode().strip()}")
    yield bench
    until(lambda: not bench.processes())
    subprocess.run(["umount", bench.state], check=True)


def fill(bench: Bench) -> Path:
    """Take all that is left of the small disk."""
    ballast = bench.state / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as out:
        while True:
            out.write(b"\0" * 4096)
    return ballast


@pytest.mark.root
@pytest.mark.rule("N15")
def test_staging_onto_a_full_disk_says_so_and_leaves_nothing_half_made(small_disk: Bench) -> None:
    ballast = fill(small_disk)
    order = small_disk.order(cmd="#" * 9000)
    seen = small_disk.executor.stage([order])["one"]
    assert (seen.look, seen.staged_boot) == (Look.NO_SPACE, None)
    ballast.unlink()
    assert small_disk.executor.stage([order])["one"].staged_boot


@pytest.mark.root
@pytest.mark.rule("N15")
def test_a_disk_that_fills_before_the_claim_starts_nothing(small_disk: Bench) -> None:
    jobs = small_disk.staged(
        small_disk.order("first", "true"), small_disk.order(cmd=f"echo ran >>'{small_disk.ledger}'")
    )
    small_disk.executor.start(jobs[:1], DRIVER)
    small_disk.ended(jobs[0])
    ballast = fill(small_disk)
    seen = small_disk.executor.start(jobs[1:], DRIVER)["one"]
    assert (seen.claim, seen.exit) == (None, None)
    assert small_disk.lines() == []
    ballast.unlink()
    until(lambda: not small_disk.processes())
    small_disk.executor.start(jobs[1:], DRIVER)
    small_disk.ended(jobs[1])
    assert small_disk.lines() == ["ran"]


@pytest.mark.root
@pytest.mark.rule("N15")
def test_an_exit_record_that_finds_no_room_is_kept_until_there_is_some(small_disk: Bench) -> None:
    gate = small_disk.root / "gate"
    job = small_disk.run(cmd=f"while [ ! -e '{gate}' ]; do sleep 0.05; done; exit 5")
    ballast = fill(small_disk)
    gate.touch()
    until(lambda: small_disk.see(job).child is Liveness.GONE)
    seen = small_disk.see(job)
    assert (seen.exit, seen.runner) == (None, Liveness.ALIVE)
    ballast.unlink()
    ended = small_disk.ended(job).exit
    assert ended is not None
    assert ended.status == 5


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh"])
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGTERM, 4), (signal.SIGUSR1, 5)])
def test_in_a_job_system_the_runner_passes_signals_on_and_records_the_end(
    bench: Bench, shell: str, sent: signal.Signals, status: int
) -> None:
    cmd = "trap 'exit 4' TERM; trap 'exit 5' USR1; echo ready; while :; do sleep 0.02; done"
    order = bench.order(cmd=cmd)
    (job,) = bench.staged(order)
    text = script("child.sh") + script("runner.sh") + 'al_sh=/bin/sh al_more=\nal_runner "$@"\n'
    words = [
        job.dir,
        job.lab,
        job.id,
        "1",
        job.token,
        job.spec_hash,
        job.project_dir,
        order.code.dir,
        "022",
        "",
        "",
        "",
    ]
    with subprocess.Popen([*shell.split(), "-c", text, "batch", *words], start_new_session=True) as runner:
        until(lambda: bench.see(job).log_size)
        assert bench.see(job).runner is Liveness.ALIVE
        runner.send_signal(sent)
        runner.wait(20)
    seen = bench.see(job)
    assert seen.exit is not None
    assert seen.exit.status == status


@pytest.mark.root
def test_a_full_disk_makes_nobody_the_driver(small_disk: Bench) -> None:
    (job,) = small_disk.staged(small_disk.order())
    ballast = fill(small_disk)
    assert small_disk.executor.start([job], DRIVER)["one"].claim is None
    ballast.unlink()
    until(lambda: small_disk.executor.start([job], DRIVER)["one"].claim)
    small_disk.ended(job)
