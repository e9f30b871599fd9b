"""Whether a poll would find anything to do, told by what the folders look like: no settings, no state are read."""

from __future__ import annotations

import time

from autolab.store.quiet import mark_presence, quiet_record
from autolab.store.whereabouts import project_above


def nothing_to_do(start: str = ".") -> bool:
    """Nothing changed in the lab at ``start`` since a poll found nothing to do, and nothing is due.

    False also where that cannot be told: no lab, or an unreadable one; the full poll then says what is wrong.
    """
    root = project_above(start)
    record = quiet_record(root, time.time()) if root is not None else ""
    if record:
        mark_presence(record, time.time())
    return bool(record)
