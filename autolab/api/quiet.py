"""Whether a poll would find anything to do, told by what the folders look like: no settings, no state are read."""

from __future__ import annotations

from datetime import UTC, datetime

from autolab.api.place import Placed
from autolab.engine.quiet import is_quiet


def nothing_to_do(place: Placed) -> bool:
    """Nothing changed since a poll found nothing to do, and nothing is due."""
    return is_quiet(place.layout, datetime.now(UTC))
