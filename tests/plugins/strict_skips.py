"""In CI a skipped test is a failed one: what is not run there is run nowhere. Loaded by ``scripts/test``.

    pytest -p tests.plugins.strict_skips        with CI=true in the environment; elsewhere it changes nothing

A skip is allowed when its reason contains one of the words of ``ALLOWED``, each with why no CI machine can do better.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

ALLOWED: dict[str, str] = {
    "root may write anywhere": "a test of file permissions means nothing as root, and CI machines are root",
}


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        config.pluginmanager.register(StrictSkips(), "strict-skips-active")


class StrictSkips:
    """Turns the report of a skip into that of a failure."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, Any, Any]:
        return judged((yield))

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, Any, Any]:
        return judged((yield))


def judged(report: Any) -> Any:
    """``report``, failed if it was a skip with no allowed reason; an expected failure is no skip."""
    if report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(words in reason for words in ALLOWED):
            report.outcome = "failed"
            report.longrepr = f"a skipped test is a failure in CI ({reason}); see tests/plugins/strict_skips.py"
    return report
