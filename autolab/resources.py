"""Where the files are that travel with the code: ``templates`` and ``schemas``."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

Kind = Literal["templates", "schemas"]

PACKAGE: Final = Path(__file__).resolve().parent


def data(kind: Kind) -> Path:
    """The folder of ``kind``: inside the installed package, or at the top of the checkout.

    A wheel carries both folders as ``autolab/_data/``; an editable install has no such folder, and there the
    checkout's own, which are what the wheel is built from, are right.
    """
    installed = PACKAGE / "_data" / kind
    return installed if installed.is_dir() else PACKAGE.parent / kind
