"""What a check's answers mean, from answers as hosts give them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from autolab.model.check_settings import CheckSettings
from autolab.model.env_document import env_document
from autolab.model.readiness import HostReport, Readiness, Stage, Step
from autolab.rules.host_report import Machine, Said, machine_findings, probe_shell, report_of
from tests.builders import T0, a_host, seconds

KEYS = [
    "host", "status", "available_gpus", "conda_env", "torch_version", "cuda_available", "dry_run_passed",
    "gpu_check_method", "checked_at", "remote_project_dir", "notes", "content_hash", "valid_until",
]  # fmt: skip
GOOD: dict[str, Any] = {
    "facts": a_host(), "skew_s": 0.2, "start_s": 0.1, "free_mib": {"project": 9000, "state": 9000},
    "writable": {"project": True, "state": True}, "container": "no", "kills": False,
}  # fmt: skip
WELL = Said(('probe {"python": "3.12.1", "torch": "2.4.0+cu121", "cuda": true}',))


def report(ready: Said | None = WELL, dry: Said | None = None, **machine: Any) -> HostReport:
    made = Machine(**{**GOOD, **machine})
    return report_of(made, CheckSettings(), ready=ready, dry=dry, project_dir="~/p", conda_env=None)


def test_a_good_host_is_ready_and_says_what_is_in_its_environment() -> None:
    found = report()
    assert (found.ready, found.python, found.torch, found.cuda) == (True, "3.12.1", "2.4.0+cu121", True)
    assert {one.verdict for one in found.findings} == {"ok"}
    assert "Python 3.12.1, torch 2.4.0+cu121, CUDA" in [one.found for one in found.findings]


@pytest.mark.parametrize(
    ("machine", "name", "verdict", "words"),
    [
        ({"noise": "Welcome\x1b[31m to\n gpu1"}, "start-up noise", "warn", "it prints"),
        ({"start_s": 7.0}, "start-up time", "warn", "after 7.0 s"),
        ({"skew_s": -3600.0}, "clock", "warn", "-3600 s from ours"),
        ({"skew_s": None}, "clock", "warn", "does not say"),
        ({"free_mib": {"state": 10}}, "state folder", "warn", "10 MiB free"),
        ({"free_mib": {}}, "project folder", "warn", "not known"),
        ({"writable": {"state": False}}, "state folder", "fail", "cannot be written"),
        ({"kills": True}, "logout", "fail", "KillUserProcesses"),
        ({"kills": None}, "logout", "warn", "not known"),
        ({"container": "docker"}, "container", "ok", "in one (docker)"),
        ({"cannot": (("fail", "links", "no hard links here", "set state_dir"),)}, "links", "fail", "no hard links"),
    ],
)
def test_what_is_wrong_with_a_machine_is_one_line_of_its_own(
    machine: dict[str, Any], name: str, verdict: str, words: str
) -> None:
    found = [one for one in machine_findings(Machine(**{**GOOD, **machine}), CheckSettings()) if one.name == name]
    assert [(one.verdict, words in one.found) for one in found] == [(verdict, True)]
    assert report(**machine).ready == (verdict != "fail")


@pytest.mark.rule("1.20")
@pytest.mark.parametrize(
    ("lines", "step", "why"),
    [
        (["failed create 1", "| a", "| No matching distribution"], Step.CREATE, "(status 1): No matching distribution"),
        (["did create", "failed install 124", "| downloading"], Step.INSTALL, "it took too long"),
        (["failed probe 78", "| autolab: env.path: no python"], Step.ENTER, "no python"),
        (["failed probe 1"], Step.ENTER, "cannot be looked into (status 1)"),
    ],
)
def test_the_step_that_failed_is_named_with_its_last_line(lines: list[str], step: Step, why: str) -> None:
    found = report(Said(tuple(lines)))
    assert (found.failed, found.may_help, why in found.why) == (step, True, True)


def test_a_failure_keeps_the_last_twenty_lines() -> None:
    found = report(Said(("failed install 1", *(f"| line {n}" for n in range(30)))))
    assert found.output.splitlines() == [f"line {n}" for n in range(10, 30)]


def test_an_errand_without_an_end_is_a_failure_in_its_own_words() -> None:
    assert report(Said((), "it did not end in time")).why == "it did not end in time"


@pytest.mark.parametrize("told", ["probe [1]", "probe {", 'probe {"python": 3, "torch": "x y", "cuda": "yes"}', "junk"])
def test_a_probe_that_prints_garbage_finds_nothing(told: str) -> None:
    found = report(Said((told,)))
    assert (found.ready, found.python, found.torch, found.cuda) == (True, None, None, None)


@pytest.mark.parametrize(
    ("lines", "passed", "failed"),
    [
        (["passed first"], True, None),
        (["unknown flags"], None, None),
        (["failed first 1", "| Traceback", "| KeyError"], False, Step.DRY_RUN),
        (["failed second 124"], False, Step.DRY_RUN),
        ([], None, None),
    ],
)
def test_a_dry_run_passes_fails_or_is_not_known(lines: list[str], passed: bool | None, failed: Step | None) -> None:
    found = report(dry=Said(tuple(lines)))
    assert (found.dry_run, found.failed) == (passed, failed)
    assert found.output == ("Traceback\nKeyError" if lines[1:] else "")


@pytest.mark.rule("1.19", "B25")
def test_the_file_has_the_readers_keys_and_says_until_when_it_holds() -> None:
    known = Readiness(
        host="gpu1", stage=Stage.READY, since=T0, checked_at=T0, code="c", environment="e",
        valid_until=T0 + seconds(86400), cards_until=T0 + seconds(1800), report=report(facts=a_host(gpus=("0", "1"))),
    )  # fmt: skip
    document = env_document(known)
    assert list(document) == KEYS
    assert (document["status"], document["available_gpus"]) == ("ENV_READY", [0, 1])
    assert (document["gpu_check_method"], document["torch_version"]) == ("nvidia-smi-fallback", "2.4.0+cu121")
    assert document["valid_until"] == "2026-11-20T11:14:12Z"
    broken = report(Said(("failed create 1",)))
    failed = env_document(Readiness(host="gpu1", stage=Stage.FAILED, since=T0, report=broken))
    assert (list(failed), failed["status"], failed["available_gpus"]) == (KEYS, "ENV_FAILED", [])


def test_the_probe_says_which_python_there_is_and_misses_a_module_by_its_name() -> None:
    path = f"PATH={sys.prefix}/bin:$PATH\n"
    done = subprocess.run(["sh", "-c", path + probe_shell(["json"])], capture_output=True, text=True, check=True)
    assert '"python": "3.' in done.stdout
    done = subprocess.run(["sh", "-c", path + probe_shell(["no_such"])], capture_output=True, text=True, check=False)
    assert (done.returncode, "No module named 'no_such'" in done.stderr) == (1, True)
    nowhere = {"env": {"PATH": "/nowhere"}, "capture_output": True, "text": True, "check": False}
    done = subprocess.run(["/bin/sh", "-c", probe_shell([])], **nowhere)  # type: ignore[call-overload]
    assert (done.returncode, done.stdout) == (0, "autolab-probe {}\n")
