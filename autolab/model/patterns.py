"""Patterns that people write, matched in time that grows with the line alone, whatever the pattern.

The engine is the one inside pydantic (Rust's ``regex``): finite automata, no backtracking, no look-around, no back
references, and a compiled size of at most 10 MiB. https://docs.rs/regex/latest/regex/#syntax
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

PATTERN_MAX: Final = 1000  # characters of one pattern
LINE_MAX: Final = 2000  # characters of a line that are looked at
PREFIXES: Final = 3  # most of them before one line
_COLOUR: Final = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
# What launchers and loggers put before a line: torchrun, srun --label, mpirun --tag-output, ray, vLLM, loguru.
_PREFIX: Final = re.compile(
    r"\[(?:default|rank ?)\d{1,6}\]:? ?|\d{1,6}: |\[\d{1,6},\d{1,6}\]<std(?:err|out)>: ?"
    r"|\([A-Za-z_][\w.]{0,80} (?:[\w=]{1,40} )?pid=\d{1,9}[^)]{0,80}\) "
    r"|(?:ERROR|CRITICAL|WARNING|INFO) \d\d-\d\d \d\d:\d\d:\d\d (?:\[[\w./:-]{1,80}\]|[\w./:-]{1,80}\]) "
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:[.,]\d{1,6})? ?\| (?:ERROR|CRITICAL) *\| (?:stderr \| )?"
)
_BREAK: Final = re.compile(r"\r\n|\n|\r")  # a progress bar's carriage return begins a line too


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> SchemaValidator:
    from pydantic_core import SchemaValidator, core_schema  # 20 ms that only those who match should pay

    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))


def problem(pattern: str) -> str:
    """Why ``pattern`` cannot be used, in one line; empty: it can."""
    from pydantic_core import SchemaError

    if not pattern or len(pattern) > PATTERN_MAX:
        return f"must have 1 to {PATTERN_MAX} characters"
    try:
        _compiled(pattern)
    except SchemaError as error:
        return _last_line(str(error))
    return ""


def _last_line(said: str) -> str:
    """The engine's complaint without the picture it draws of the pattern."""
    text = said.strip().splitlines()[-1].strip()
    return text.removeprefix("SchemaError: ").removeprefix("error: ")


def found(pattern: str, line: str) -> bool:
    """Whether ``pattern`` occurs in ``line`` (one that ``lines_of`` gave)."""
    return _compiled(pattern).isinstance_python(line)


def lines_of(text: str) -> list[str]:
    """The lines of a log as patterns see them: without colours and launchers' prefixes, cut, able to be encoded."""
    return [_bare(line) for line in _BREAK.split(text)]


def _bare(line: str) -> str:
    line = line[: 2 * LINE_MAX].encode("utf-8", "replace").decode()  # a lone surrogate is no text to the engine
    if "\x1b" in line:
        line = _COLOUR.sub("", line)
    for _ in range(PREFIXES):
        if (before := _PREFIX.match(line)) is None:
            break
        line = line[before.end() :]
    return line[:LINE_MAX]
