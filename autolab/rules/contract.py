"""What a training script promises: flags that autolab and people rely on, and no checkpoint path of its own."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Final

FLAGS: Final = ("--seed", "--checkpoint-dir", "--resume", "--dry-run")
_LITERAL: Final = re.compile(r"""(["'])(?P<text>[^"'\n]{1,300})\1""")
_CHECKPOINT: Final = re.compile(r"(?:^|[/_.-])(?:ckpts?|checkpoints?)(?:[/_.-]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise that is not kept. ``line`` 0: of the file as a whole."""

    what: str
    line: int = 0


def script_of(command: str) -> str | None:
    """The first word of ``command`` that names a Python file; None: no such word, or no text that splits into words."""
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        return None
    return next((word for word in words if word.endswith(".py") and not word.startswith("-")), None)


def findings(text: str) -> list[Finding]:
    """What the Python script with this text lacks of the contract.

    A flag is there where its literal is (``"--seed"``, also spelled ``--checkpoint_dir``); a path is the script's own
    where a literal with a slash names checkpoints. A script that builds either at run time is not seen through.
    """
    literals = [
        (number, found["text"]) for number, line in enumerate(_code(text), 1) for found in _LITERAL.finditer(line)
    ]
    said = {literal.replace("_", "-") for _, literal in literals}
    lacking = [Finding(f"lacks {flag}") for flag in FLAGS if flag not in said]
    own = [
        Finding(f"writes checkpoints where it likes: {literal!r}; --checkpoint-dir says where", number)
        for number, literal in literals
        if "/" in literal and _CHECKPOINT.search(literal) and "://" not in literal
    ]
    return lacking + own


def _code(text: str) -> list[str]:
    return [line.partition("#")[0] for line in text.splitlines()]
