"""Values with a unit on the command line."""

from __future__ import annotations

import re
from typing import Final

import click

_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


class Seconds(click.ParamType[float]):
    """A duration such as 90, 30s, 5m, 2h, 1d, as seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([a-z]*)", str(value))
        if found is None or found[2] not in _UNITS:
            self.fail(f"{value!r} is no duration; write 30s, 5m, 2h or 1d", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


TIMEOUT: Final = Seconds()
