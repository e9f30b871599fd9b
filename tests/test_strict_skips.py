"""In CI a skipped test fails, except by a short list with reasons."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SKIPS = """
import pytest
def test_that_runs(): pass
def test_that_skips(): pytest.skip("{reason}")
@pytest.mark.xfail(strict=True)
def test_that_is_expected_to_fail(): assert False
"""


def verdict(folder: Path, text: str, ci: str) -> tuple[int, str]:
    """Exit code and output of pytest over a file with ``text``, with CI set to ``ci``."""
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.plugins.strict_skips", "-p", "no:cacheprovider", str(folder)],
        cwd=ROOT,
        env={**os.environ, "CI": ci, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout


def test_a_skip_fails_in_ci(tmp_path: Path) -> None:
    code, said = verdict(tmp_path, SKIPS.format(reason="no sshd here"), ci="true")
    assert code == 1
    assert "no sshd here" in said
    assert "1 failed, 1 passed, 1 xfailed" in said


def test_a_skip_of_a_whole_file_fails_in_ci(tmp_path: Path) -> None:
    code, said = verdict(tmp_path, "import pytest\npytest.importorskip('no_such_library')\n", ci="true")
    assert code != 0
    assert "no_such_library" in said


@pytest.mark.parametrize(("reason", "ci"), [("no sshd here", ""), ("root may write anywhere", "true")])
def test_a_skip_passes_elsewhere_and_where_it_is_listed(tmp_path: Path, reason: str, ci: str) -> None:
    code, said = verdict(tmp_path, SKIPS.format(reason=reason), ci=ci)
    assert code == 0
    assert "1 skipped" in said
