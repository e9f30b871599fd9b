"""Whether a poll would find anything to do, told by what the folders look like: no settings, no state are read.

Cron asks this every few minutes for months, so nothing that takes time is imported here: no click, no orjson.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from autolab.engine.quiet import is_quiet
from autolab.errors import AutolabError
from autolab.store.layout import Layout, find_project


def nothing_to_do(start: Path | str = ".") -> bool:
    """Nothing changed in the lab at ``start`` since a poll found nothing to do, and nothing is due.

    False also where that cannot be told: no lab, or an unreadable one; the full poll then says what is wrong.
    """
    try:
        root = find_project(Path(start))
        lab = json.loads((root / "dispatch" / "lab.json").read_bytes())["lab"]
        return is_quiet(Layout.of(root, str(lab)), datetime.now(UTC))
    except (AutolabError, OSError, ValueError, KeyError, TypeError):
        return False
