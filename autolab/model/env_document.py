"""``progress/env_<HOST>.json``: whether a host is ready, as people and foreign programs read it (row 1.19)."""

from __future__ import annotations

import hashlib
from typing import Any

from autolab.model.documents import stamp
from autolab.model.readiness import HostReport, Readiness


def content_hash(known: Readiness) -> str:
    """Of the code and the environment's settings that were checked."""
    return hashlib.sha256(f"{known.code}\0{known.environment}".encode()).hexdigest()[:16]


def env_document(known: Readiness) -> dict[str, Any]:
    """The keys that readers look for, in their order, then ours."""
    report = known.report or HostReport()
    return {
        "host": known.host,
        "status": "ENV_READY" if report.ready else "ENV_FAILED",
        "available_gpus": [int(card) if card.isdecimal() else card for card in report.cards or ()],
        "conda_env": report.conda_env,
        "torch_version": report.torch,
        "cuda_available": report.cuda,
        "dry_run_passed": report.dry_run,
        "gpu_check_method": report.method or None,
        "checked_at": stamp(known.checked_at),
        "remote_project_dir": report.project_dir,
        "notes": "; ".join([*([report.why] if report.why else []), *report.notes]),
        "content_hash": content_hash(known),
        "valid_until": stamp(known.cards_until or known.valid_until),
    }
