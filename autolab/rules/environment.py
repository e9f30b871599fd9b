"""The shell text that an attempt runs: what its host's ``env`` asks for, then the person's command as it stands.

For any POSIX sh. What autolab adds is quoted; the command and the pieces of ``env.commands`` are the person's shell
text, each on lines of its own. The command runs last, so its status is the text's. An environment that
is not there ends the attempt with status 78 and one line that names the setting, before the command starts.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from autolab.model.host import CommandsEnv, CondaEnv, EnvSettings, LocalHost, NoEnv, SshHost, UvEnv, VenvEnv
from autolab.model.state import Spec

NO_ENVIRONMENT: Final = 78  # EX_CONFIG of sysexits.h
_INSIDE: Final = "autolab-inside"  # first argument of the text when it runs again, within the environment
_CONDAS: Final = ("miniconda3", "miniforge3", "mambaforge", "anaconda3", "micromamba", "conda")


def command_text(spec: Spec, host: LocalHost | SshHost, command: str, project_dir: str) -> str:
    """The text of ``cmd.sh`` for ``command`` of ``spec`` on ``host``.

    project_dir  the project's folder on the host, absolute or beginning with ``~/``; relative paths start there
    """
    return entered_text(host.env, project_dir, command, f"# {spec.id}: written by autolab")


def entered_text(env: EnvSettings, project_dir: str, command: str, head: str = "# written by autolab") -> str:
    """``command`` in the environment ``env``."""
    return _text(head, *_entering(env, project_dir), command)


def probe_text(env: EnvSettings, project_dir: str, look: str) -> str:
    """Looks into the environment with the shell text ``look``; status 78 where it is not there. Makes nothing."""
    absent: list[str] = []
    if isinstance(env, UvEnv):  # `uv run` would make it
        python = f"{_path(env.project or '.', project_dir)}/.venv/bin/python"
        absent = [f"if ! [ -x {python} ]; then", *_fail("env: uv has not made it yet", "'uv sync makes it'"), "fi"]
    return _text("# written by autolab: looks into the environment", *absent, *_entering(env, project_dir), look)


def create_text(env: EnvSettings, project_dir: str) -> str:
    """Makes the environment where it is missing; empty: nothing in the settings says how."""
    pieces = _pieces("env.create", env.create) if not isinstance(env, NoEnv) and env.create else []
    match env:
        case VenvEnv() if not pieces:
            pieces = [f"exec {_program(env.python)} -m venv {_path(env.path, project_dir)}"]
        case CondaEnv() if not pieces and env.file:
            which = f"-p {_path(env.prefix, '')}" if env.prefix else f"-n {shlex.quote(env.name or '')}"
            made = f"env create --yes {which} --file {shlex.quote(env.file)}"
            # Older ones know no --yes there and ask nothing.
            pieces = [
                *_find_conda(env),
                f'"$autolab_conda" {made} || exec "$autolab_conda" {made.replace("--yes ", "")}',
            ]
        case UvEnv() if not pieces:
            pieces = [
                *_find_uv(env, project_dir),
                f'exec "$autolab_uv" sync $autolab_frozen{_uv_project(env, project_dir)}',
            ]
        case _:
            pass
    return _text("# written by autolab: makes the environment", *pieces) if pieces else ""


def install_text(env: EnvSettings, project_dir: str) -> str:
    """Puts the environment's packages in; empty: the settings name none."""
    if isinstance(env, NoEnv) or not env.install:
        return ""
    pieces = _pieces("env.install", env.install)
    return _text("# written by autolab: puts packages in", *_entering(env, project_dir), *pieces)


def _text(*lines: str) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


def _pieces(what: str, pieces: Sequence[str]) -> list[str]:
    return [line for piece in pieces for line in (piece.rstrip("\n"), *_must(f"{what}: one failed"))]


def _program(name: str) -> str:
    return _path(name, "") if name.startswith(("/", "~/")) else shlex.quote(name)


def _entering(env: EnvSettings, project_dir: str) -> list[str]:
    """The lines that run before the command."""
    match env:
        case VenvEnv():
            return _venv(env, project_dir)
        case CondaEnv():
            return _again(_conda(env))
        case UvEnv():
            return _again(_uv(env, project_dir))
        case CommandsEnv():
            return _pieces("env.commands", env.commands)
        case _:
            return []


def _venv(env: VenvEnv, project_dir: str) -> list[str]:
    return [
        f"VIRTUAL_ENV={_path(env.path, project_dir)}",
        'if ! [ -x "$VIRTUAL_ENV/bin/python" ]; then',
        *_fail(f"env.path: no python in {env.path}/bin", '"looked in $VIRTUAL_ENV/bin"'),
        "fi",
        'PATH="$VIRTUAL_ENV/bin:$PATH"',
        "export VIRTUAL_ENV PATH",
        "unset PYTHONHOME",
    ]


def _conda(env: CondaEnv) -> list[str]:
    """Never ``conda activate``, which does nothing in a shell that nobody types in."""
    which = f"-p {_path(env.prefix, '')}" if env.prefix else f"-n {shlex.quote(env.name or '')}"
    return [
        *_find_conda(env),
        f'if ! "$autolab_conda" run {which} /bin/sh -c : </dev/null; then',
        *_fail(f"env: conda has no working environment {env.name or env.prefix}", "'see conda env list'"),
        "fi",
        f'exec "$autolab_conda" run --no-capture-output {which} /bin/sh "$0" {_INSIDE}',
    ]


def _find_conda(env: CondaEnv) -> list[str]:
    usual = " ".join(f'"$HOME/{name}/bin/conda"' for name in _CONDAS)
    find = [
        "autolab_conda=$(command -v conda) || autolab_conda=${CONDA_EXE:-}",
        f"for autolab_try in {usual} /opt/conda/bin/conda /opt/miniconda3/bin/conda; do",
        '  [ -x "$autolab_conda" ] || autolab_conda=$autolab_try',
        "done",
    ]
    return [
        *([f"autolab_conda={_path(env.conda, '')}"] if env.conda else find),
        'if ! [ -x "$autolab_conda" ]; then',
        *_fail("env.conda: no conda found", "'set env: {conda: PATH} to its program'"),
        "fi",
    ]


def _uv(env: UvEnv, project_dir: str) -> list[str]:
    """The environment lies in the project's folder: the code that runs from a snapshot is never written to."""
    run = f'exec "$autolab_uv" run $autolab_frozen{_uv_project(env, project_dir)} -- /bin/sh "$0" {_INSIDE}'
    return [*_find_uv(env, project_dir), run]


def _uv_project(env: UvEnv, project_dir: str) -> str:
    return f" --project {_path(env.project, project_dir)}" if env.project else ""


def _find_uv(env: UvEnv, project_dir: str) -> list[str]:
    home = _path(env.project or ".", project_dir)
    lock = f"{home}/uv.lock" if env.project else "uv.lock"
    return [
        "autolab_uv=$(command -v uv) || autolab_uv=$HOME/.local/bin/uv",
        '[ -x "$autolab_uv" ] || autolab_uv=$HOME/.cargo/bin/uv',
        'if ! [ -x "$autolab_uv" ]; then',
        *_fail("env: no uv found", "'put uv into PATH or ~/.local/bin'"),
        "fi",
        f"UV_PROJECT_ENVIRONMENT={home}/.venv",
        "export UV_PROJECT_ENVIRONMENT",
        "unset VIRTUAL_ENV",
        "autolab_frozen=",
        f"[ -f {lock} ] && autolab_frozen=--frozen",
    ]


def _again(lines: list[str]) -> list[str]:
    """``lines`` unless the text runs within the environment already: they run it again there."""
    return [f'if [ "${{1-}}" != {_INSIDE} ]; then', *lines, "fi", "set --"]


def _must(what: str) -> list[str]:
    """Ends the attempt when the line before has failed."""
    return ["autolab_status=$?", 'if [ "$autolab_status" -ne 0 ]; then', *_fail(what, '"status $autolab_status"'), "fi"]


def _fail(what: str, hint: str) -> list[str]:
    """Says ``what`` on standard error; ``hint`` is a quoted shell word of ours."""
    return [f"  printf 'autolab: %s (%s)\\n' {shlex.quote(what)} {hint} >&2", f"  exit {NO_ENVIRONMENT}"]


def _path(path: str, base: str) -> str:
    """``path`` as one shell word: absolute as it is, ``~/`` under $HOME, anything else under ``base``."""
    if path.startswith("/"):
        return shlex.quote(path)
    if path.startswith("~/"):
        return f'"$HOME"/{shlex.quote(path[2:])}' if path != "~/" else '"$HOME"'
    whole = base.rstrip("/") if path == "." else f"{base.rstrip('/')}/{path}"
    return _path(whole or "/", "/")
