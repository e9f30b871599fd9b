"""The shell text of an attempt, run by every sh that is here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from autolab.model.host import HostSettings, LocalHost, SshHost
from autolab.model.state import Spec
from autolab.rules.environment import command_text

SHELLS = [words for words in (["/bin/sh"], ["dash"], ["busybox", "sh"], ["bash", "--posix"]) if shutil.which(words[0])]
SPEC = Spec(id="e1", command="", expected_duration_hours=1, phase="1", group="main", method="m", dataset="d", seed=0)


@pytest.fixture(params=SHELLS, ids=" ".join)
def shell(request: pytest.FixtureRequest) -> list[str]:
    words: list[str] = request.param
    return words


class Runner:
    """Runs the text that a host's ``env`` and a command make, in a home of its own."""

    def __init__(self, folder: Path, shell: list[str]) -> None:
        self.project = folder / "it's a project"
        self.home = folder / "home"
        self.shell = shell
        self.project.mkdir()
        (self.home / ".local" / "bin").mkdir(parents=True)

    def __call__(self, env: dict[str, Any], command: str, project_dir: str = "") -> subprocess.CompletedProcess[str]:
        host: LocalHost | SshHost = TypeAdapter(HostSettings).validate_python({"kind": "ssh", "env": env})
        script = self.project / "cmd.sh"
        script.write_text(command_text(SPEC, host, command, project_dir or str(self.project)))
        variables = {"HOME": str(self.home), "PATH": os.environ["PATH"], "AUTOLAB_PROJECT_DIR": str(self.project)}
        return subprocess.run(
            [*self.shell, str(script)], env=variables, cwd=self.project, capture_output=True, text=True, check=False
        )

    def program(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)


@pytest.fixture
def run(tmp_path: Path, shell: list[str]) -> Runner:
    return Runner(tmp_path, shell)


@pytest.mark.rule("B40")
@pytest.mark.parametrize(
    ("command", "status", "out"),
    [
        ("echo a b", 0, "a b\n"),
        ("exit 7", 7, ""),
        ("false", 1, ""),
        ("echo 'it'\"'\"'s' && echo \"$((1 + 1))\"; (exit 3)", 3, "it's\n2\n"),
        ("echo one\necho two\n", 0, "one\ntwo\n"),
        ("cat <<E\n$(echo x)\nE", 0, "x\n"),
        ("echo é # comment", 0, "é\n"),
        ("false\n# the end", 1, ""),
        ("set -- 1 2; echo $#", 0, "2\n"),
        ('echo "$#"', 0, "0\n"),
    ],
)
@pytest.mark.parametrize("env", [{"kind": "none"}, {"kind": "commands", "commands": [":"]}], ids=["none", "commands"])
def test_a_command_runs_as_it_was_written(
    run: Runner, env: dict[str, Any], command: str, status: int, out: str
) -> None:
    done = run(env, command)
    assert (done.returncode, done.stdout, done.stderr) == (status, out, "")


@pytest.mark.rule("B39")
@pytest.mark.parametrize("path", [".venv", "~/envs/my env", "/absolute"])
def test_a_venv_comes_first_in_path(run: Runner, tmp_path: Path, path: str) -> None:
    folder = {".venv": run.project / ".venv", "~/envs/my env": run.home / "envs" / "my env"}.get(path, tmp_path / "abs")
    run.program(folder / "bin" / "python", 'echo "python of $VIRTUAL_ENV"; exit 5')
    done = run({"kind": "venv", "path": path if path != "/absolute" else str(folder)}, "python train.py")
    assert (done.returncode, done.stdout) == (5, f"python of {folder}\n")


def test_a_project_under_the_home_folder_is_found_there(run: Runner) -> None:
    run.program(run.home / "lab" / "p" / ".venv" / "bin" / "python", 'echo "$VIRTUAL_ENV"')
    assert run({"kind": "venv"}, "python", "~/lab/p").stdout == f"{run.home}/lab/p/.venv\n"


def test_a_missing_venv_ends_the_attempt_and_says_so(run: Runner) -> None:
    done = run({"kind": "venv", "path": "no $(touch canary) venv"}, "touch ran")
    assert done.returncode == 78
    assert done.stderr == (
        f"autolab: env.path: no python in no $(touch canary) venv/bin "
        f"(looked in {run.project}/no $(touch canary) venv/bin)\n"
    )
    assert sorted(path.name for path in run.project.iterdir()) == ["cmd.sh"]


CONDA = """
[ "$1" = run ] || exit 90
shift
while :; do case $1 in
  --no-capture-output) shift ;;
  -n) [ "$2" = "my env" ] || { echo "no such environment" >&2; exit 1; }; shift 2 ;;
  -p) [ -d "$2" ] || exit 1; shift 2 ;;
  *) break ;;
esac; done
CONDA_DEFAULT_ENV=it exec "$@"
"""
CONDA = CONDA.replace("CONDA_DEFAULT_ENV=it exec", "CONDA_DEFAULT_ENV=it; export CONDA_DEFAULT_ENV; exec")


@pytest.mark.rule("B39")
def test_conda_runs_the_whole_text_and_gives_its_status(run: Runner) -> None:
    run.program(run.home / "miniforge3" / "bin" / "conda", CONDA)
    command = 'echo "in $CONDA_DEFAULT_ENV with $#"\necho two; exit 9'
    done = run({"kind": "conda", "name": "my env"}, command)
    assert (done.returncode, done.stdout, done.stderr) == (9, "in it with 0\ntwo\n", "")


def test_a_conda_environment_may_be_a_folder_and_conda_elsewhere(run: Runner) -> None:
    run.program(run.home / "else where" / "conda", CONDA)
    (run.home / "envs").mkdir()
    done = run({"kind": "conda", "prefix": "~/envs", "conda": "~/else where/conda"}, "echo $CONDA_DEFAULT_ENV")
    assert (done.returncode, done.stdout) == (0, "it\n")


def test_without_conda_or_its_environment_nothing_runs(run: Runner) -> None:
    done = run({"kind": "conda", "name": "x", "conda": "~/conda"}, "touch ran")
    assert (done.returncode, done.stderr) == (
        78, "autolab: env.conda: no conda found (set env: {conda: PATH} to its program)\n"
    )  # fmt: skip
    run.program(run.home / "conda", CONDA)
    done = run({"kind": "conda", "name": "x", "conda": "~/conda"}, "touch ran")
    assert done.returncode == 78
    assert done.stderr.endswith("autolab: env: conda has no working environment x (see conda env list)\n")
    assert not (run.project / "ran").exists()


UV = 'echo "$UV_PROJECT_ENVIRONMENT: $1 $2 $3"; while [ "$1" != -- ]; do shift; done; shift; exec "$@"'


def test_uv_keeps_its_environment_in_the_projects_folder(run: Runner) -> None:
    run.program(run.home / ".local" / "bin" / "uv", UV)
    host = {"kind": "uv"}
    path = os.environ["PATH"]
    os.environ["PATH"] = "/usr/bin:/bin"
    try:
        assert run(host, "exit 6").stdout == f"{run.project}/.venv: run -- /bin/sh\n"
        (run.project / "uv.lock").write_text("")
        done = run(host, 'echo "$#"; exit 6')
        elsewhere = run({"kind": "uv", "project": "sub"}, "true")
    finally:
        os.environ["PATH"] = path
    assert (done.returncode, done.stdout) == (6, f"{run.project}/.venv: run --frozen --\n0\n")
    assert elsewhere.stdout == f"{run.project}/sub/.venv: run --project {run.project}/sub\n"


def test_commands_run_first_in_the_same_shell(run: Runner) -> None:
    done = run({"kind": "commands", "commands": ["X=1 # a comment", "Y=$((X + 1))\nexport X Y"]}, 'sh -c "echo $X $Y"')
    assert (done.returncode, done.stdout) == (0, "1 2\n")


def test_a_failing_command_of_the_environment_ends_the_attempt(run: Runner) -> None:
    done = run({"kind": "commands", "commands": ["(exit 4) # module load x"]}, "echo ran")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == "autolab: env.commands: one failed (status 4)\n"
