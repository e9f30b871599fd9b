"""Values that people write as numbers or text and programs get as text."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from autolab.model.host import Variable


def scalar_text(value: object) -> str:
    """A number, flag or text as it stands in a command, an id or a variable: shortest, the same however it was written.

    raises  ValueError for anything else, and for what is not finite
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and abs(value) != float("inf") and value == value:
        return re.sub(r"e([+-])0*", lambda sign: "e-" if sign[1] == "-" else "e", repr(value))
    raise ValueError("must be text or a finite number")


def env_text(value: object) -> str:
    """A variable's value: text, or a number as text."""
    text = scalar_text(value)
    if "\0" in text:
        raise ValueError("must not hold a NUL character")
    return text


EnvText = Annotated[str, BeforeValidator(env_text), WithJsonSchema({"type": ["string", "number"]})]
EnvMap = dict[Variable, EnvText]
