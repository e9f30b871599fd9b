"""A lease that cannot be read, and the way out that the error names."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.cli.conftest import Autolab, drive


def test_after_a_damaged_lease_the_hint_leads_to_a_lab_that_launches_under_a_higher_number(
    study: Path, autolab: Autolab
) -> None:
    assert autolab("run", "--id", "a", "--", "true").code == 0
    drive(autolab, "a")
    copy = study.parent / "copy"
    shutil.copytree(study, copy, symlinks=True)
    assert autolab("-C", str(copy), "lease", "take", "--reason", "moved").code == 0
    assert autolab("-C", str(copy), "lease", "show", "--json").data["number"] == 2
    (lease,) = study.parent.glob("state/*/lease.json")
    lease.write_text("{")
    for words in (["poll"], ["lease", "take", "--reason", "the disk was bad"]):
        said = autolab("-C", str(copy), *words)
        assert said.code == 9
        assert "hint: move it away, then: autolab lease take --reason '...'\n" in said.err
    assert lease.read_text() == "{"
    lease.rename(lease.with_name("lease.damaged"))
    assert autolab("-C", str(copy), "lease", "take", "--reason", "the disk was bad").code == 0
    assert autolab("-C", str(copy), "lease", "show", "--json").data["number"] == 3
    assert autolab("-C", str(copy), "run", "--id", "b", "--", "true").code == 0
    drive(lambda *words: autolab("-C", str(copy), *words), "b")
    assert autolab("-C", str(copy), "show", "b", "--json").data["experiment"]["status"] == "done"
