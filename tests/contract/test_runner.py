"""The scripts as they run on hosts: one claim, one exit record, in every shell and with busybox's tools alone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import stat
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autolab.errors import InvalidSpec
from autolab.executors.executor import Executor
from autolab.model.action import Driver
from autolab.model.observation import Liveness, Look
from tests.bench import DRIVER, SHELLS, Bench, until


@pytest.fixture(params=SHELLS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A host of each kind; nothing of ours may be left running on it."""
    if request.param in {"busybox", "applets"} and not shutil.which("busybox"):
        pytest.skip("busybox is missing")
    bench = Bench(tmp_path / "a b", request.param, grace_s=2)
    yield bench
    until(lambda: not bench.processes())


def test_a_job_is_staged_started_seen_and_collected(bench: Bench, tmp_path: Path) -> None:
    order = bench.order(
        cmd="cat train.py; echo '{\"a\": 1}' >results/out/r.json; exit 7", result_file="results/out/r.json"
    )
    assert bench.executor.look([order.job])["one"].run is False
    bench.staged(order)
    first = bench.see(order.job)
    assert (first.run, first.claim, first.staged_boot) == (True, None, first.host.boot_id)
    started = bench.executor.start([order.job], DRIVER)["one"]
    assert started.claim is not None
    seen = bench.ended(order.job)
    assert seen.exit is not None
    assert (seen.exit.status, seen.exit.nonce) == (7, started.claim.nonce)
    assert (seen.result, seen.log, seen.log_size, seen.garbled) == ("fresh", b"print('hello')\n", 15, "")
    got = bench.executor.collect(order.job, tmp_path / "got")
    assert got.result is not None
    assert got.result.read_text() == '{"a": 1}\n'
    assert got.result_sha256 == hashlib.sha256(b'{"a": 1}\n').hexdigest()
    assert got.log is not None
    assert got.log.read_bytes() == b"print('hello')\n"
    assert bench.executor.tail(order.job, offset=5, max_bytes=5) == b"('hel"


def test_the_folder_holds_what_the_protocol_names_and_is_private(bench: Bench) -> None:
    job = bench.run(env={"SECRET": "s"})
    seen = bench.ended(job)
    assert seen.claim is not None
    nonce = seen.claim.nonce
    names = sorted(os.listdir(job.dir))
    assert names == sorted(
        ["spec.json", "cmd.sh", "env", "staged", "out.log", "claim", f"me.{nonce}", f"exit.{nonce}.json"]
    )
    assert stat.S_IMODE(os.stat(f"{job.dir}/env").st_mode) == 0o600
    assert os.stat(f"{job.dir}/claim").st_ino == os.stat(f"{job.dir}/me.{nonce}").st_ino


def test_the_command_finds_its_environment_and_nothing_of_it_is_shell_text(bench: Bench) -> None:
    values = {"AA": "a b", "QUOTE": 'it\'s "$(touch /tmp/never)" `x` \\ é', "EMPTY": "", "al_run": "x", "IFS": "/"}
    job = bench.run(cmd="env", env=values)
    seen = bench.ended(job)
    assert seen.log is not None
    told = dict(line.split("=", 1) for line in seen.log.decode().splitlines() if "=" in line)
    assert {name: told[name] for name in values if name != "IFS"} == {n: v for n, v in values.items() if n != "IFS"}
    assert seen.claim is not None
    assert (told["AUTOLAB_ID"], told["AUTOLAB_ATTEMPT"], told["AUTOLAB_NONCE"]) == ("one", "1", seen.claim.nonce)
    assert (told["AUTOLAB_PROJECT_DIR"], told["AUTOLAB_RUN_DIR"]) == (str(bench.project), job.dir)
    assert told["AUTOLAB_TOKEN"] == job.token


def test_a_command_may_hold_any_text(bench: Bench) -> None:
    job = bench.run(cmd="printf '%s\\n' \"it's\" '$(x) `y` \"z\" é' '\n'\nfalse || printf '%s' done")
    assert bench.ended(job).log == 'it\'s\n$(x) `y` "z" é\n\n\ndone'.encode()


@pytest.mark.parametrize(("cmd", "status"), [("exit 0", 0), ("exit 255", 255), ("exit 137", 137), ("kill -9 $$", 137)])
def test_the_shells_status_is_recorded(bench: Bench, cmd: str, status: int) -> None:
    seen = bench.ended(bench.run(cmd=cmd))
    assert seen.exit is not None
    assert seen.exit.status == status
    assert seen.exit.at.startswith("20")


@pytest.mark.rule("P27")
def test_an_interrupt_reaches_a_command_that_saves_its_work_then(bench: Bench) -> None:
    # Whatever started these tests may have had it ignored, and that is handed down.
    before = [signal.signal(each, signal.default_int_handler) for each in (signal.SIGINT, signal.SIGQUIT)]
    try:
        text = "import time\ntry:\n print(1, flush=True); time.sleep(60)\nexcept KeyboardInterrupt:\n exit(9)"
        python = bench.run("python", f"exec {sys.executable} -c '{text}'")
        shell = bench.run("shell", "trap 'exit 8' QUIT; echo 1; while :; do sleep 0.02; done")
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGQUIT, before[1])
    for job, sent, status in ((python, signal.SIGINT, 9), (shell, signal.SIGQUIT, 8)):
        until(lambda job=job: bench.see(job).log_size)
        claim = bench.see(job).claim
        assert claim is not None
        os.kill(claim.pid, sent)
        ended = bench.ended(job).exit
        assert ended is not None
        assert ended.status == status


@pytest.mark.rule("N24")
def test_what_a_crash_left_half_staged_goes_after_a_day(bench: Bench) -> None:
    first = bench.order()
    bench.staged(first)
    lab = Path(first.job.dir).parents[1]
    old, young, kept = lab / ".stage.old", lab / ".stage.young", lab / ".stagecraft"
    code = lab / "code" / ".stage.old"
    for folder in (old, young, kept, code):
        (folder / "in").mkdir(parents=True)
        (folder / "in" / "file").write_text("half")
    long_ago = time.time() - 25 * 3600
    for folder in (old, young, kept, code):
        for path in (folder / "in" / "file", folder / "in", folder):
            os.utime(path, (long_ago, long_ago))
    (young / "in" / "file").write_text("still being written")
    bench.staged(bench.order("two"))
    assert [folder.exists() for folder in (old, young, kept, code)] == [False, True, True, True]
    bench.staged(bench.order("three", digest="d2"))
    assert not code.exists()
    assert sorted(path.name for path in lab.iterdir() if path.name.startswith(".stage.")) == [".stage.young"]


@pytest.mark.rule("P14")
def test_what_outlives_a_normal_end_is_counted_where_it_is_told(bench: Bench) -> None:
    left, clean = bench.run("left", "sleep 300 & exit 0"), bench.run("clean")
    until(lambda: all(list(Path(job.dir).glob("exit.*")) for job in (left, clean)))
    seen = Executor(bench.connection, bench.dialect, bench.clock).look([left, clean])  # the start may have told it
    assert {id: (one.others, one.exit is not None) for id, one in seen.items()} == {
        "left": (1, True),
        "clean": (0, True),
    }
    bench.executor.signal([left])
    until(lambda: not bench.processes())


@pytest.mark.rule("P14")
def test_what_left_its_session_is_counted_at_the_end_of_a_job_that_had_time_for_it(bench: Bench) -> None:
    job = bench.run(cmd="setsid sleep 300 & exit 0")
    bench.ended(job)
    claim = Path(job.dir, "claim")
    record = json.loads(claim.read_text()) | {"start_ticks": 1}  # as if it had begun when the machine did
    claim.unlink()
    claim.write_text(json.dumps(record, separators=(",", ":")) + "\n")
    assert Executor(bench.connection, bench.dialect, bench.clock).look([job])["one"].others == 1
    bench.executor.signal([job])
    until(lambda: not bench.processes())


def test_eight_starts_at_once_run_the_command_once(bench: Bench) -> None:
    (job,) = bench.staged(bench.order(cmd=f"echo ran >>'{bench.ledger}'"))
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: bench.executor.start([job], DRIVER)["one"], range(8)))
    bench.ended(job)
    until(lambda: not bench.processes())
    assert bench.lines() == ["ran"]
    assert len({one.claim.nonce for one in seen if one.claim}) == 1
    assert len([name for name in os.listdir(job.dir) if name.startswith("exit.")]) == 1


def test_repeating_stage_start_fence_and_signal_changes_nothing(bench: Bench) -> None:
    order = bench.order(cmd=f"echo ran >>'{bench.ledger}'; exit 4")
    bench.staged(order)
    bench.executor.start([order.job], DRIVER)
    before = bench.ended(order.job)
    for _ in range(2):
        bench.executor.stage([order])
        bench.executor.start([order.job], DRIVER)
        bench.executor.fence([order.job])
        bench.executor.signal([order.job])
    after = bench.see(order.job)
    assert (after.claim, after.exit, after.fenced) == (before.claim, before.exit, False)
    assert bench.lines() == ["ran"]


def test_a_fenced_attempt_never_runs(bench: Bench) -> None:
    (job,) = bench.staged(bench.order(cmd=f"echo ran >>'{bench.ledger}'"))
    assert bench.executor.fence([job], by='it\'s "me"')["one"].fenced
    assert bench.executor.start([job], DRIVER)["one"].fenced
    record = json.loads(Path(f"{job.dir}/claim").read_text())
    assert (record["by"], record["id"], record["nonce"][:6]) == ('it\'s "me"', "one", "FENCED")
    assert bench.lines() == []


def test_a_fence_where_nothing_was_staged_keeps_a_late_packet_out(bench: Bench) -> None:
    first, second = bench.order(cmd=f"echo ran >>'{bench.ledger}'"), bench.order(attempt=2)
    assert bench.executor.fence([first.job])["one"].fenced
    late = bench.executor.stage([first])["one"]
    assert (late.fenced, late.staged_boot) == (True, None)
    assert bench.executor.start([first.job], DRIVER)["one"].fenced
    assert bench.executor.stage([second])["one"].staged_boot
    assert bench.executor.fence([second.job])["one"].fenced
    assert not [name for name in os.listdir(Path(first.job.dir).parents[1]) if name.startswith(".stage")]


def test_only_what_this_boot_staged_is_started(bench: Bench) -> None:
    (job,) = bench.staged(bench.order())
    staged = Path(job.dir, "staged")
    staged.write_text(staged.read_text().replace("boot ", "boot 0"))
    seen = bench.executor.start([job], DRIVER)["one"]
    assert (seen.claim, seen.staged_boot) == (None, f"0{seen.host.boot_id}")


def test_a_lower_number_or_another_clone_is_refused(bench: Bench) -> None:
    jobs = bench.staged(*(bench.order(f"e{n}", f"echo e{n} >>'{bench.ledger}'") for n in range(3)))
    assert bench.executor.start(jobs[:1], Driver(9, "b"))["e0"].look is Look.SEEN
    lower = bench.executor.start(jobs[1:2], Driver(8, "a"))["e1"]
    assert (lower.look, "9 b" in lower.reason) == (Look.NOT_DRIVER, True)
    assert bench.executor.start(jobs[1:2], Driver(9, "a"))["e1"].look is Look.NOT_DRIVER
    assert bench.executor.start(jobs[2:], Driver(10, "a"))["e2"].claim
    assert bench.executor.start(jobs[1:2], Driver(9, "b"))["e1"].look is Look.NOT_DRIVER
    bench.ended(jobs[2])
    assert sorted(bench.lines()) == ["e0", "e2"]


def test_a_missing_snapshot_is_refused_by_the_child_and_can_be_mended(bench: Bench) -> None:
    order = bench.order()
    bench.staged(order)
    shutil.rmtree(order.code.dir)
    seen = bench.executor.start([order.job], DRIVER)["one"]
    assert (seen.claim, seen.refusals, "snapshot" in seen.reason) == (None, 1, True)
    Path(order.code.dir).mkdir()
    assert bench.executor.start([order.job], DRIVER)["one"].refusals == 1
    assert bench.ended(order.job).exit is not None


def test_the_snapshot_links_to_the_projects_folders_and_is_placed_once(bench: Bench) -> None:
    order = bench.order()
    bench.staged(order)
    link = Path(order.code.dir, "results/out")
    assert link.readlink() == bench.project / "results/out"
    inode = os.stat(order.code.dir).st_ino
    bench.staged(bench.order("two"))
    assert os.stat(order.code.dir).st_ino == inode
    assert sorted(os.listdir(Path(order.code.dir).parent)) == ["d1"]


@pytest.mark.parametrize(
    ("cmd", "result"),
    [
        ("true", "stale"),
        ('echo new >"$AUTOLAB_PROJECT_DIR/r"', "fresh"),
        ('rm "$AUTOLAB_PROJECT_DIR/r"', "absent"),
        (': >"$AUTOLAB_PROJECT_DIR/r"', "stale"),
    ],
)
def test_only_a_result_of_this_attempt_is_fresh(bench: Bench, cmd: str, result: str) -> None:
    (bench.project / "r").write_text("old")
    os.utime(bench.project / "r", (1, 1))
    assert bench.ended(bench.run(cmd=cmd, result_file="r")).result == result


def test_a_result_with_an_old_date_is_fresh_if_it_differs_from_what_was_there(bench: Bench) -> None:
    (bench.project / "r").write_text("old")
    os.utime(bench.project / "r", (1, 1))
    cmd = 'echo other >"$AUTOLAB_PROJECT_DIR/r"; touch -t 200001010000 "$AUTOLAB_PROJECT_DIR/r"'
    assert bench.ended(bench.run(cmd=cmd, result_file="r")).result == "fresh"


def test_what_the_job_says_of_itself_comes_with_its_end(bench: Bench) -> None:
    cmd = """cd "$AUTOLAB_PROJECT_DIR" && mkdir dispatch && echo '{"wandb_run_id": "x"}' >dispatch/one.run.json"""
    seen = bench.ended(bench.run(cmd=cmd))
    assert (seen.run_json, seen.log) == (b'{"wandb_run_id": "x"}\n', b"")


def test_a_look_that_stays_open_comes_back_at_the_first_end(bench: Bench) -> None:
    gate = bench.root / "gate"
    jobs = bench.staged(
        bench.order("quick", f"while [ ! -e '{gate}' ]; do sleep 0.05; done"), bench.order("slow", "sleep 60")
    )
    bench.executor.start(jobs, DRIVER)
    with ThreadPoolExecutor(1) as pool:
        look = pool.submit(bench.executor.look, jobs, 30)
        gate.touch()
        seen = look.result(timeout=15)
    assert seen["quick"].exit is not None
    assert (seen["slow"].exit, seen["slow"].child, seen["slow"].runner) == (None, Liveness.ALIVE, Liveness.ALIVE)
    assert bench.executor.look(jobs, 1)["slow"].exit is None  # quick's end was told: it is waited for slow
    assert bench.executor.signal(jobs)["slow"].exit is not None


def test_five_hundred_attempts_are_one_question(bench: Bench) -> None:
    orders = [bench.order(f"e{n:03}") for n in range(500)]
    bench.staged(*orders[:20])
    bench.executor.fence([order.job for order in orders[:10]])
    seen = bench.executor.look([order.job for order in orders])
    assert [sum(one.run for one in seen.values()), sum(one.fenced for one in seen.values())] == [20, 10]
    assert all(one.look is Look.SEEN for one in seen.values())


def test_a_path_that_would_break_a_line_is_refused_here(bench: Bench) -> None:
    with pytest.raises(InvalidSpec):
        bench.executor.stage([bench.order(result_file="a\nb")])
    with pytest.raises(InvalidSpec):
        bench.executor.stage([bench.order(env={"A": "b\nc"})])


def test_a_host_is_proved_by_a_real_claim(bench: Bench) -> None:
    probe = bench.executor.probe(str(bench.state))
    assert probe.ok, [check for check in probe.checks if not check.ok]
    assert {"claim", "exit", "fence"} <= {check.name for check in probe.checks}
    assert probe.host.boot_id
