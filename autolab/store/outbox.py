"""``outbox.json`` beside the journal: what waits for each notifier, whole or not at all."""

from __future__ import annotations

import logging
from datetime import datetime

import orjson

from autolab.errors import StoreDamaged
from autolab.model.documents import parse
from autolab.model.outbox import FORMAT, Outbox
from autolab.store.files import Files
from autolab.store.layout import Layout

log = logging.getLogger(__name__)
_LIMIT = 64 << 20


def load_outbox(layout: Layout, files: Files) -> Outbox:
    """The outbox as it stands; a new one where there is none. raises StoreDamaged: nothing was changed"""
    data = files.read(layout.outbox, _LIMIT)
    if data is None:
        return Outbox()
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise StoreDamaged(f"{layout.outbox} is no JSON: {error}") from error
    found = parse(Outbox, document)
    if found.format > FORMAT:
        raise StoreDamaged(f"{layout.outbox} is of format {found.format}, this autolab knows {FORMAT}")
    return found


def open_outbox(layout: Layout, files: Files, now: datetime) -> Outbox:
    """``load_outbox`` for the engine: one that cannot be read is set aside, and what is still known is sent again.

    To be told twice is better than never: each notice carries its id.
    """
    try:
        return load_outbox(layout, files)
    except StoreDamaged as error:
        aside = layout.outbox.with_name(f"outbox.json.damaged-{now:%Y%m%dT%H%M%SZ}")
        log.warning("%s; kept as %s, notices of late are sent again", error.message, aside.name)
        files.move(layout.outbox, aside)
        return Outbox()


def save_outbox(layout: Layout, files: Files, outbox: Outbox) -> None:
    """Make it durable. raises DiskFailed: the old one stands"""
    files.make_dirs(layout.outbox.parent)
    files.replace(layout.outbox, orjson.dumps(outbox))
