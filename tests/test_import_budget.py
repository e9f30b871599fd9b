"""What a command may load: asserted on the modules that are there afterwards, so that no clock is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"pydantic", "filelock", "paramiko", "fabric", "jinja2", "yaml", "ruamel", "watchdog", "cryptography"}
PROGRAM = """
import json, sys
sys.argv = ["autolab", *json.loads(sys.argv[1])]
from autolab.cli.main import run
run(sys.argv[1:])
print("\\n@" + json.dumps(sorted(sys.modules)))
"""


def loaded(*words: str, cwd: Path | None = None) -> set[str]:
    """The modules that ``autolab WORDS`` has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(words)], capture_output=True, text=True, check=True, cwd=cwd
    )
    return set(json.loads(done.stdout.rpartition("\n@")[2]))


def top(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A lab as its files stand, with one experiment."""
    entry = {"id": "x", "status": "pending", "substatus": "", "host": None, "since": "2026-01-01T00:00:00Z"}
    state = {"project": "p", "updated": "2026-01-01T00:00:00Z", "format": 1, "journal_seq": 2, "experiments": [entry]}
    (tmp_path / "autolab.yaml").write_text("project: p\n")
    (tmp_path / "dispatch").mkdir()
    (tmp_path / "dispatch/lab.json").write_text('{"format": 1, "lab": "0123456789abcdef"}')
    (tmp_path / "dispatch/state.json").write_text(json.dumps(state))
    return tmp_path


def test_help_loads_click_and_no_command() -> None:
    modules = loaded("--help")
    assert not top(modules) & (HEAVY | {"rich", "orjson"})
    assert {name for name in modules if name.startswith("autolab")} <= {
        "autolab", "autolab._version", "autolab.cli", "autolab.cli.base", "autolab.cli.main",
    }  # fmt: skip


@pytest.mark.parametrize("words", [("status",), ("ps",), ("show", "x"), ("ps", "--json"), ("status", "--json")])
def test_looking_loads_no_library_that_reads_settings_locks_or_draws(lab: Path, words: tuple[str, ...]) -> None:
    assert not top(loaded(*words, cwd=lab)) & (HEAVY | {"rich"})


def test_importing_the_package_loads_nothing_else() -> None:
    program = "import sys; before = set(sys.modules); import autolab; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    ours = [name for name in json.loads(done.stdout.replace("'", '"')) if name.partition(".")[0] != "importlib"]
    assert {name for name in ours if "autolab" in name} <= {"autolab", "autolab._version"}
    assert not top(set(ours)) & (HEAVY | {"click", "orjson", "rich"})


def test_the_version_is_said_before_click_is_loaded() -> None:
    program = (
        "import sys; sys.argv = ['autolab', '--version']; from autolab.__main__ import main; main(); "
        "print('click' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_help_is_said_before_click_is_loaded_and_is_what_click_says() -> None:
    program = "import sys; sys.argv = ['autolab', sys.argv[1]]; from autolab.__main__ import main; main(); "
    for word in ("--help", "-h"):
        done = subprocess.run(
            [sys.executable, "-c", program + "print('click' in sys.modules)", word],
            capture_output=True,
            text=True,
            check=True,
            env={name: value for name, value in os.environ.items() if name != "COLUMNS"},
        )
        text, _, loaded_click = done.stdout.rstrip("\n").rpartition("\n")
        clicks = subprocess.run(
            [sys.executable, "-c", "from autolab.cli.main import main; main()", word],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "80"},
        ).stdout
        assert (text + "\n", loaded_click) == (clicks.replace("Usage: -c", "Usage: autolab"), "False")


def test_completing_a_command_loads_no_command() -> None:
    variables = {"_AUTOLAB_COMPLETE": "bash_complete", "COMP_WORDS": "autolab st", "COMP_CWORD": "1"}
    program = (
        "import sys\nfrom autolab.cli.main import app\ntry:\n    app.main(prog_name='autolab')\n"
        "finally:\n    print(sorted(name for name in sys.modules if 'autolab.cli' in name))"
    )
    environment = {**os.environ, **variables}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[0] == "plain,status"
    assert done.stdout.splitlines()[-1] == "['autolab.cli', 'autolab.cli.base', 'autolab.cli.main']"
