"""A whole file of experiments: what comes of it, and everything that is wrong with it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.errors import InvalidSettings, InvalidSpec
from autolab.model.settings import Settings
from autolab.model.state import Spec
from autolab.rules.experiments import admit, examine
from autolab.store.settings import check_settings
from autolab.store.yaml_files import EXPERIMENTS, read_yaml

SETTINGS = """
project: p
hosts: {local: {kind: local, gpus: 2}, gpu-1: {kind: ssh, gpus: [1, 3]}, any: {kind: ssh, gpus: auto}}
defaults: {phase: '1', group: main, expected_duration_hours: 1}
policies: {matrix_limit: 100000}
"""


def settings(text: str = SETTINGS) -> Settings:
    return check_settings(read_yaml(text.encode(), "autolab.yaml", InvalidSettings))


def specs(text: str, known: Mapping[str, Spec] | None = None, by: Settings | None = None) -> tuple[Spec, ...]:
    written = read_yaml(text.encode(), "experiments.yaml", InvalidSpec, EXPERIMENTS)
    return admit(written, by or settings(), known or {})


def one(text: str) -> str:
    """A file of one experiment whose first keys stand there already."""
    return f"experiments:\n- {{id: e, command: x, method: m, dataset: d, seed: 1, {text}}}"


def several(*items: str) -> str:
    return "experiments:\n" + "".join(f"- {{{item}, command: x, method: m, dataset: d, seed: 1}}\n" for item in items)


def refused(text: str, known: Mapping[str, Spec] | None = None) -> tuple[str, str]:
    with pytest.raises(InvalidSpec) as caught:
        specs(text, known)
    return caught.value.message, caught.value.hint


def test_a_plain_experiment_takes_what_it_does_not_say_from_the_defaults() -> None:
    found = specs(one("env: {LR: 1e-3, N: 010, V: '1.10', B: true}"))
    assert len(found) == 1
    assert (found[0].id, found[0].phase, found[0].group, found[0].expected_duration_hours) == ("e", "1", "main", 1.0)
    assert found[0].env == {"LR": "1e-3", "N": "010", "V": "1.10", "B": "true"}


def test_braces_in_a_plain_experiment_are_left_alone() -> None:
    text = "experiments:\n- {id: e, command: 'echo {seed} ${x} {{y}}', method: m, dataset: d, seed: 1}"
    assert specs(text)[0].command == "echo {seed} ${x} {{y}}"


def test_a_number_of_yaml_is_a_number() -> None:
    text = """
experiments:
- name: s
  id: "{name}-lr{lr}_s{seed}"
  command: train --lr {lr}
  dataset: d
  method: m
  matrix: {lr: [1e-3, 3e-4], seed: [0]}
"""
    assert [(spec.id, spec.command) for spec in specs(text)] == [
        ("s-lr0.001_s0", "train --lr 0.001"),
        ("s-lr0.0003_s0", "train --lr 0.0003"),
    ]


ID_HINT = "1 to 100 of A-Z a-z 0-9 . _ -, beginning with a letter or digit, without '..'"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            one("status: done"),
            "2:55: `status` is not for people to write",
            "autolab writes it; take it out",
        ),
        (one("comand: y"), "2:55: unknown key 'comand'", "did you mean command?"),
        (
            one("group: Main"),
            "2:55: group: must be exactly one of main, baseline, ablation or analysis, not 'Main'",
            "",
        ),
        (one("expected_duration_hours: 0"), "2:55: expected_duration_hours: must be above 0.0, not 0", ""),
        (one("expected_duration_hours: .nan"), "2:55: expected_duration_hours: must be a finite number, not nan", ""),
        (
            one("result_file: ../x"),
            "2:55: result_file: '../x' is no path inside the project",
            "relative to the project's folder, without '..'",
        ),
        (one("host: gpu1"), "2:55: 'e' asks for host 'gpu1', which autolab.yaml does not name", "did you mean gpu-1?"),
        (
            one("host: 'x*'"),
            "2:55: 'e' asks for host 'x*', which autolab.yaml does not name",
            "known here: any, gpu-1, local",
        ),
        (
            one("host: local, resources: {gpus: 3}"),
            "2:68: 'e' asks for 3 GPU(s), more than local can have",
            "see `gpus:` of the hosts in autolab.yaml",
        ),
        (
            one("host: gpu-1, gpu: 0"),
            "2:68: 'e' asks for GPU 0, which gpu-1 cannot have",
            "see `gpus:` of the hosts in autolab.yaml",
        ),
        (one("depends_on: [e]"), "2:55: depends_on goes in a circle: e -> e", "take one of them out"),
        (
            one("depends_on: [zz]"),
            "2:55: 'e' depends on 'zz', which is neither here nor in the lab",
            "known here: e",
        ),
        (
            several("id: a, depends_on: [b]", "id: b, depends_on: [c]", "id: c, depends_on: [a]"),
            "2:11: depends_on goes in a circle: a -> b -> c -> a",
            "take one of them out",
        ),
        (
            several("id: a", "id: a"),
            "3:4: the id 'a' stands twice, first at experiments.yaml:2:4",
            "every id is one experiment; rename one",
        ),
        (
            several("id: E1", "id: e1"),
            "3:4: the ids 'e1' and 'E1' (of experiments.yaml:2:4) differ by case alone",
            "every id is one experiment; rename one",
        ),
        (
            several("id: a, result_file: r.json", "id: b, result_file: ./r.json"),
            "3:11: 'b' and 'a' have the same result_file",
            "give each its own, such as {id}.json in a matrix",
        ),
        (several("id: ../x"), "2:4: experiment id '../x' is not well-formed (4 characters)", ID_HINT),
        (several("id: a/b"), "2:4: experiment id 'a/b' is not well-formed (3 characters)", ID_HINT),
        (several("id: a b"), "2:4: experiment id 'a b' is not well-formed (3 characters)", ID_HINT),
        (several("id: .a"), "2:4: experiment id '.a' is not well-formed (2 characters)", ID_HINT),
        (several("id: ''"), "2:4: experiment id '' is not well-formed (0 characters)", ID_HINT),
        (
            several(f"id: {'x' * 300}"),
            f"2:4: experiment id '{'x' * 57}...' is not well-formed (300 characters)",
            ID_HINT,
        ),
        (several("id: all"), "2:4: experiment id 'all' is a reserved word", "choose another id"),
        (several("notes: x"), "2:3: id missing", "give it an id, or a `matrix` that makes ids"),
        ("experiments: []", "1:1: no list `experiments:` with at least one item", "begin items with `- id: ...`"),
        ("experiments:\n- {name: n, command: x, matrix: {}}", "2:25: matrix: must not be empty", ""),
        ("experiments:\n- {name: n, command: x, matrix: {seed: []}}", "2:34: matrix.seed: must not be empty", ""),
        ("experiments: {}", "1:1: no list `experiments:` with at least one item", "begin items with `- id: ...`"),
        (
            "experiments:\n- 5",
            "2:3: an experiment must be a mapping",
            "`- id: ...` with `command:` and more below it",
        ),
        (
            "experiments:\n- {name: n, command: x, matrix: {a: ["
            + ",".join(["1"] * 100)
            + "], b: ["
            + ",".join(["1"] * 100)
            + "], seed: ["
            + ",".join(["1"] * 100)
            + "]}}",
            "2:25: the matrix has 1,000,000 cells, more than 100,000",
            "narrow it, or raise policies.matrix_limit",
        ),
        (
            "experiments:\n- {command: x, matrix: {seed: [1]}}",
            "2:3: a matrix needs `name`, or an `id` pattern",
            "default pattern: {name}-{method}_{dataset}_{group}_s{seed}",
        ),
        (
            "experiments:\n- {name: n, command: x, dataset: d, method: m, matrix: {seed: [a]}}",
            "2:3: seed: must be a whole number, not 'a'",
            "",
        ),
        (
            "experiments:\n- {name: n, command: x, matrix: {env: [a]}}",
            "2:34: matrix.env: env cannot vary in a matrix",
            "use another key, and {key} inside `env`",
        ),
    ],
)
def test_what_cannot_be_run_is_one_line_with_its_place(text: str, message: str, hint: str) -> None:
    assert refused(text) == (f"experiments.yaml:{message}", hint)


@pytest.mark.rule("B19")
def test_a_duration_comes_from_the_entry_or_the_defaults_or_is_asked_for() -> None:
    bare = settings("project: p")
    with pytest.raises(InvalidSpec) as caught:
        specs(one("group: main, phase: 1"), by=bare)
    assert caught.value.message == "experiments.yaml:2:3: expected_duration_hours of 'e' missing"
    assert caught.value.hint == "say it here or under `defaults:` in autolab.yaml, in hours"
    assert specs(one("group: main, phase: 1, expected_duration_hours: 0.5"), by=bare)[0].phase == "1"


def test_everything_wrong_with_a_file_is_told_at_once() -> None:
    text = several("id: a, seeed: 2", "id: b/c", "id: d, host: nowhere", "id: e, depends_on: [f]")
    message, hint = refused(text)
    lines = message.splitlines()
    assert lines[0] == "4 problems, nothing was changed:"
    assert lines[1] == "  experiments.yaml:2:11: unknown key 'seeed' (did you mean seed?)"
    assert len(lines) == 5
    assert hint == ""


@pytest.mark.rule("1.26")
def test_a_host_may_be_a_pattern_that_some_host_matches() -> None:
    assert specs(one("host: 'gpu*', resources: {gpus: 2}"))[0].host == "gpu*"


def test_an_external_experiment_may_name_any_host() -> None:
    assert specs(one("executor: external, host: cluster-x, resources: {gpus: 8}"))[0].executor == "external"


def test_what_the_lab_has_may_be_depended_on_and_named_again_but_not_by_case() -> None:
    known = {spec.id: spec for spec in specs(several("id: old, result_file: r.json"))}
    assert specs(several("id: new, depends_on: [old]"), known)[0].depends_on == ("old",)
    assert specs(several("id: old, result_file: r.json"), known)[0] == known["old"]
    assert refused(several("id: OLD"), known)[0].endswith("the ids 'OLD' and 'old' (of the lab) differ by case alone")
    assert refused(several("id: x, result_file: r.json"), known)[0].endswith("'x' and 'old' have the same result_file")


def test_a_circle_through_the_lab_is_found() -> None:
    known = {spec.id: spec for spec in specs(several("id: a", "id: b, depends_on: [a]"))}
    assert "depends_on goes in a circle: a -> b -> a" in refused(several("id: a, depends_on: [b]"), known)[0]


def test_nothing_of_a_file_with_a_problem_is_hidden_from_who_asks() -> None:
    written = read_yaml(several("id: a", "id: b, sed: 1").encode(), "experiments.yaml", InvalidSpec)
    found = examine(written, settings(), {})
    assert [spec.id for spec in found.specs] == ["a"]
    assert [str(problem) for problem in found.problems] == ["experiments.yaml:3:11: unknown key 'sed'"]


def test_ten_thousand_experiments_in_one_chain_are_admitted_in_seconds() -> None:
    items = (f"id: e{n}, depends_on: [{f'e{n - 1}' if n else ''}], result_file: r/{n}.json" for n in range(10_000))
    began = time.monotonic()
    assert len(specs(several(*items))) == 10_000
    assert time.monotonic() - began < 20


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_a_circle_is_found_if_and_only_if_no_order_exists(edges: list[tuple[int, int]]) -> None:
    needs = {n: {b for a, b in edges if a == n} for n in range(8)}
    text = several(*(f"id: e{n}, depends_on: [{', '.join(f'e{m}' for m in needs[n])}]" for n in needs))
    written = read_yaml(text.encode(), "experiments.yaml", InvalidSpec)
    circles = [each.what for each in examine(written, settings(), {}).problems if "circle" in each.what]
    done: set[int] = set()
    while ready := {n for n in needs if n not in done and needs[n] <= done}:
        done |= ready
    assert bool(circles) == (len(done) < len(needs))
    for what in circles:
        path = [int(name.removeprefix("e")) for name in what.split(": ")[1].split(" -> ")]
        assert path[0] == path[-1]
        assert all(b in needs[a] for a, b in pairwise(path))
