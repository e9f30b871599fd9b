"""What a host holds of a lab: the attempts' folders, as they say what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from autolab.model.state import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptDocument:
    """``spec.json`` of an attempt: what it runs, enough to know it again where the journal does not. No secrets."""

    lab: str
    id: str
    attempt: int
    token: str
    spec_hash: str
    code: str
    command: str
    host: str
    spec: Spec
    gpus: tuple[str, ...] = ()
    project_dir: str = ""
    env: Mapping[str, str] = field(default_factory=dict)  # what remedies changed, beside the spec's
    intended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """One host's word on a lab: whom it follows, and the text of ``spec.json`` by RUN (``<ID>/a<n>``).

    driver  the highest number it was ever told, 0: none;  clone: whose that is
    """

    driver: int = 0
    clone: str = ""
    documents: Mapping[str, bytes] = field(default_factory=dict)
