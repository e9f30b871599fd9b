"""Where the files are that travel with the code: ``templates`` and ``schemas``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from autolab.packaged import packaged

Kind = Literal["templates", "schemas"]


def data(kind: Kind) -> Path:
    """The folder of ``kind``."""
    return Path(packaged(kind))
