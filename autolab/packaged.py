"""Where the files that travel with the code lie, as plain strings: for what must start fast."""

from __future__ import annotations

import os

PACKAGE = os.path.dirname(os.path.realpath(__file__))


def packaged(kind: str) -> str:
    """The folder of ``templates`` or ``schemas``: inside the installed package, or at the top of the checkout.

    A wheel carries both folders as ``autolab/_data/``; an editable install has no such folder, and there the
    checkout's own, which are what the wheel is built from, are right.
    """
    installed = f"{PACKAGE}/_data/{kind}"
    return installed if os.path.isdir(installed) else f"{os.path.dirname(PACKAGE)}/{kind}"
