"""Having the operating system drive the lab: a systemd user unit, or a line for cron."""

from __future__ import annotations

import shlex
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from autolab.api.place import Placed
from autolab.errors import CommandFailed
from autolab.store.files import Files

if TYPE_CHECKING:
    from autolab.api.results import InstallReport

WITHIN_S: Final = 20


class Supervisor(StrEnum):
    """Who starts autolab and keeps it going."""

    SYSTEMD = "systemd"
    CRON = "cron"


def daemon_install(place: Placed, by: Supervisor, *, dry_run: bool = False) -> InstallReport:
    """Write the user unit, or add the line to this user's crontab. Said again it changes nothing.

    raises  CommandFailed where crontab refuses
    """
    if by is Supervisor.SYSTEMD:
        return _unit(place, dry_run=dry_run)
    return _line(place, dry_run=dry_run)


def program() -> list[str]:
    """How this autolab is started from anywhere: absolute, independent of PATH and of the current folder."""
    beside = Path(sys.executable).with_name("autolab")
    return [str(beside)] if beside.is_file() else [sys.executable, "-m", "autolab"]


def _unit(place: Placed, *, dry_run: bool) -> InstallReport:
    name = f"autolab-{place.layout.lab[:8]}.service"
    path = Path.home() / ".config" / "systemd" / "user" / name
    root = str(place.layout.root)
    command = " ".join(_systemd_word(word) for word in [*program(), "-C", root, "daemon"])
    text = (
        f"[Unit]\nDescription=autolab drives {_systemd_text(root)}\nStartLimitIntervalSec=0\n\n"
        f"[Service]\nType=simple\nExecStart={command}\nRestart=on-failure\nRestartSec=30\n"
        f"RestartPreventExitStatus=2 9\nKillMode=process\n\n[Install]\nWantedBy=default.target\n"
    )
    if not dry_run:
        files = Files()
        files.make_dirs(path.parent)
        files.replace(path, text.encode())
    return {
        "kind": "systemd",
        "path": str(path),
        "text": text,
        "installed": not dry_run,
        "next": [
            "systemctl --user daemon-reload",
            f"systemctl --user enable --now {name}",
            "loginctl enable-linger    # so that it runs while you are logged out",
        ],
    }


def _systemd_word(word: str) -> str:
    """Quoted as systemd.syntax(7) wants it; percent signs doubled."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$") + '"'


def _systemd_text(text: str) -> str:
    return text.replace("%", "%%")


def _line(place: Placed, *, dry_run: bool) -> InstallReport:
    words = [*program(), "-C", str(place.layout.root), "-q", "poll"]
    command = shlex.join(words).replace("%", "\\%")  # crontab(5): a bare % ends the command
    line = f"*/5 * * * * {command} >/dev/null    # autolab {place.layout.lab[:8]}"
    if not dry_run:
        _add_line(line)
    return {
        "kind": "cron",
        "path": "crontab -l",
        "text": f"{line}\n",
        "installed": not dry_run,
        "next": ["crontab -l    # to see it", "autolab status    # says when the state was last moved on"],
    }


def _add_line(line: str) -> None:
    said = _crontab(["-l"], "")
    kept = said.stdout if said.returncode == 0 else ""
    if line in kept.splitlines():
        return
    text = kept if not kept or kept.endswith("\n") else f"{kept}\n"
    done = _crontab(["-"], f"{text}{line}\n")
    if done.returncode != 0:
        raise CommandFailed(f"crontab refused the line: {done.stderr.strip()[:200]}", hint="--dry-run prints the line")


def _crontab(words: list[str], given: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["crontab", *words], input=given, capture_output=True, text=True, timeout=WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(
            f"crontab did not run: {error}", hint="is cron installed? --dry-run prints the line"
        ) from error
