"""What a check's answers mean: findings, the versions found, and the one step that makes a host not ready."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from autolab.model.check_settings import CheckSettings
from autolab.model.observation import HostFacts
from autolab.model.readiness import Finding, HostReport, Step

LINES: Final = 20
_STEP: Final = {"probe": Step.ENTER, "create": Step.CREATE, "install": Step.INSTALL}
_DOING: Final = {
    Step.ENTER: "the environment cannot be looked into",
    Step.CREATE: "the environment could not be made",
    Step.INSTALL: "its packages could not be put in",
    Step.DRY_RUN: "the dry run failed",
}
_LATE: Final = 124
_WORD: Final = re.compile(r"[\w.+!-]{1,64}")

# What runs inside an environment: it must not hold a single quote.
_PROGRAM: Final = """
import importlib, json, platform, sys
found = {"python": platform.python_version()}
try:
    import torch
    found["torch"] = str(torch.__version__)
    found["cuda"] = bool(torch.cuda.is_available())
except ImportError:
    pass
except Exception as error:
    print("torch is there and cannot be used: " + repr(error)[:300])
for name in sys.argv[1:]:
    importlib.import_module(name)
print("autolab-probe " + json.dumps(found))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the host itself said, seen from here. ``None``: it could not tell.

    cannot      what jobs need and it lacks: (what, in words, what to do), weight ``warn`` or ``fail`` first
    noise       what its start-up files print;  start_s: how long a question takes that asks nothing
    skew_s      its clock less ours
    """

    facts: HostFacts
    cannot: Sequence[tuple[str, str, str, str]] = ()
    noise: str = ""
    start_s: float = 0.0
    skew_s: float | None = None
    free_mib: Mapping[str, int] = field(default_factory=dict)
    writable: Mapping[str, bool] = field(default_factory=dict)
    container: str | None = None
    kills: bool | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """How an errand ended: the lines it printed, or ``problem``."""

    lines: tuple[str, ...] = ()
    problem: str = ""


def probe_shell(imports: Iterable[str]) -> str:
    """Shell text that looks at the Python of wherever it runs; a place without one is no fault of it."""
    names = "".join(f" {shlex.quote(name)}" for name in imports)
    lacking = "echo no python here >&2; exit 1" if names else "echo autolab-probe {}; exit 0"
    return (
        "autolab_python=$(command -v python) || autolab_python=$(command -v python3) || autolab_python=\n"
        f'if [ -z "$autolab_python" ]; then {lacking}; fi\n'
        f"exec \"$autolab_python\" -c '{_PROGRAM}'{names}"
    )


def cards_of(facts: HostFacts) -> tuple[tuple[str, ...] | None, str]:
    """Indices of the cards that a host lists, and how they were found out."""
    return facts.gpus, "nvidia-smi-fallback" if facts.gpus is not None else ""


def report_of(
    machine: Machine,
    limits: CheckSettings,
    *,
    ready: Said | None,
    dry: Said | None,
    project_dir: str,
    conda_env: str | None,
) -> HostReport:
    """The whole of a check. ``ready``, ``dry``: errands that were carried out; None: not asked for."""
    findings = list(machine_findings(machine, limits))
    wrong = next((one for one in findings if one.verdict == "fail"), None)
    failed, why, output = (Step.HOST, f"{wrong.name}: {wrong.found}", "") if wrong else (None, "", "")
    found: dict[str, Any] = {}
    notes: list[str] = []
    if ready is not None:
        done = [line[4:] for line in ready.lines if line.startswith("did ")]
        notes += [_NOTES[one] for one in done if one in _NOTES]
        found = _probed(ready.lines)
        step, said, tail = _failure(ready)
        findings.append(_environment_finding(found, step, said, done))
        if failed is None:
            failed, why, output = step, said, tail
    passed, dry_note, dry_tail = _dry(dry)
    if dry is not None:
        verdict = {True: "ok", False: "fail", None: "warn"}[passed]
        findings.append(Finding(name="dry run", verdict=verdict, found=dry_note))
        notes.append(f"dry run: {dry_note}")
        if passed is False and failed is None:
            failed, why, output = Step.DRY_RUN, f"{_DOING[Step.DRY_RUN]}: {dry_note}", dry_tail
    cards, method = cards_of(machine.facts)
    return HostReport(
        failed=failed,
        why=why,
        output=output,
        findings=tuple(findings),
        python=found.get("python"),
        torch=found.get("torch"),
        cuda=found.get("cuda"),
        dry_run=passed,
        cards=cards,
        method=method,
        conda_env=conda_env,
        project_dir=project_dir,
        notes=(*notes, *(f"{one.name}: {one.found}" for one in findings if one.verdict == "warn")),
    )


_NOTES: Final = {"create": "the environment was made", "install": "its packages were put in"}


def machine_findings(machine: Machine, limits: CheckSettings) -> Iterator[Finding]:
    """One line for each thing that was looked at on the host itself."""
    yield Finding(name="login", verdict="ok", found=f"answers as {machine.facts.node or 'a host without a name'}")
    if machine.cannot:
        yield from (Finding(name=what, verdict=how, found=said, hint=hint) for how, what, said, hint in machine.cannot)
    else:
        yield Finding(name="userland", verdict="ok", found="has what autolab needs")
    yield from _start_up(machine, limits)
    yield from _disks(machine, limits)
    if machine.skew_s is None:
        yield Finding(name="clock", verdict="warn", found="the host does not say what time it is")
    else:
        far = abs(machine.skew_s) > limits.clock_skew.total_seconds()
        hint = "set its clock: times in its logs mislead" if far else ""
        yield Finding(
            name="clock", verdict="warn" if far else "ok", found=f"{machine.skew_s:+.0f} s from ours", hint=hint
        )
    if machine.container is not None:
        is_one = machine.container != "no"
        yield Finding(name="container", verdict="ok", found=f"in one ({machine.container})" if is_one else "none")
    yield _logout(machine.kills)


def _start_up(machine: Machine, limits: CheckSettings) -> Iterator[Finding]:
    if noise := " ".join(machine.noise.split()):
        hint = "harmless to autolab; rsync and scp break on it: print only in interactive shells"
        yield Finding(name="start-up noise", verdict="warn", found=f"it prints {noise[:120]!r}", hint=hint)
    slow = machine.start_s > limits.slow_start.total_seconds()
    hint = "its start-up files (.bashrc) take that long for every question" if slow else ""
    found = f"a shell is there after {machine.start_s:.1f} s"
    yield Finding(name="start-up time", verdict="warn" if slow else "ok", found=found, hint=hint)


def _disks(machine: Machine, limits: CheckSettings) -> Iterator[Finding]:
    for name in dict.fromkeys([*machine.writable, *machine.free_mib]):
        free = machine.free_mib.get(name)
        if machine.writable.get(name) is False:
            hint = "who owns it? is it read-only?"
            yield Finding(name=f"{name} folder", verdict="fail", found="cannot be written", hint=hint)
        elif free is None:
            yield Finding(name=f"{name} folder", verdict="warn", found="how much is free there is not known")
        else:
            low = free < limits.least_free_mib
            hint = "`autolab clean` removes what is no longer needed" if low else ""
            yield Finding(name=f"{name} folder", verdict="warn" if low else "ok", found=f"{free} MiB free", hint=hint)


def _logout(kills: bool | None) -> Finding:
    if kills:
        found = "systemd ends what runs when its user logs out (KillUserProcesses=yes, no lingering)"
        return Finding(name="logout", verdict="fail", found=found, hint="there: loginctl enable-linger")
    if kills is None:
        return Finding(name="logout", verdict="warn", found="whether a logout ends what runs is not known")
    return Finding(name="logout", verdict="ok", found="what runs goes on after it")


def _environment_finding(found: Mapping[str, Any], step: Step | None, said: str, done: Sequence[str]) -> Finding:
    if step is not None:
        return Finding(name="environment", verdict="fail", found=said)
    versions = [f"Python {found['python']}"] if found.get("python") else ["no Python"]
    versions += [f"torch {found['torch']}"] if found.get("torch") else []
    versions += ["CUDA" if found["cuda"] else "no CUDA"] if found.get("cuda") is not None else []
    made = f" ({', '.join(_NOTES[one] for one in done if one in _NOTES)})" if done else ""
    return Finding(name="environment", verdict="ok", found=", ".join(versions) + made)


def _failure(said: Said) -> tuple[Step | None, str, str]:
    """(step, one line, last lines) of an errand that did not succeed."""
    failed = next((line.split(" ") for line in said.lines if line.startswith("failed ")), None)
    if failed is None or len(failed) != 3 or failed[1] not in _STEP:
        return (Step.ENTER, said.problem, "\n".join(said.lines[-LINES:])) if said.problem else (None, "", "")
    step, status = _STEP[failed[1]], failed[2]
    how = "it took too long" if status == str(_LATE) else f"status {status}"
    tail = tail_of(said.lines)
    last = next((line for line in reversed(tail.splitlines()) if line.strip()), "")
    return step, f"{_DOING[step]} ({how})" + (f": {last.strip()[:200]}" if last else ""), tail


def tail_of(lines: Iterable[str]) -> str:
    """The last lines of a step's output, as the errand brought them."""
    return "\n".join([line[2:] for line in lines if line.startswith("| ")][-LINES:])


def _probed(lines: Iterable[str]) -> dict[str, Any]:
    """Versions that were found; only what looks like one."""
    text = next((line[6:] for line in lines if line.startswith("probe ")), "{}")
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(told, dict):
        return {}
    found: dict[str, Any] = {
        name: said for name in ("python", "torch") if isinstance(said := told.get(name), str) and _WORD.fullmatch(said)
    }
    return found | ({"cuda": told["cuda"]} if isinstance(told.get("cuda"), bool) else {})


def _dry(said: Said | None) -> tuple[bool | None, str, str]:
    """(passed, one line, last lines); None: it could not be tried."""
    if said is None:
        return None, "", ""
    for line in said.lines:
        if line.startswith("passed "):
            return True, f"ran through with {'--dry-run' if line == 'passed first' else '--max-samples 2'}", ""
        if line == "unknown flags":
            return None, "its command knows neither --dry-run nor --max-samples", ""
        if line.startswith("failed "):
            _, step, status = [*line.split(" "), "", ""][:3]
            flag = {"first": "with --dry-run", "second": "with --max-samples 2"}.get(step, "its copy of the code")
            how = "did not end in time" if status == str(_LATE) else f"status {status}"
            return False, f"{flag}: {how}", tail_of(said.lines)
    return None, said.problem or "it said nothing", ""
