"""What people and machines get wrong, end to end: a clear line, the right code, nothing changed on disk."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Autolab, Said, drive
from tests.labhosts import can_isolate

KEYS = "phase: 1, group: main, method: m, dataset: d, seed: 0, expected_duration_hours: 1"


def everything(root: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and bytes of all that is below ``root``, the record in .git too; a lock's own file is no content."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.name not in ("engine.lock", "engine.json", "quiet.json") and not path.is_symlink():
            found[str(path)] = (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
    return found


def refused(said: Said, code: int, *words: str) -> None:
    """One clear line, at most one with the cause below and one with a hint, and nothing on stdout."""
    lines = said.err.splitlines()
    assert (said.code, said.out) == (code, ""), said
    assert lines[0].startswith("error: "), said.err
    assert [line.partition(": ")[0] for line in lines[1:]] in ([], ["cause"], ["hint"], ["cause", "hint"]), said.err
    assert "Traceback" not in said.err
    assert max(map(len, lines)) < 400
    for word in words:
        assert word in said.err, f"{word!r} is not in {said.err}"


def of(*items: str) -> str:
    """A file of these experiments, each as the inside of a flow mapping."""
    return "experiments:\n" + "".join(f"- {{{item}, {KEYS}}}\n" for item in items)


def cells(a: int, b: int, c: int) -> str:
    lists = ", ".join(f"{key}: {list(range(size))}" for key, size in (("x", a), ("y", b), ("seed", c)))
    return f"experiments:\n- {{name: n, command: 'echo', matrix: {{{lists}}}}}\n"


BAD_FILES = {
    "malformed yaml": ("experiments: [", "experiments.yaml:2"),
    "a tab": ("experiments:\n\t- {id: a}\n", "experiments.yaml:2"),
    "an unknown key": (of("id: a, comand: echo, command: echo"), "comand", "did you mean command"),
    "a duplicate key": (of("id: a, id: b, command: echo"), "id", "twice"),
    "a duplicate id": (of("id: a, command: echo", "id: a, command: echo"), "'a'"),
    "a duplicate id by case": (of("id: a, command: echo", "id: A, command: echo"), "'A'"),
    "an id that climbs": (of("id: ../../x, command: echo"), "../../x"),
    "an id with a slash": (of("id: a/b, command: echo"), "a/b"),
    "an id with a space": (of("id: a b, command: echo"), "a b"),
    "an id with a leading dot": (of("id: .a, command: echo"), ".a"),
    "an id of 300 characters": (of(f"id: {'x' * 300}, command: echo"), "300 characters"),
    "a circle": (of("id: a, command: e, depends_on: [b]", "id: b, command: e, depends_on: [a]"), "a", "b"),
    "itself": (of("id: a, command: e, depends_on: [a]"), "a"),
    "an unknown dependency": (of("id: a, command: e, depends_on: [nowhere]"), "nowhere"),
    "a million cells": (cells(100, 100, 100), "1,000,000 cells", "policies.matrix_limit"),
    "an unknown host": (of("id: a, command: e, host: locl"), "locl", "local"),
    "no utf-8": ("experiments:\n- {id: \udcff}\n", "UTF-8"),
}


@pytest.mark.parametrize("mistake", BAD_FILES)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["for real", "only tried"])
def test_a_bad_file_of_experiments_adds_nothing(
    study: Path, autolab: Autolab, mistake: str, dry: tuple[str, ...]
) -> None:
    text, *words = BAD_FILES[mistake]
    (study / "experiments.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    before = everything(study)
    refused(autolab("add", "experiments.yaml", *dry), 2, "experiments.yaml", *words)
    assert everything(study) == before


BAD_SETTINGS = {
    "malformed yaml": ("project: [", "autolab.yaml:2"),
    "an unknown key": ("project: study\nhots: {}\n", "hots", "hosts"),
    "a duplicate key": ("project: study\nproject: study\n", "project", "twice"),
    "zero slots": ("project: study\nhosts: {local: {kind: local, slots: 0}}\n", "slots", "autolab.yaml:2"),
    "a secret's value": ("project: study\nsecrets: {TOKEN: hf_canary}\n", "TOKEN"),
    "an unknown kind of host": ("project: study\nhosts: {local: {kind: lokal}}\n", "lokal"),
    "nothing": ("", "autolab.yaml:1:1: the file is empty"),
}


@pytest.mark.parametrize("mistake", BAD_SETTINGS)
@pytest.mark.parametrize("words", [("poll",), ("run", "--", "true"), ("add", "experiments.yaml")])
def test_bad_settings_stop_every_change(study: Path, autolab: Autolab, mistake: str, words: tuple[str, ...]) -> None:
    text, *said = BAD_SETTINGS[mistake]
    (study / "autolab.yaml").write_text(text)
    (study / "experiments.yaml").write_text(of("id: a, command: echo"))
    before = everything(study)
    found = autolab(*words)
    refused(found, 2, *said)
    assert "hf_canary" not in found.err
    assert everything(study) == before


def test_a_number_in_every_notation_of_yaml_is_a_number(study: Path, autolab: Autolab) -> None:
    (study / "experiments.yaml").write_text(
        "experiments:\n- {name: n, command: 'echo {lr}', phase: 1, group: main, method: m, dataset: d,"
        " expected_duration_hours: 1e-3, id: 'n-{lr}', matrix: {lr: [1e-3, 0.001e1], seed: [0]}}\n"
    )
    assert autolab("add", "experiments.yaml").code == 0
    entries = {e["id"]: e for e in json.loads((study / "dispatch/state.json").read_text())["experiments"]}
    assert list(entries) == ["n-0.001", "n-0.01"]
    assert entries["n-0.001"]["command"] == "echo 0.001"
    assert {e["expected_duration_hours"] for e in entries.values()} == {0.001}


def test_a_run_on_a_host_that_nobody_knows_changes_nothing(study: Path, autolab: Autolab) -> None:
    before = everything(study)
    refused(autolab("run", "--host", "locl", "--", "true"), 3, "locl", "local")
    assert everything(study) == before


@pytest.mark.parametrize("ident", ["../x", "a/b", "a b", ".a", "x" * 300, "", "a\nb"])
def test_a_run_under_a_bad_id_changes_nothing(study: Path, autolab: Autolab, ident: str) -> None:
    before = everything(study)
    refused(autolab("run", "--id", ident, "--", "true"), 2)
    assert everything(study) == before


def test_a_command_runs_as_it_was_written(study: Path, autolab: Autolab) -> None:
    """Quotes, newlines, ``$()``, backslashes and any alphabet: in a project whose path has a space."""
    asked = {
        "quotes": ("printf %s \"it's\" '\"'", "it's\""),
        "newlines": ("printf one\nprintf ' two'\n# a comment\nprintf ' three'", "one two three"),
        "substitution": ("x=$(printf '%s' '$(id)'); printf %s \"$x\"", "$(id)"),
        "backslash": (r"printf %s '\n\\' \\", "\\n\\\\\\"),
        "unicode": ("printf %s 'añb – 猫 🐈'", "añb – 猫 🐈"),
        "percent": ("printf %s '%s {a} {{b}} %(c)s'", "%s {a} {{b}} %(c)s"),
        "heredoc": ("cat <<'EOF'\nEOF2 `id`\nEOF", "EOF2 `id`"),
    }
    items = [{"id": ident, "command": command} for ident, (command, _) in asked.items()]
    keys = {"phase": 1, "group": "main", "method": "m", "dataset": "d", "seed": 0, "expected_duration_hours": 1}
    document = {"experiments": [{**item, **keys} for item in items]}
    (study / "experiments.yaml").write_text(json.dumps(document, ensure_ascii=False))
    assert autolab("add", "experiments.yaml").code == 0
    drive(autolab, *asked)
    for ident, (_, out) in asked.items():
        assert (study / f"experiments/logs/{ident}.log").read_text().rstrip("\n") == out, ident
    assert autolab("status", "--json").data["counts"]["done"] == len(asked)


def test_words_of_a_run_stay_words(study: Path, autolab: Autolab) -> None:
    words = ["printf", "<%s>", "a b", "$(id)", "it's", "x\ny", "猫", "", "*"]
    assert autolab("run", "--id", "w", "--", *words).code == 0
    drive(autolab, "w")
    assert (study / "experiments/logs/w.log").read_text() == "<a b><$(id)><it's><x\ny><猫><><*>"


def test_a_project_that_is_no_git_repository_works_and_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autolab: Autolab
) -> None:
    root = tmp_path / "plain folder"
    root.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(root)
    (root / "autolab.yaml").write_text(
        f"project: plain\nhosts: {{local: {{kind: local, slots: 1, state_dir: {tmp_path}/state}}}}\n"
        "policies: {look_fastest: 1s, look_slowest: 2s, scan_every: 2s}\n"
    )
    said = autolab("init")
    assert (said.code, "git init" in said.err) == (0, True)
    assert autolab("run", "--id", "a", "--", "echo", "fine").code == 0
    drive(autolab, "a")
    assert autolab("show", "a", "--json").data["experiment"]["status"] == "done"
    assert (root / "experiments/logs/a.log").read_text() == "fine\n"


CHANGES = {
    "add": ("add", "experiments.yaml"),
    "run": ("run", "--", "true"),
    "hold": ("hold", "waiting", "--reason", "later"),
    "cancel": ("cancel", "waiting", "--reason", "no"),
    "poll": ("poll",),
}


@pytest.fixture
def own_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autolab: Autolab) -> Iterator[Path]:
    """A lab on a disk of 4 MiB of its own, with one experiment that nothing launches."""
    root = tmp_path / "disk"
    root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(root)], check=True)
    try:
        yield a_waiting_lab(root, monkeypatch, autolab)
    finally:
        monkeypatch.chdir("/")
        subprocess.run(["umount", "--lazy", str(root)], check=True)


def a_waiting_lab(root: Path, monkeypatch: pytest.MonkeyPatch, autolab: Autolab) -> Path:
    monkeypatch.setenv("HOME", str(root.parent / "home"))
    monkeypatch.chdir(root)
    subprocess.run(["git", "init", "--quiet"], check=True)
    state = root.parent / "state"
    (root / "autolab.yaml").write_text(
        f"project: small\nhosts: {{local: {{kind: local, slots: 1, state_dir: {state}}}}}\n"
    )
    assert autolab("init").code == 0
    assert autolab("run", "--id", "waiting", "--", "true").code == 0
    (root / "experiments.yaml").write_text(of("id: a, command: echo"))
    return root


def fill(path: Path) -> None:
    """Write until nothing fits any more."""
    words = ["dd", "if=/dev/zero", f"of={path}", "bs=4096"]
    assert "No space left" in subprocess.run(words, capture_output=True, text=True, check=False).stderr


@pytest.mark.root
@pytest.mark.parametrize("change", CHANGES)
def test_a_full_disk_is_said_and_changes_nothing(own_disk: Path, autolab: Autolab, change: str) -> None:
    fill(own_disk / "filler")
    before = everything(own_disk)
    refused(autolab(*CHANGES[change]), 9, "No space left")
    assert everything(own_disk) == before
    (own_disk / "filler").unlink()
    assert autolab("replay", "--json").data["equal"]
    assert autolab(*CHANGES[change]).code == 0


@contextmanager
def read_only(root: Path) -> Iterator[None]:
    """Nothing below ``root`` can be written inside the block: by a mount where root, to whom modes say nothing."""
    if can_isolate():
        subprocess.run(["mount", "--bind", str(root), str(root)], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(root)], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(root)], check=True)
        return
    modes = {path: path.stat().st_mode for path in (root, *root.rglob("*")) if not path.is_symlink()}
    for path, mode in modes.items():
        path.chmod(mode & 0o555)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@pytest.mark.parametrize("change", CHANGES)
def test_a_project_that_cannot_be_written_is_said_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autolab: Autolab, change: str
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    a_waiting_lab(root, monkeypatch, autolab)
    before = everything(root)
    with read_only(root):
        monkeypatch.chdir(root)
        refused(autolab(*CHANGES[change]), 9, "ead-only" if can_isolate() else "denied")
        assert autolab("status").code == 0
        monkeypatch.chdir("/")
    assert everything(root) == before
