"""A lab whose only host is away for a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from autolab.api.place import find_place
from autolab.api.view import status
from tests.labhosts import LabHosts
from tests.labs import SmallLab, an_experiment


@pytest.mark.ssh
@pytest.mark.rule("B21")
def test_polls_of_a_lab_whose_host_is_away_use_up_no_attempts_and_count_their_logins(
    lab: LabHosts, tmp_path: Path
) -> None:
    with SmallLab(tmp_path, {"lab3": {"kind": "ssh", "slots": 1}}, lab_hosts=lab) as small:
        small.add(an_experiment("a", "true"))
        lab.kill_sshd("lab3")
        lab.cut("lab3")
        with small.engine() as at_work:
            at_work.until(lambda: "lab3" in at_work.hosts and at_work.hosts["lab3"].misses >= 4, "four in vain", 60)
            assert at_work.entries["a"].attempt == 1
        tried = status(find_place(small.root))["hosts"][0]["logins_last_hour"]
        assert tried >= 4
        lab.heal()
        with small.engine() as at_work:
            at_work.until_are("done", "a")
            assert at_work.entries["a"].attempt == 2
        assert status(find_place(small.root))["hosts"][0]["logins_last_hour"] > tried, "those before count too"
        small.assert_once_each("a 2")
