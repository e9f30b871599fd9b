"""Every Python example of docs/reporting.md runs as it is written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "reporting.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(example: str, tmp_path: Path) -> None:
    run = {"AUTOLAB_ID": "lr_digits_main_s0", "AUTOLAB_ATTEMPT": "1", "AUTOLAB_PROJECT_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", example], cwd=tmp_path, env={**os.environ, **run}, check=True)
    assert list((tmp_path / "dispatch").iterdir()) == [tmp_path / "dispatch" / "lr_digits_main_s0.run.json"]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 3
