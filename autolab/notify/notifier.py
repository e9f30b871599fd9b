"""Sending to one address: within a deadline, and without a word of the address in what is said about it."""

from __future__ import annotations

import importlib.util
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

from autolab.notify.post import START_S, TOO_LONG

STRUCK: Final = "***"
PROBLEM_MAX: Final = 200
_PROGRAM: Final = ("-P", "-m", "autolab.notify.post")  # -P: what lies in the current folder is not imported
_PARTS: Final = re.compile(r"[/:@?&=#,;\s]+")
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S*")


def can_send() -> bool:
    """Whether apprise is installed."""
    return importlib.util.find_spec("apprise") is not None


def send(url: str, title: str, body: str, within_s: float) -> str:
    """Send a message; empty: the service took it. Else why not, in one line that repeats nothing of ``url``."""
    order = {"url": url, "title": title, "body": body, "within_s": within_s}
    try:
        done = subprocess.run(
            [sys.executable, *_PROGRAM],
            input=json.dumps(order).encode(),
            capture_output=True,
            cwd="/",
            timeout=within_s + 2 * START_S,  # its own alarm comes first
            check=False,
        )
    except subprocess.TimeoutExpired:
        return TOO_LONG.format(within_s)
    except OSError as error:
        return f"the sender did not start: {error.strerror}"
    problem = TOO_LONG.format(within_s) if done.returncode == -signal.SIGALRM else _problem(done)
    return struck(problem, parts_of(url))


def _problem(done: subprocess.CompletedProcess[bytes]) -> str:
    """What the sender said last, wherever a service's library may have printed before."""
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    try:
        told = json.loads(lines[-1]) if lines else None
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return f"the sender ended with status {done.returncode} and said nothing"
    return "" if told.get("sent") is True else str(told.get("problem") or "it was not sent")


def parts_of(url: str) -> list[str]:
    """Everything of an address that may be a secret: the whole, each part of it, as written and decoded."""
    rest = url.partition("://")[2]
    found = {url, rest, unquote(rest)}
    for text in (rest, unquote(rest)):
        found.update(part for part in _PARTS.split(text))
    return [part for part in found if len(part) >= 4]


def struck(text: str, secrets: Iterable[str]) -> str:
    """``text`` on one line, cut, with every one of ``secrets`` and every address struck out."""
    return _hidden(" ".join(text.split()), secrets)[:PROBLEM_MAX]


def clean(text: str, secrets: Iterable[str]) -> str:
    """``text`` as it is, without ``secrets``."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, STRUCK)
    return text


def _hidden(text: str, secrets: Iterable[str]) -> str:
    return clean(_ADDRESS.sub(STRUCK, text), secrets)
