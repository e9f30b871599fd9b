"""Room is made on a host: of what is over, and of nothing else there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from autolab.model.ids import lab8
from tests.labs import GO, SmallLab, an_experiment

LONG_AGO = 1_000_000_000


def clean(small: SmallLab, *words: str) -> dict[str, Any]:
    """What the command says; ``HERE`` is left out."""
    done = subprocess.run(
        [sys.executable, "-m", "autolab", "-C", str(small.root), "clean", "--older-than", "0", "--json", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)["data"]["hosts"][0]["removed"]}


def test_what_is_over_goes_but_its_claim_and_what_is_open_stays_whole(tmp_path: Path) -> None:
    with SmallLab(tmp_path, {"local": {"kind": "local", "slots": 2}}) as small:
        small.add(an_experiment("over", "echo much >big"), an_experiment("open", GO))
        root = tmp_path / "state" / lab8(small.lab)
        with small.engine() as at_work:
            at_work.until_are("done", "over")
            at_work.until_are("running", "open")
        code = next(path for path in (root / "code").iterdir() if not path.name.startswith("."))
        (root / "code" / "unneeded").mkdir()
        (root / "code" / ".stage.0123").mkdir()
        (tmp_path / "state" / "strangers").mkdir()
        for path in (code, root / "code" / "unneeded", root / "code" / ".stage.0123", tmp_path / "state" / "strangers"):
            os.utime(path, (LONG_AGO, LONG_AGO))
        before = sorted(path.name for path in (root / "open" / "a1").iterdir())
        said = clean(small, "--dry-run")
        assert set(said) == {"over/a1", "unneeded", ".stage.0123"}
        assert (root / "over/a1/out.log").exists()
        assert set(clean(small)) == set(said)
        assert [path.name for path in (root / "over" / "a1").iterdir()] == ["claim"]
        assert sorted(path.name for path in (root / "open" / "a1").iterdir()) == before
        assert code.is_dir()
        assert (tmp_path / "state" / "strangers").is_dir()
        assert clean(small) == {}
        (small.project_on("local") / "go").touch()
        with small.engine() as at_work:
            at_work.until_are("done", "open")
        small.assert_once_each("over", "open")


LEAVES = 'cd "$AUTOLAB_PROJECT_DIR"; mkdir -p "{0}"; echo x >"{0}/last.pt"; '
STORED = 'echo \'{"hf_artifact_url": "https://hub.example.org/x"}\' >"$AUTOLAB_RUN_JSON"'


def test_checkpoints_go_once_their_artifact_is_recorded_and_no_link_is_followed(tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere"
    (outside / "linked").mkdir(parents=True)
    with SmallLab(tmp_path, {"local": {"kind": "local", "slots": 3}}) as small:
        stored, unknown = "checkpoints/with a space", "checkpoints/unknown"
        lead = f'cd "$AUTOLAB_PROJECT_DIR"; mkdir -p checkpoints; ln -s {outside} checkpoints/way; {STORED}'
        small.add(
            an_experiment("stored", LEAVES.format(stored) + STORED, checkpoint_dir=stored),
            an_experiment("unknown", LEAVES.format(unknown), checkpoint_dir=unknown),
            an_experiment("linked", lead, checkpoint_dir="checkpoints/way/linked"),
        )
        with small.engine() as at_work:
            at_work.until_are("done", "stored", "unknown", "linked")
        there = small.project_on("local")
        assert clean(small, "--dry-run").keys() & {stored, unknown} == set()
        for words in (("--checkpoints", "--dry-run"), ("--checkpoints",)):
            done = subprocess.run(
                [sys.executable, "-m", "autolab", "-C", str(small.root), "clean", "--older-than", "0", *words],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert f"checkpoint {stored}, 8 KiB" in done.stdout
            assert f"kept checkpoint {unknown}: no artifact is recorded" in done.stdout
            assert "kept checkpoint checkpoints/way/linked: a link leads to it" in done.stdout
            assert (there / stored).exists() is ("--dry-run" in words)
        assert (there / unknown / "last.pt").exists()
        assert (outside / "linked").is_dir()
