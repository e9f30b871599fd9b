"""What a host says about a bad end: asked by POSIX sh, read strictly."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from autolab.executors.dialects.causes import read_causes
from autolab.executors.runner import script

SHELLS = [
    pytest.param(words, id=words[0] if len(words) == 1 else "busybox")
    for words in (["dash"], ["bash"], ["busybox", "sh"])
    if shutil.which(words[0])
]
KERNEL = f"""\
[  100.000000] Out of memory: Killed process 77 (old) total-vm:9kB, UID:{os.getuid()} pgtables:1kB oom_score_adj:500
[ 5000.500000] Out of memory: Killed process 4711 (python) total-vm:9kB, UID:0 pgtables:1kB oom_score_adj:0
[ 5001.000000] NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.
[ 9000.000000] Memory cgroup out of memory: Killed process 88 (late) total-vm:9kB, UID:{os.getuid()} oom_score_adj:500
"""


def told(
    tmp_path: Path, shell: list[str], *, status: int | None, kernel: str | None = KERNEL, left: int = 1 << 30
) -> str:
    """What the script says of an attempt that ran from second 4000 to second 5002 of its host."""
    run = tmp_path / "e1" / "a1"
    run.mkdir(parents=True)
    ticks = '"start_ticks":400000,"runner_pid":4710'
    (run / "claim").write_text(f'{{"nonce":"n","pid":4711,{ticks}}}\n')
    if status is not None:
        (run / "exit.n.json").write_text(f'{{"nonce":"n","status":{status},"at":1,"uptime_s":5002.11}}\n')
    # Functions stand before programs in every shell, also before the applets that busybox has inside.
    says = "return 1" if kernel is None else f"cat <<'E'\n{kernel}E"
    fakes = f"dmesg() {{\n{says}\n}}\njournalctl() {{ return 1; }}\n"
    fakes += f"df() {{ printf 'Filesystem\\n/dev/sda1  900000000 1 {left}  22%% /\\n'; }}\n"
    text = fakes + script("cause.sh") + 'al_kernel_by=\nal_cause e1/a1 "$PWD"\n'
    done = subprocess.run([*shell, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def causes_of(said: str) -> list[str]:
    head, _, rest = said.partition("\n")
    word, run, kind, size, digest = head.split()
    assert (word, run, kind) == ("file", "e1/a1", "cause")
    content, after = rest.encode()[: int(size)], rest.encode()[int(size) :]
    assert (hashlib.sha256(content).hexdigest(), after) == (digest, b"\n")
    return list(read_causes(content.decode(), gpus=True)["causes"])


@pytest.mark.rule("1.64")
@pytest.mark.parametrize("shell", SHELLS)
def test_the_kernels_word_on_this_very_process_is_a_cause(tmp_path: Path, shell: list[str]) -> None:
    assert causes_of(told(tmp_path, shell, status=137)) == ["kernel_oom", "gpu_lost"]


@pytest.mark.parametrize("shell", SHELLS)
def test_what_the_kernel_did_to_others_or_at_other_times_is_none(tmp_path: Path, shell: list[str]) -> None:
    quiet = "".join(line for line in KERNEL.splitlines(keepends=True) if "4711" not in line and "Xid" not in line)
    assert causes_of(told(tmp_path, shell, status=137, kernel=quiet)) == []


@pytest.mark.parametrize(("status", "causes"), [(137, ["kernel_oom"]), (1, []), (None, ["kernel_oom"])])
def test_a_child_with_our_mark_counts_where_the_attempt_was_killed(
    tmp_path: Path, status: int | None, causes: list[str]
) -> None:
    child = f"[ 5000.0] Out of memory: Killed process 99 (worker) UID:{os.getuid()} pgtables:1kB oom_score_adj:500\n"
    assert causes_of(told(tmp_path, ["sh"], status=status, kernel=child)) == causes


@pytest.mark.parametrize("shell", SHELLS)
def test_a_kernel_that_may_not_be_read_is_said_to_be(tmp_path: Path, shell: list[str]) -> None:
    said = told(tmp_path, shell, status=1, kernel=None)
    assert "kernel unreadable\n" in said
    assert causes_of(said) == []


def test_a_good_end_is_not_asked_about(tmp_path: Path) -> None:
    assert told(tmp_path, ["sh"], status=0) == "none e1/a1 cause\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_full_disk_is_seen(tmp_path: Path, shell: list[str]) -> None:
    said = told(tmp_path, shell, status=1, kernel="", left=12)
    assert "disk 12 e1/a1\n" in said
    assert causes_of(said) == ["disk_full"]


def test_disks_are_causes_when_full_and_notes_when_low() -> None:
    found = read_causes("kernel dmesg\ndisk 3 /data/run\ndisk 500000 /home\ndisk 0 /tmp\ndisk 9999999 /x\n", gpus=False)
    assert found == {
        "causes": ["disk_full"],
        "notes": ["kernel log: read", *(f"disk of {at} MiB left" for at in ("/data/run: 0", "/home: 488", "/tmp: 0"))],
    }


@pytest.mark.parametrize(
    "text", ["", "oom x", "oom", "disk -1 /x", "disk 1e9 /x", "kernel maybe", "xid 79", "\x00\x1b[2J", "disk"]
)
def test_nonsense_is_no_cause(text: str) -> None:
    assert read_causes(text, gpus=False)["causes"] == []
