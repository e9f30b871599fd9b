"""A matrix as the experiments it stands for; values are data wherever they are put."""

from __future__ import annotations

import math
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autolab.errors import InvalidSpec
from autolab.model.experiment import Item
from autolab.model.ids import is_id
from autolab.rules.matrix import cells, count, expand

AXES = {"method": ["a", "b"], "dataset": ["d"], "seed": [0, 1]}


def raw(**more: Any) -> dict[str, Any]:
    return {"name": "n", "command": "run", "group": "main", "matrix": AXES, **more}


def expanded(limit: int = 1000, **more: Any) -> list[dict[str, Any]]:
    given = raw(**more)
    return expand(given, Item.model_validate(given), {"phase": "1", "stage": 1}, limit)


def refused(**more: Any) -> tuple[str, str]:
    with pytest.raises(InvalidSpec) as caught:
        expanded(**more)
    assert "\n" not in caught.value.message
    return caught.value.message, caught.value.hint


def test_ids_are_made_of_name_method_dataset_group_and_seed() -> None:
    found = expanded(command="train {method} --seed {seed} --out {id}", result_file="r/{id}.json", notes="{phase}")
    assert [one["id"] for one in found] == ["n-a_d_main_s0", "n-a_d_main_s1", "n-b_d_main_s0", "n-b_d_main_s1"]
    assert found[3] == {
        "id": "n-b_d_main_s1", "command": "train b --seed 1 --out n-b_d_main_s1", "group": "main", "method": "b",
        "dataset": "d", "seed": 1, "result_file": "r/n-b_d_main_s1.json", "notes": "1",
    }  # fmt: skip


def test_keys_of_the_users_own_are_placeholders_and_nothing_else() -> None:
    found = expanded(
        id="{name}_{method}_lr{lr}",
        command="train --lr {lr}",
        env={"LR": "{lr}", "N": 3},
        depends_on=["prep_{method}"],
        matrix={"method": ["a"], "lr": [1e-3, 1e-5, 1]},
        dataset="d",
        seed=0,
    )
    assert [(one["id"], one["command"], one["env"]["LR"]) for one in found] == [
        ("n_a_lr0.001", "train --lr 0.001", "0.001"),
        ("n_a_lr1e-5", "train --lr 1e-5", "1e-5"),
        ("n_a_lr1", "train --lr 1", "1"),
    ]
    assert "lr" not in found[0]
    assert found[0]["depends_on"] == ["prep_a"]


def test_only_placeholders_are_filled_in() -> None:
    command = 'echo ${HOME} {{method}} ${{method}} { x; } {a,b} {} \'{"k": {"j": 1}}\' $method {method}'
    filled = 'echo ${HOME} {method} ${method} { x; } {a,b} {} \'{"k": {"j": 1}}\' $method a'
    assert expanded(command=command)[0]["command"] == filled


def test_a_value_is_never_looked_at_again() -> None:
    found = expanded(
        command="x {method}", matrix={**AXES, "method": ["{seed}", "{{id}}", "$HOME"]}, id="x{method}-{seed}"
    )
    assert [one["command"] for one in found][::2] == ["x '{seed}'", "x '{{id}}'", "x '$HOME'"]


@pytest.mark.rule("1.27")
def test_an_unknown_placeholder_names_the_known_ones() -> None:
    assert refused(command="x {sede}") == (
        "unknown placeholder {sede} in command",
        (
            "known here: {dataset}, {group}, {id}, {method}, {name}, {phase}, {seed}, {stage}; "
            "for a literal brace write {{sede}}"
        ),
    )
    assert refused(id="{id}")[0] == "unknown placeholder {id} in id"
    assert refused(env={"A": "{x}"})[0] == "unknown placeholder {x} in env.A"


def test_a_shell_variable_with_the_name_of_a_key_is_a_question() -> None:
    message, hint = refused(command="x ${seed}")
    assert message == "${seed} in command: the shell's variable or the matrix's value?"
    assert hint == "write {seed} for the value, ${{seed}} for the shell's variable"


@pytest.mark.parametrize("size", [100, 10**6])
def test_too_large_a_matrix_is_counted_and_not_made(size: int) -> None:
    matrix = {"method": ["m"] * size, "dataset": ["d"] * size, "seed": [0] * 100}
    message, hint = refused(limit=10_000, matrix=matrix)
    assert message == f"the matrix has {size * size * 100:,} cells, more than 10,000"
    assert hint == "narrow it, or raise policies.matrix_limit"


def test_ids_that_clash_are_told_in_pairs() -> None:
    message, hint = refused(matrix={**AXES, "method": ["a/b", "a-b"], "seed": [0]})
    assert message == (
        "ids clash: (method: a/b, dataset: d, seed: 0) and (method: a-b, dataset: d, seed: 0) are both n-a-b_d_main_s0"
    )
    assert hint.startswith("name every key that varies in `id`")
    assert "ids clash" in refused(matrix={**AXES, "method": ["A", "a"]})[0]
    many, _ = refused(matrix={**AXES, "lr": [1, 2]})
    assert many.endswith("; and 1 more")


def test_an_id_too_long_or_badly_made_is_refused() -> None:
    assert refused(name="x" * 300)[0].endswith(
        "(method: a, dataset: d, seed: 0) is 312 characters long, at most 100 may be"
    )
    assert refused(id="-{method}{seed}")[0] == "the id '-a0' of (method: a, dataset: d, seed: 0) is not well-formed"


def test_cells_are_left_out_and_added() -> None:
    found = expanded(exclude=[{"method": "a", "seed": 1}], include=[{"method": "c", "dataset": "e", "seed": 9}])
    assert [one["id"] for one in found] == ["n-a_d_main_s0", "n-b_d_main_s0", "n-b_d_main_s1", "n-c_e_main_s9"]


def test_excluding_nothing_and_including_half_a_cell_are_mistakes() -> None:
    assert refused(exclude=[{"method": "z"}]) == ("exclude[0] leaves nothing out: {'method': 'z'}", "check its values")
    assert refused(exclude=[{"methd": "a"}])[1] == "did you mean method?"
    assert refused(exclude=[{}])[0] == "exclude[0] is empty"
    assert refused(include=[{"method": "c"}]) == (
        "include[0] and the matrix differ in 'dataset'",
        "it must name exactly method, dataset, seed",
    )


HOSTILE = [
    "a b", "it's", '"', "$(touch canary)", "`touch canary`", "; touch canary", "| x", "a\nb", "*", "~", "é", "", "\\",
    "$HOME", "&& touch canary #", "-rf", "'; touch canary; '", "{seed}",
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.rule("B40")
def test_a_value_reaches_the_command_as_one_word_of_data(value: str, tmp_path: Any) -> None:
    found = expanded(command="printf %s {x}", id="e-{seed}", matrix={"seed": [0], "x": [value]})
    said = subprocess.run(["/bin/sh", "-c", found[0]["command"]], capture_output=True, cwd=tmp_path, check=True)
    assert said.stdout.decode() == value
    assert list(tmp_path.iterdir()) == []


UNSURE = [
    "sh -c 'x {x}'", 'echo "{x}"', "echo \\{x}", "cat <<E\n{x}\nE", "echo `{x}`", "# {x}\ntrue", "echo $(( {x} ))",
    "echo 'a'\"b {x}\"", "# it's\necho \"a'{x}'\"", "true;# {x}", 'echo "$(echo "{x}")"', 'echo "${V:-"{x}"}"',
    "echo ${V:-a #'b}\n{x}'",
]  # fmt: skip


@pytest.mark.parametrize("command", UNSURE)
def test_where_quotes_would_not_hold_only_plain_values_may_stand(command: str) -> None:
    matrix = {"seed": [0], "x": ["$(touch canary)"]}
    message, hint = refused(command=command, id="e-{seed}", matrix=matrix)
    assert message == "{x} stands where its value '$(touch canary)' cannot be quoted for the shell"
    assert hint == "take quotes, backslashes and comments away from {x}, or pass it by `env`"
    assert expanded(command=command, id="e-{seed}", matrix={"seed": [0], "x": ["plain-1.5"]})


SCALARS = st.one_of(st.integers(-(10**6), 10**6), st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False))
MATRICES = st.dictionaries(
    st.sampled_from(["alpha", "beta", "gamma", "delta"]), st.lists(SCALARS, min_size=1, max_size=4), min_size=1
)


@given(MATRICES)
def test_there_are_as_many_cells_as_the_product_of_the_lists(matrix: dict[str, list[Any]]) -> None:
    item = Item.model_validate(raw(matrix=matrix))
    found = list(cells(item))
    assert len(found) == count(item) == math.prod(len(values) for values in matrix.values())
    assert all(list(cell) == list(matrix) for cell in found)


@given(MATRICES)
def test_ids_are_well_formed_and_unique_or_all_is_refused(matrix: dict[str, list[Any]]) -> None:
    pattern = "e-" + "_".join(f"{{{key}}}" for key in matrix)
    said = ""
    found: list[dict[str, Any]] = []
    try:
        found = expanded(id=pattern, matrix=matrix)
    except InvalidSpec as error:
        said = error.message
    assert said.isprintable()
    names = [one["id"] for one in found]
    assert all(is_id(name) for name in names)
    assert len({name.casefold() for name in names}) == len(names)


@given(st.text(st.characters(exclude_characters="\0"), max_size=30))
def test_any_text_is_one_word_of_the_command(value: str) -> None:
    found = expanded(command="printf %s {x} end", id="e-{seed}", matrix={"seed": [0], "x": [value]})
    assert shlex.split(found[0]["command"], comments=True) == ["printf", "%s", value, "end"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("canary")


AROUND = st.text(alphabet="'\"\\$(){}# \n`;a|&<:-", max_size=12)


@pytest.mark.rule("B40")
@settings(max_examples=300, deadline=None)
@given(AROUND, AROUND)
def test_no_command_around_a_value_makes_it_run(folder: Path, before: str, behind: str) -> None:
    try:
        made = expanded(command=f"{before}{{x}}{behind}", id="e-{seed}", matrix={"seed": [0], "x": ["$(touch canary)"]})
    except InvalidSpec:
        return
    command = ["/bin/sh", "-c", made[0]["command"]]
    subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    assert not (folder / "canary").exists()
