"""A whole attempt on a host over SSH: what a cut line, a dead sshd, a reboot and a bare host change, and what not."""

from __future__ import annotations

import secrets
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autolab.executors.dialects.process import Process
from autolab.executors.executor import Executor
from autolab.hosts.ssh import SshConnection
from autolab.model.action import Code, Driver, Job, StageOrder
from autolab.model.observation import Liveness, Look
from tests.bench import until
from tests.labhosts import USERLANDS, LabHosts

pytestmark = [
    pytest.mark.ssh,
    pytest.mark.timeout(180),
    pytest.mark.parametrize("userland", USERLANDS, indirect=True, scope="module"),
]
LAB = "5afe5afe" * 4
DRIVER = Driver(1, "clone")


def order(tmp_path: Path, cmd: str) -> StageOrder:
    archive = tmp_path / "code.tar"
    with tarfile.open(archive, "w"):
        pass
    id = f"e-{tmp_path.name}".replace("_", "-").replace("..", "-")[:60]
    run = f"~/.local/state/autolab/{LAB[:8]}/{id}/a1"
    job = Job(LAB, id, 1, run, "altoken", "f00d", "~/project", "results/r.txt")
    links = {"results": "~/project/results"}
    return StageOrder(job, Code("c0de", f"~/.local/state/autolab/{LAB[:8]}/code/c0de", archive, links), cmd, {}, "{}")


def executor(connection: SshConnection) -> Executor:
    return Executor(connection, Process(grace_s=1), lambda: datetime.now(UTC))


def test_an_attempt_outlives_its_connection_and_its_sshd(
    lab: LabHosts, ssh_to: Callable[..., SshConnection], tmp_path: Path
) -> None:
    gate = f"gate-{secrets.token_hex(8)}"
    waits = f'while [ ! -e ~/{gate} ]; do sleep 0.05; done; echo "$AUTOLAB_ID" >results/r.txt; exit 6\n'
    wanted = order(tmp_path, waits)
    first = ssh_to("lab1")
    assert executor(first).stage([wanted])[wanted.job.id].staged_boot
    claim = executor(first).start([wanted.job], DRIVER)[wanted.job.id].claim
    assert claim is not None
    first.close()
    lab.kill_sshd("lab1")
    assert executor(ssh_to("lab1")).look([wanted.job])[wanted.job.id].look is not Look.SEEN
    lab.heal()
    again = executor(ssh_to("lab1"))
    seen = again.look([wanted.job])[wanted.job.id]
    assert (seen.claim, seen.child) == (claim, Liveness.ALIVE)
    lab.put("lab1", gate, "")
    seen = again.look([wanted.job], hold_s=20)[wanted.job.id]
    assert seen.exit is not None
    assert (seen.exit.status, seen.result) == (6, "fresh")
    result = again.collect(wanted.job, tmp_path / "got").result
    assert result is not None
    assert result.read_text() == f"{wanted.job.id}\n"


def test_a_host_with_busybox_alone_is_proved_by_a_claim(lab: LabHosts, ssh_to: Callable[..., SshConnection]) -> None:
    lab.path_only("lab2", lab.busybox_folder())
    probe = executor(ssh_to("lab2")).probe("~/.local/state/autolab")
    assert probe.ok, [check for check in probe.checks if not check.ok]


def test_noise_of_start_up_files_harms_nothing(lab: LabHosts, ssh_to: Callable[..., SshConnection]) -> None:
    lab.bashrc("lab1", "echo welcome; echo files; printf 'autolab 1\\n' >&2\n")
    assert executor(ssh_to("lab1")).probe("~/.local/state/autolab").ok


def test_after_a_reboot_a_claim_of_the_boot_before_proves_nothing_about_processes(
    lab: LabHosts, ssh_to: Callable[..., SshConnection], tmp_path: Path
) -> None:
    running = order(tmp_path, "sleep 600\n")
    waiting = replace(
        running, job=replace(running.job, id="waiting", dir=running.job.dir.replace(running.job.id, "waiting"))
    )
    before = executor(ssh_to("lab2"))
    before.stage([running, waiting])
    claim = before.start([running.job], DRIVER)[running.job.id].claim
    assert claim is not None
    lab.stop("lab2")
    lab.start("lab2")
    after = executor(ssh_to("lab2"))
    until(lambda: after.look([running.job])[running.job.id].look is Look.SEEN)
    seen = after.start([running.job, waiting.job], DRIVER)
    assert (seen[running.job.id].claim, seen[running.job.id].exit) == (claim, None)
    assert seen[running.job.id].host.boot_id != claim.boot_id
    assert (seen[running.job.id].child, seen[running.job.id].runner) == (Liveness.UNKNOWN, Liveness.UNKNOWN)
    assert (seen["waiting"].claim, seen["waiting"].exit) == (None, None)
    assert after.fence([waiting.job])["waiting"].fenced
