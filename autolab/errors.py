"""Every exception autolab raises.

AutolabError         exit 1   the base; ``hint`` says what to do next, ``transient`` whether trying again can help
├─ AskedWrong        exit 2   InvalidSettings InvalidSpec IllegalTransition: nothing was changed
├─ UnknownName       exit 3   no such experiment, host, question ...: names the nearest ones
├─ OutsideFailed     exit 4   HostUnreachable NoAnswer (transient) LoginRefused HostKeyRefused CommandFailed
│                             UnreadableReply (carries what was said)
├─ Busy              exit 5   someone else holds it: who, since when; transient
├─ Refused           exit 6   GateClosed ValidationFailed NotTheDriver: the rule that said no
├─ NeedsPerson       exit 7   an open question stands in the way: which
├─ NotYet            exit 8   wait ran into its time limit; nothing is wrong
├─ StoreDamaged      exit 9   a document that cannot be read: path, line, reason; never overwritten
│  └─ DiskFailed     exit 9   a write or sync failed: what, where, why; nothing was acknowledged
└─ Bug               exit 70  autolab broke its own rule
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class AutolabError(Exception):
    """Something a person can act on: one line of what and where, and a hint of what to do."""

    exit_code: ClassVar[int] = 1
    transient: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def code(self) -> str:
        """The name that ``--json`` gives to this kind of error, such as ``host-unreachable``."""
        name = type(self).__name__
        return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


class AskedWrong(AutolabError):
    """The question was wrong; nothing was changed."""

    exit_code = 2


class InvalidSettings(AskedWrong):
    """``autolab.yaml`` (or a layer above it) says something autolab cannot follow."""


class InvalidSpec(AskedWrong):
    """An experiment, or a file of experiments, that cannot be run as it is written."""


class IllegalTransition(AskedWrong):
    """A status change that the table of ``model/transitions.py`` does not list."""


class NotAProject(AskedWrong):
    """No ``autolab.yaml`` here or above."""


class UnknownName(AutolabError):
    """No such experiment, host, question, option."""

    exit_code = 3

    def __init__(self, kind: str, name: str, known: Iterable[str] = (), *, hint: str = "") -> None:
        near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
        if near and not hint:
            hint = f"did you mean {' or '.join(near)}?"
        super().__init__(f"no {kind} named {name!r}", hint=hint)
        self.near = near


class OutsideFailed(AutolabError):
    """A host, a scheduler or another program did not do its part."""

    exit_code = 4


class HostUnreachable(OutsideFailed):
    """The host could not be asked: refused, no route, black hole, unknown name. Nothing was said there."""

    transient = True


class NoAnswer(OutsideFailed):
    """The host was asked and no whole answer came: whether it acted is unknown."""

    transient = True


class LoginRefused(OutsideFailed):
    """The host does not let us in: key, agent, passphrase or account."""


class HostKeyRefused(OutsideFailed):
    """The host's key is unknown or has changed; never retried, never accepted by autolab."""


class CommandFailed(OutsideFailed):
    """A program ran and said no."""


class UnreadableReply(OutsideFailed):
    """A whole answer that makes no sense; ``said`` carries it, cut to 2,000 characters."""

    def __init__(self, message: str, said: bytes | str = "", *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        self.said = text[:2000]


class Busy(AutolabError):
    """Someone else holds it."""

    exit_code = 5
    transient = True


class Refused(AutolabError):
    """A rule said no."""

    exit_code = 6


class GateClosed(Refused):
    """A planned decision has not been taken."""


class ValidationFailed(Refused):
    """A check of files or values did not pass."""


class NotTheDriver(Refused):
    """Another clone drives this lab."""


class NeedsPerson(AutolabError):
    """An open question stands in the way."""

    exit_code = 7


class NotYet(AutolabError):
    """A wait ran into its time limit; nothing is wrong."""

    exit_code = 8


class StoreDamaged(AutolabError):
    """A document that cannot be read; it is never overwritten."""

    exit_code = 9


class DiskFailed(StoreDamaged):
    """A write, sync or rename failed; what was to be written is not acknowledged."""


class Bug(AutolabError):
    """autolab broke its own rule."""

    exit_code = 70
