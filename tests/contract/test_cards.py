"""Cards on a host: a last look and a reservation before the claim, in bash and with busybox alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autolab.model.action import Job
from autolab.model.card import REFUSED_CARD, GivenCard
from tests.bench import DRIVER, Bench, until

CARD = GivenCard("0", "GPU-a", "GPU-a")
OTHER = GivenCard("1", "GPU-b", "GPU-b")
BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
NS = os.readlink("/proc/self/ns/pid")
GO = 'until [ -e "$AUTOLAB_PROJECT_DIR/go" ]; do sleep 0.05; done'


@pytest.fixture(params=("bash", "busybox"))
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A host of each kind with a vendor's tool that lists the processes that the test writes down."""
    if request.param in {"busybox", "applets"} and not shutil.which("busybox"):
        pytest.skip("busybox is missing")
    bench = Bench(tmp_path / "a b", request.param, grace_s=2, tools={"nvidia-smi": TOOL.format(root=tmp_path)})
    (tmp_path / "apps").write_text("")
    (tmp_path / "apps.status").write_text("0\n")
    yield bench
    (bench.project / "go").touch()
    until(lambda: not bench.processes())


TOOL = """case "$*" in
*compute-apps*) cat '{root}/apps'; exit "$(cat '{root}/apps.status')" ;;
*query-gpu*) echo 'GPU-a' | sed 's/.*/0, GPU-a, Fake, 1000, 4, 0, Disabled/' ;;
esac"""


def apps(tmp_path: Path, text: str, status: int = 0) -> None:
    (tmp_path / "apps").write_text(text)
    (tmp_path / "apps.status").write_text(f"{status}\n")


def shelf(bench: Bench) -> list[str]:
    folder = bench.root / "cards"
    return sorted(path.name.split(".")[0] for path in folder.iterdir()) if folder.exists() else []


def started(bench: Bench, job: Job) -> bool:
    bench.executor.start([job], DRIVER)
    until(lambda: (seen := bench.see(job)).claim or seen.refusals)
    return bench.see(job).claim is not None


def entry(bench: Bench, name: str, **more: str) -> Path:
    """Somebody's reservation of a card; by default of a process that lives: this test."""
    ticks = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    said = {"nonce": "f" * 32, "lab": "feedbeef", "id": "theirs", "attempt": "1", "pid": str(os.getpid()),
            "ticks": ticks, "boot": BOOT, "ns": NS, "share": "whole", **more}  # fmt: skip
    folder = bench.root / "cards"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o1777)
    path = folder / name
    path.write_text(" ".join(said.values()) + "\n/nowhere\n")
    return path


@pytest.mark.rule("B51")
def test_a_card_is_reserved_while_its_job_runs_and_no_longer(bench: Bench) -> None:
    job = bench.run(cmd=GO, cards=(CARD, OTHER))
    until(lambda: bench.see(job).claim)
    assert shelf(bench) == ["GPU-a", "GPU-b"]
    assert oct((bench.root / "cards").stat().st_mode)[-4:] == "1777"
    (second,) = bench.staged(bench.order("two", cards=(OTHER,)))
    assert not started(bench, second)
    refused = bench.see(second)
    assert refused.reason.startswith(f"{REFUSED_CARD}GPU-b is reserved: one of user ")
    (bench.project / "go").touch()
    bench.ended(job)
    assert shelf(bench) == []
    assert started(bench, second)
    bench.ended(second)


@pytest.mark.rule("1.15")
def test_a_stranger_on_the_card_at_the_last_moment_makes_the_child_refuse(bench: Bench, tmp_path: Path) -> None:
    apps(tmp_path, f"GPU-b, 1, 5\nGPU-a, {os.getpid()}, 900\n")
    (job,) = bench.staged(bench.order(cmd="echo ran", cards=(CARD,)))
    assert not started(bench, job)
    assert bench.see(job).reason.startswith(f"card GPU-a is in use: pid {os.getpid()} of user ")
    assert shelf(bench) == []
    apps(tmp_path, "GPU-b, 1, 5\n")
    assert started(bench, job)
    assert bench.ended(job).log == b"ran\n"


@pytest.mark.parametrize(("text", "status"), [("ERR!\n", 0), ("couldn't communicate with the NVIDIA driver\n", 9)])
def test_a_tool_that_gives_no_answer_is_no_free_card(bench: Bench, tmp_path: Path, text: str, status: int) -> None:
    apps(tmp_path, text, status)
    (job,) = bench.staged(bench.order(cards=(CARD,)))
    assert not started(bench, job)
    assert bench.see(job).reason == f"card not known: nvidia-smi says {text.strip()}"


@pytest.mark.rule("B51")
@pytest.mark.parametrize(
    ("more", "runs"),
    [
        ({}, False),
        ({"boot": "another-boot"}, True),
        ({"pid": "4194305"}, True),
        ({"ticks": "1"}, True),
        ({"ns": "pid:[1]", "pid": "4194305"}, False),
        ({"pid": "$(touch /tmp/never)", "ticks": "x"}, False),
        ({"id": "\x1b[31m`id`"}, False),
        ({"share": "500"}, False),
    ],
)
def test_a_reservation_of_somebody_else_holds_until_it_is_proven_over(
    bench: Bench, more: dict[str, str], runs: bool
) -> None:
    entry(bench, "GPU-a.7", **more)
    (job,) = bench.staged(bench.order(cards=(CARD,)))
    assert started(bench, job) is runs
    if runs:
        bench.ended(job)
    else:
        assert "\x1b" not in bench.see(job).reason


def test_what_is_no_file_of_ours_in_the_folder_is_never_followed(bench: Bench, tmp_path: Path) -> None:
    entry(bench, "GPU-b.1")
    for name in ("GPU-a.9", "GPU-a.089", "GPU-a.x", "GPU-a.99999999999999999999"):
        (bench.root / "cards" / name).symlink_to(tmp_path / "target")
    os.mkfifo(bench.root / "cards" / "GPU-a.8")
    job = bench.run(cmd="true", cards=(CARD,))
    bench.ended(job)
    assert not (tmp_path / "target").exists()


def test_a_folder_that_is_not_everybodys_reserves_nothing(bench: Bench) -> None:
    (bench.root / "cards").mkdir(mode=0o700)
    (job,) = bench.staged(bench.order(cards=(CARD,)))
    assert not started(bench, job)
    assert bench.see(job).reason.startswith("card folder ")


@pytest.mark.rule("B51")
def test_of_eight_labs_that_come_at_once_for_one_card_one_runs(bench: Bench) -> None:
    orders = [bench.order(f"e{n}", cmd=f'echo x >>"{bench.ledger}"; {GO}', cards=(CARD,)) for n in range(8)]
    jobs = bench.staged(*orders)
    bench.executor.start(jobs, DRIVER)

    def settled() -> bool:
        return all(seen.claim or seen.refusals for seen in bench.executor.look(jobs).values())

    until(settled)
    winners = [id for id, seen in bench.executor.look(jobs).items() if seen.claim]
    assert len(winners) <= 1
    until(lambda: len(bench.lines()) == len(winners))
    (bench.project / "go").touch()
    until(lambda: shelf(bench) == [])


def test_two_shares_of_one_lab_lie_side_by_side_and_a_whole_one_does_not(bench: Bench, tmp_path: Path) -> None:
    half = replace(CARD, mib=500)
    first = bench.run(cmd=GO, cards=(half,))
    until(lambda: bench.see(first).claim)
    claim = bench.see(first).claim
    assert claim is not None
    apps(tmp_path, f"GPU-a, {claim.pid}, 400\n")
    second, whole = bench.staged(bench.order("two", cmd=GO, cards=(half,)), bench.order("three", cards=(CARD,)))
    assert started(bench, second)
    assert not started(bench, whole)
    (bench.project / "go").touch()
    bench.ended(first)
    bench.ended(second)


def test_a_reservation_whose_holder_was_killed_with_its_runner_is_taken_over(bench: Bench) -> None:
    job = bench.run(cmd="exec sleep 600", cards=(CARD,))
    until(lambda: bench.see(job).claim)
    claim = bench.see(job).claim
    assert claim is not None
    os.kill(claim.runner_pid, signal.SIGKILL)
    os.kill(claim.pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{claim.pid}/exe").exists())
    assert shelf(bench) == ["GPU-a"]
    second = bench.run("two", cards=(CARD,))
    bench.ended(second)
    assert shelf(bench) == []


def test_the_inventory_tells_cards_processes_and_reservations(bench: Bench, tmp_path: Path) -> None:
    job = bench.run(cmd=GO, cards=(CARD,))
    until(lambda: bench.see(job).claim)
    claim = bench.see(job).claim
    assert claim is not None
    apps(tmp_path, f"GPU-a, {claim.pid}, 400\n")
    report = bench.executor.cards("nvidia-smi", str(bench.root / "cards"))
    me = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    (card,) = report.cards
    assert (report.problem, card.model, card.memory_mib) == ("", "Fake", 1000)
    assert [(user.pid, user.user, user.mib, user.token) for user in card.users] == [
        (claim.pid, me, 400, "alabcdefghijkl")
    ]
    assert [(one.user, one.id, one.nonce) for one in card.reserved] == [(me, "one", claim.nonce)]
    (bench.project / "go").touch()
    bench.ended(job)
    assert bench.executor.cards("none", str(bench.root / "cards")).cards == ()
