"""A whole lab whose experiments fail in ways that are seen while they run, and by what their host says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.labs import GO, SmallLab, an_experiment

KINDS = [{"name": "stuck", "patterns": ["^I am stuck"], "watch": True, "stop": True, "remedy": "ask"}]


@pytest.mark.rule("0.19", "1.62", "1.65", "B36")
def test_what_a_running_log_says_is_asked_about_and_only_a_kind_that_says_so_is_ended(tmp_path: Path) -> None:
    with SmallLab(
        tmp_path,
        {"local": {"kind": "local", "slots": 5}},
        policies={"log_every": "200ms"},
        more={"failures": KINDS},
    ) as lab:
        step = {"patterns": ["^step 1$"], "within_s": 1}
        lab.add(
            an_experiment("nan", f"echo loss=nan; {GO}"),
            an_experiment("talk", f"echo 'on_nan: stop when loss=nan'; {GO}"),
            an_experiment("stuck", f"echo I am stuck; {GO}"),
            an_experiment("slow", f"echo loading; {GO}", first_step=step),
            an_experiment("quick", f'echo "step 1"; echo $AUTOLAB_RUN_NAME; {GO}', first_step=step),
        )
        with lab.engine() as at_work:
            assert "loss=nan" in at_work.until_asked("seen_failing", "nan").seen
            assert at_work.until_asked("known_failure", "stuck")
            assert "not seen: ^step 1$" in at_work.until_asked("no_first_step", "slow").seen
            assert at_work.status("nan") == at_work.status("slow") == "running"
            lab.go()
            at_work.until_are("done", "nan", "talk", "slow", "quick")
        assert [event["id"] for event in lab.events("noticed")] in (["nan", "stuck"], ["stuck", "nan"])
        assert [event["id"] for event in lab.events("stop_asked")] == ["stuck"]
        assert lab.state()["questions"] == [q for q in lab.state()["questions"] if q["about"] == "stuck"]
        assert (lab.root / "experiments/logs/quick.log").read_text() == "step 1\nquick\n"
        lab.assert_replay_equals_state()


@pytest.mark.rule("1.64")
def test_what_a_signal_ended_is_asked_about_at_its_host(tmp_path: Path) -> None:
    with SmallLab(tmp_path, {"local": {"kind": "local"}}) as lab:
        lab.add(an_experiment("shot", "kill -9 $$", max_retries=0))
        with lab.engine() as at_work:
            seen = at_work.until_asked("retries_exhausted", "shot").seen
        assert "signal 9, or the program's own code" in seen
        assert "kernel log: " in seen
        lab.assert_replay_equals_state()
