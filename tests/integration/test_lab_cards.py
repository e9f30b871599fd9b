"""GPUs of whole labs: never two on a card, whoever else is on the hosts."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from autolab.api.place import Place
from autolab.api.view import ps, show
from tests.labhosts import LabHosts
from tests.labs import SmallLab, an_experiment

# A vendor's tool whose processes are those alive on the host that have a card to see. If the test left word of one, a
# stranger comes when the child that has reserved the card is about to look: the engine has seen it free, and it is not
# any more. (Who comes behind that look, in the milliseconds before the command begins, cannot be seen by anybody.)
TOOL = """#!/bin/sh
from=$PWD
cd "${FAKE_GPUS:=$HOME}" || exit 1
case $from in */code/*)
  card=$(cat stranger 2>/dev/null)
  holder=$(cut -d ' ' -f 5 /tmp/autolab-cards/"$card".* 2>/dev/null | head -n 1)
  up=$$
  while [ -n "$holder" ] && [ "${up:-0}" -gt 1 ] && [ "$up" != "$holder" ]; do
    up=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$up/status")
  done
  if [ "$up" = "$holder" ] && mv stranger stranger.here 2>/dev/null; then
    CUDA_VISIBLE_DEVICES=$card setsid flock "locks/$card" sleep 3 >/dev/null 2>&1 </dev/null &
    sleep 0.3
  fi ;;
esac
case "$*" in
*query-gpu*)
  n=0
  while read -r card; do echo "$n, $card, Fake 80GB, 80000, 4, 0, [N/A]"; n=$((n + 1)); done <cards ;;
*compute-apps*)
  for file in $(grep -ls 'CUDA_VISIBLE_DEVICES=GPU-' /proc/[0-9]*/environ); do
    pid=${file#/proc/}
    tr '\\0' '\\n' 2>/dev/null <"$file" | sed -n 's/^CUDA_VISIBLE_DEVICES=//p' | tr , '\\n' | while read -r card; do
      grep -qx "$card" cards && echo "$card, ${pid%/environ}, 900"
    done
  done ;;
esac
exit 0
"""
# A job holds its card's lock while it runs and fails loudly where somebody else does.
HOLD = """
exec 9>"${FAKE_GPUS:-$HOME}/locks/$CUDA_VISIBLE_DEVICES"
flock -n 9 || { echo "$CUDA_VISIBLE_DEVICES is somebody else's" >&2; exit 65; }
echo "$AUTOLAB_ID:$CUDA_VISIBLE_DEVICES" >>"$AUTOLAB_PROJECT_DIR/cards"
sleep 0.3
"""
NO_CARD = '[ "${CUDA_VISIBLE_DEVICES-unset}" = "" ] || { echo "sees $CUDA_VISIBLE_DEVICES" >&2; exit 66; }'
QUICK: dict[str, Any] = {
    "gpus": {"look_every": "300ms"},
    "failures": [{"name": "card_taken", "wait": "500ms"}],
}
ONE = {"resources": {"gpus": 1}}


def with_cards(lab: LabHosts, name: str) -> None:
    """Two cards and the tool on a host."""
    lab.put(name, "cards", f"GPU-{name}-a\nGPU-{name}-b\n")
    lab.put(name, "bin/nvidia-smi", TOOL)
    (lab.home_of(name) / "bin" / "nvidia-smi").chmod(0o755)
    (lab.home_of(name) / "locks").mkdir(exist_ok=True)
    (lab.home_of(name) / "locks").chmod(0o777)
    home = lab.user.pw_dir if lab.isolated else str(lab.home_of(name))
    lab.path_only(name, Path(f"{home}/bin:/usr/local/bin:/usr/bin:/bin"))


@pytest.mark.ssh
@pytest.mark.rule("B51", "1.15", "1.21")
def test_two_labs_at_once_and_a_stranger_in_between_never_put_two_on_a_card(lab: LabHosts, tmp_path: Path) -> None:
    if not shutil.which("flock"):
        pytest.skip("flock is missing")
    for name in ("lab1", "lab2"):
        with_cards(lab, name)
    lab.put("lab1", "stranger", "GPU-lab1-b\n")
    hosts = {name: {"kind": "ssh", "slots": 4, "gpus": "auto"} for name in ("lab1", "lab2")}
    with ExitStack() as stack:
        labs = [
            stack.enter_context(SmallLab(tmp_path / name, hosts, lab_hosts=lab, more=QUICK)) for name in ("one", "two")
        ]
        for n, small in enumerate(labs):
            small.add(*(an_experiment(f"{'ab'[n]}{m}", HOLD, **ONE) for m in range(5)))
        at_work = [stack.enter_context(small.engine()) for small in labs]
        for engine in at_work:
            engine.until_are("done", within_s=90)
            assert {host.status.value for host in engine.hosts.values()} == {"ready"}
            assert {entry.retry_count for entry in engine.entries.values()} == {0}
        ends = [e["end"] for small in labs for e in small.events("ended")]
        assert any(e["how"] == "card_taken" and "in use: pid" in e["detail"] for e in ends), ends
        used = {line.split(":")[1] for small in labs for h in hosts for line in _lines(small.project_on(h) / "cards")}
        assert used >= {"GPU-lab2-a", "GPU-lab2-b", "GPU-lab1-a"}
        for small in labs:
            assert {str(entry["gpu"]) for entry in small.entries().values()} <= {"0", "1"}
            small.assert_replay_equals_state()


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def cards_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two cards and the tool on this machine; where they are reserved is the test's own."""
    folder = tmp_path / "fake"
    (folder / "locks").mkdir(parents=True)
    (folder / "cards").write_text("GPU-here-a\nGPU-here-b\n")
    (folder / "nvidia-smi").write_text(TOOL.replace("#!/bin/sh", f"#!/bin/sh\nFAKE_GPUS='{folder}'"))
    (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def here(tmp_path: Path, **more: Any) -> SmallLab:
    local = {"kind": "local", "slots": 8, "gpus": "auto", "card_dir": str(tmp_path / "reserved"), **more}
    return SmallLab(tmp_path, {"local": local}, more=QUICK)


def test_one_that_asks_for_none_sees_none_and_one_that_asks_for_both_has_both(tmp_path: Path, cards_here: Path) -> None:
    both = '[ "$CUDA_VISIBLE_DEVICES" = GPU-here-a,GPU-here-b ] || exit 64'
    with here(tmp_path) as lab:
        ones = [an_experiment(f"j{n}", HOLD, **ONE, env={"FAKE_GPUS": str(cards_here)}) for n in range(2)]
        lab.add(*ones, an_experiment("big", both, resources={"gpus": 2}), an_experiment("plain", NO_CARD))
        with lab.engine() as at_work:
            at_work.until_are("done", within_s=60)
        shown = lab.entries()
        assert (shown["big"]["gpu"], shown["plain"]["gpu"]) == ("0,1", None)
        lab.assert_once_each(*shown)


@pytest.mark.rule("1.69")
def test_what_waits_for_a_card_says_which_and_why(tmp_path: Path, cards_here: Path) -> None:
    with here(tmp_path, gpu_avoid=[1]) as lab:
        lab.add(an_experiment("big", "true", resources={"gpus": 2}), an_experiment("small", **ONE))
        with lab.engine() as at_work:
            at_work.until_are("done", "small")
            assert at_work.status("big") == "pending"
        place = Place(lab.layout)
        (line,) = ps(place)["experiments"]
        assert line["why"] == "2 GPUs wanted: local: 1 of 2 free, GPU 1 not given out: gpu_avoid names its index"
        assert show(place, "big")["experiment"]["why"] == line["why"]
        assert lab.ledger()["big 1"] == 0
