"""What OpenSSH's own configuration says about a host, asked of ``ssh -G``: with includes, matches and defaults."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from autolab.errors import HostUnreachable

ALIAS: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:%@-]*")  # no leading dash: ssh would take it for an option
ANSWER_WITHIN_S: Final = 15  # `Match exec` and a configuration on a network file system may take a while


@dataclass(frozen=True, slots=True)
class Target:
    """Where a host is and how one logs in there.

    jumps           hosts to go through, first one first, as ``[user@]host[:port]``
    proxy_command   the user's own command that speaks for the host, its tokens replaced; empty: none
    known_hosts     files of host keys, the user's first; those that do not exist are left out by the reader
    key_name        the name the host key is known under
    agent           socket of the ssh agent; empty: none
    """

    alias: str
    hostname: str
    port: int
    user: str
    key_name: str
    identity_files: tuple[Path, ...]
    identities_only: bool
    known_hosts: tuple[Path, ...]
    agent: str
    jumps: tuple[str, ...] = ()
    proxy_command: str = ""

    @property
    def address(self) -> str:
        """``hostname:port``, for people."""
        return f"{self.hostname}:{self.port}"


def resolve(alias: str, config_path: Path | None, extra: Sequence[str] = ()) -> Target:
    """The target that ``ssh alias`` would go to; ``extra`` are further ssh options, such as those of a jump.

    raises  HostUnreachable  no name, no ssh program, or a configuration that ssh itself refuses
    """
    if not ALIAS.fullmatch(alias):
        raise HostUnreachable(f"{alias!r} is not the name of a host")
    config = ["-F", str(config_path)] if config_path else []
    try:
        answer = subprocess.run(
            ["ssh", "-G", *config, *extra, "--", alias],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=ANSWER_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        hint = "autolab reads your ssh configuration with `ssh -G`: install the OpenSSH client"
        raise HostUnreachable(f"{alias}: cannot ask ssh for its configuration: {error}", hint=hint) from error
    if answer.returncode != 0:
        raise HostUnreachable(f"{alias}: ssh refuses its configuration: {answer.stderr.strip()[:500]}")
    return parse(alias, answer.stdout, os.environ, Path.home())


def parse(alias: str, text: str, environ: Mapping[str, str], home: Path) -> Target:
    """The target in the output of ``ssh -G`` (OpenSSH 8 to 10): one option to a line, defaults included."""
    options: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        options.setdefault(key.lower(), []).append(value.strip())

    def one(key: str, default: str = "") -> str:
        said = options.get(key, [default])[0]
        return "" if said.lower() == "none" else said

    hostname, port, user = one("hostname", alias), int(one("port", "22")), one("user")
    tokens = {"%": "%", "h": hostname, "p": str(port), "r": user, "n": alias, "d": str(home), "u": home.name}
    path = _PathReader(tokens, home)
    name = one("hostkeyalias") or (hostname if port == 22 else f"[{hostname}]:{port}")
    return Target(
        alias=alias,
        hostname=hostname,
        port=port,
        user=user,
        key_name=name.lower(),
        identity_files=tuple(path(f) for f in options.get("identityfile", []) if f.lower() != "none"),
        identities_only=one("identitiesonly", "no") == "yes",
        known_hosts=tuple(
            path(f) for key in ("userknownhostsfile", "globalknownhostsfile") for f in one(key).split() if f != "none"
        ),
        agent=_agent(options.get("identityagent", ["SSH_AUTH_SOCK"])[0], environ, path),
        jumps=tuple(hop.removeprefix("ssh://") for hop in one("proxyjump").split(",") if hop),
        proxy_command=expand(one("proxycommand"), tokens),
    )


def expand(text: str, tokens: dict[str, str]) -> str:
    """``text`` with ssh's percent tokens replaced; unknown ones stay as they are."""
    return re.sub(r"%(.)", lambda found: tokens.get(found[1], found[0]), text)


def parse_jump(hop: str) -> tuple[str, list[str]]:
    """A jump host ``[user@]host[:port]`` as the name ssh knows it by and the ssh options it adds."""
    user, _, place = hop.rpartition("@")
    found = re.fullmatch(r"\[?([^\[\]]+?)\]?(?::(\d+))?", place)
    if not found:
        raise HostUnreachable(f"ProxyJump {hop!r} is not [user@]host[:port]")
    name, port = found[1], found[2]
    return name, [*(["-l", user] if user else []), *(["-p", port] if port else [])]


@dataclass(frozen=True, slots=True)
class _PathReader:
    tokens: dict[str, str]
    home: Path

    def __call__(self, text: str) -> Path:
        text = expand(text.strip('"'), self.tokens)
        return self.home / text[2:] if text.startswith("~/") else Path(text)


def _agent(said: str, environ: Mapping[str, str], path: _PathReader) -> str:
    """The agent's socket: ``IdentityAgent`` is a path, a variable, or the word SSH_AUTH_SOCK, which is the default."""
    if said.lower() == "none":
        return ""
    if said == "SSH_AUTH_SOCK":
        said = "$SSH_AUTH_SOCK"
    return environ.get(said[1:], "") if said.startswith("$") else str(path(said))
