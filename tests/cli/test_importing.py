"""`autolab import`: results that were there before the lab."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Autolab, drive

DESIGN = """\
experiments:
  - matrix: {method: [old], dataset: [digits], seed: [0, 1]}
    name: spring
    phase: pilot
    group: main
    expected_duration_hours: 1
    command: python3 train.py {seed}
    result_file: experiments/results/{id}.csv
"""
IDS = ["spring-old_digits_main_s0", "spring-old_digits_main_s1"]


def put(study: Path, ident: str, value: float = 0.5) -> None:
    path = study / f"experiments/results/{ident}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"exp_id,method,dataset,group,metric,seed,value\n{ident},old,digits,main,acc,0,{value}\n")


def test_results_that_are_there_make_experiments_done_that_are_never_launched(study: Path, autolab: Autolab) -> None:
    (study / "old.yaml").write_text(DESIGN)
    for ident in IDS:
        put(study, ident)
    assert autolab("import", "old.yaml", "--dry-run").code == 0
    assert autolab("ps", "--all", "--json").data["experiments"] == []
    said = autolab("import", "old.yaml", "--reason", "run in spring", "--json")
    assert (said.code, said.data["ids"], said.data["there"]) == (0, IDS, 0)
    autolab("poll")
    shown = autolab("show", IDS[0], "--json").data["experiment"]
    assert (shown["status"], shown["attempt"], shown["why"]) == ("done", 0, "run in spring")
    assert shown["result"]["imported"] is True
    again = autolab("import", "old.yaml", "--json")
    assert (again.code, again.data["ids"], again.data["there"]) == (0, [], 2)
    assert autolab("replay").code == 0


def test_a_result_that_is_missing_or_is_none_keeps_all_out_and_is_named(study: Path, autolab: Autolab) -> None:
    (study / "old.yaml").write_text(DESIGN)
    put(study, IDS[0])
    said = autolab("import", "old.yaml")
    assert said.code == 2
    assert f"{IDS[1]}: experiments/results/{IDS[1]}.csv is not there" in said.err
    assert autolab("ps", "--all", "--json").data["experiments"] == []
    (study / f"experiments/results/{IDS[1]}.csv").write_text("a,b,c\n1,2,3\n")
    said = autolab("import", "old.yaml", "--partial", "--json")
    assert (said.code, said.data["ids"]) == (0, IDS[:1])
    assert "lacks the columns" in said.data["without"][IDS[1]]
    assert [e["id"] for e in autolab("ps", "--all", "--json").data["experiments"]] == IDS[:1]


def test_what_was_attempted_keeps_the_result_of_its_attempt(study: Path, autolab: Autolab) -> None:
    (study / "old.yaml").write_text(DESIGN.replace("python3 train.py {seed}", "exit 3"))
    assert autolab("add", "old.yaml").code == 0
    drive(autolab, *IDS)
    for ident in IDS:
        put(study, ident)
    said = autolab("import", "old.yaml")
    assert said.code == 2
    assert "was attempted already" in said.err
