"""How hosts are checked, and for how long what was found is believed."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from autolab.model.border import Border, Whole, Word
from autolab.model.units import Duration

_MODULE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def _module(text: str) -> str:
    if not _MODULE.fullmatch(text):
        raise ValueError("is no name of a Python module\nsuch as torch or sklearn.linear_model")
    return text


class CheckSettings(Border):
    """Limits of `autolab check` and of the checks that the engine makes before it launches."""

    tries: Whole = Field(default=3, ge=1, le=20, description="Tries to make an environment before a person is asked.")
    create_within: Duration = Field(default=timedelta(seconds=600), description="Longest time for making one.")
    install_within: Duration = Field(default=timedelta(seconds=300), description="Longest time for its packages.")
    probe_within: Duration = Field(default=timedelta(seconds=120), description="Longest time for looking into one.")
    dry_run_within: Duration = Field(default=timedelta(seconds=300), description="Longest dry run of a command.")
    imports: tuple[Annotated[Word, AfterValidator(_module)], ...] = Field(
        default=(), description="Python modules that must be there in every environment."
    )
    environment_valid: Duration = Field(
        default=timedelta(hours=24), description="How long an environment that was found ready is believed to be so."
    )
    cards_valid: Duration = Field(
        default=timedelta(minutes=30), description="How long the list of a host's GPUs is believed."
    )
    clock_skew: Duration = Field(default=timedelta(seconds=60), description="Difference of clocks that is warned of.")
    slow_start: Duration = Field(
        default=timedelta(seconds=2), description="How long a host's start-up files may take before it is warned of."
    )
    least_free_mib: Whole = Field(default=1024, ge=0, le=1 << 30, description="Free disk that a host should have, MiB.")
