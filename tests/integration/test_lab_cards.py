"""Cards of a host that finds them itself: each is one experiment's at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.labs import SmallLab, an_experiment

CARDS = 2
JOBS = 6
# A job holds its card's lock while it runs and fails loudly where another one does.
HOLD = """
card="$CUDA_VISIBLE_DEVICES"
echo "$AUTOLAB_ID:$card" >>"$AUTOLAB_PROJECT_DIR/cards"
case "$card" in 0|1) ;; *) echo "no single card: '$card'" >&2; exit 64 ;; esac
mkdir "$AUTOLAB_PROJECT_DIR/card-$card" || { echo "card $card is another job's" >&2; exit 65; }
touch "$AUTOLAB_PROJECT_DIR/began-$AUTOLAB_ID"
WAIT
rmdir "$AUTOLAB_PROJECT_DIR/card-$card"
"""
BOTH = 'until [ -e "$AUTOLAB_PROJECT_DIR/began-j0" ] && [ -e "$AUTOLAB_PROJECT_DIR/began-j1" ]; do sleep 0.02; done'
NO_CARD = '[ "${CUDA_VISIBLE_DEVICES-unset}" = "" ] || { echo "sees $CUDA_VISIBLE_DEVICES" >&2; exit 66; }'


@pytest.fixture
def two_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fake vendor's tool on the PATH; the file says what it lists."""
    folder, listed = tmp_path / "bin", tmp_path / "listed"
    folder.mkdir()
    listed.write_text("".join(f"{card}\n" for card in range(CARDS)))
    tool = folder / "nvidia-smi"
    tool.write_text(f'#!/bin/sh\ncase "$*" in *index*) cat "{listed}" ;; *) exit 1 ;; esac\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return listed


def a_lab(tmp_path: Path) -> SmallLab:
    return SmallLab(tmp_path, {"local": {"kind": "local", "slots": 8, "gpus": "auto"}})


def test_each_experiment_has_a_card_of_its_own_and_one_that_asks_for_none_sees_none(
    tmp_path: Path, two_cards: Path
) -> None:
    with a_lab(tmp_path) as lab:
        one = {"resources": {"gpus": 1}}
        first = [an_experiment(f"j{n}", HOLD.replace("WAIT", BOTH), **one) for n in range(CARDS)]
        later = [an_experiment(f"j{n}", HOLD.replace("WAIT", ":"), **one) for n in range(CARDS, JOBS)]
        lab.add(*first, *later, an_experiment("plain", NO_CARD))
        with lab.engine() as at_work:
            at_work.until_are("done", within_s=60)
        used = [line.split(":") for line in (lab.project_on("local") / "cards").read_text().splitlines()]
        assert len(used) == JOBS
        assert {card for ident, card in used if ident in ("j0", "j1")} == {"0", "1"}
        shown = {ident: entry["gpu"] for ident, entry in lab.entries().items()}
        assert {ident: str(shown[ident]) for ident, _ in used} == dict(used)
        lab.assert_once_each(*shown)


def test_an_experiment_for_both_cards_has_both_and_runs_beside_no_other(tmp_path: Path, two_cards: Path) -> None:
    both = """
[ "$CUDA_VISIBLE_DEVICES" = 0,1 ] || exit 64
for card in 0 1; do mkdir "$AUTOLAB_PROJECT_DIR/card-$card" || exit 65; done
rmdir "$AUTOLAB_PROJECT_DIR/card-0" "$AUTOLAB_PROJECT_DIR/card-1"
"""
    with a_lab(tmp_path) as lab:
        ones = [an_experiment(f"j{n}", HOLD.replace("WAIT", ":"), resources={"gpus": 1}) for n in range(2)]
        lab.add(*ones, an_experiment("big", both, resources={"gpus": 2}))
        with lab.engine() as at_work:
            at_work.until_are("done", within_s=60)


def test_more_cards_than_the_host_lists_wait_and_say_why(tmp_path: Path, two_cards: Path) -> None:
    with a_lab(tmp_path) as lab:
        lab.add(an_experiment("big", "true", resources={"gpus": 3}), an_experiment("small", resources={"gpus": 1}))
        with lab.engine() as at_work:
            at_work.until_are("done", "small")
            assert at_work.status("big") == "pending"
        assert lab.ledger()["big 1"] == 0
