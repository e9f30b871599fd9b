"""The shape of the house, read from the source: who may import whom, and what pure code may not do.

Each check gets one parsed file and gives the lines that break it. The last tests feed every check a small bad file, so
that a check which can no longer fail is itself a failure.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "autolab"


def words(text: str) -> set[str]:
    return set(text.split())


# layer -> the layers it may import (itself always). A new folder needs a line here, and a reason in the commit.
LAYERS: dict[str, set[str]] = {
    "errors": set(),
    "_version": set(),
    "packaged": set(),
    "resources": {"packaged"},
    "report": set(),
    "model": {"errors"},
    "rules": {"errors", "model"},
    "hosts": {"errors", "model"},
    "store": {"errors", "model", "resources"},  # autolab's own table of failures travels with the code
    "executors": {"errors", "model", "hosts", "resources"},
    "notify": {"errors", "model"},
    "engine": {"errors", "model", "rules", "store", "hosts", "executors", "notify"},
    "api": {
        "errors", "model", "rules", "store", "hosts", "executors", "engine", "notify", "resources", "packaged",
        "_version",
    },
    "cli": {"errors", "model", "api", "_version"},
    "__main__": {"cli", "api", "errors", "packaged", "_version"},
    "__init__": {"api", "errors", "model", "_version"},
}
PURE = ("model/", "rules/", "executors/dialects/", "errors.py")

# A library is known to one folder, so that it can be replaced there.
AT_HOME = {
    "paramiko": "hosts/",
    "fabric": "hosts/",
    "invoke": "hosts/",
    "filelock": "store/",
    "watchdog": "engine/",
    "apprise": "notify/",
    "click": "cli/",
    "rich": "cli/",
}

# Imports inside functions: the libraries that cost a command more than it costs itself, and where.
LAZY: dict[tuple[str, str], str] = {
    ("engine/lab.py", "autolab.hosts.ssh"): "paramiko: 130 ms that a lab of local hosts need not pay",
    ("engine/lab.py", "autolab.hosts.login"): "the same",
    ("engine/lab.py", "autolab.hosts.trust"): "the same",
    ("cli/", "rich"): "50 ms, and --json never needs it",
    ("store/", "filelock"): "46 ms, and commands that only read never lock",
    ("model/patterns.py", "pydantic_core"): "20 ms, and a tick without a failure matches nothing",
    ("model/documents.py", "pydantic"): "84 ms, and commands that only read a valid state never validate",
    ("engine/", "watchdog"): "47 ms, and only the daemon watches",
    ("notify/post.py", "apprise"): "an extra: that it is missing is an answer, and no traceback",
}
IMPORTS_BY_NAME = {
    "__init__.py": "the public names are loaded when asked for",
    "cli/main.py": "a command's file is loaded when the command is run",
    "__main__.py": "--version is said before anything is loaded",
}
CATCHES_ALL = {
    "engine/perform.py": "one bad action must not stop the rest",
    "engine/telling.py": "a notification that fails never stops the engine",
    "engine/lanes.py": "a thread hands its failure to the loop, which raises it there",
    "cli/main.py": "the last line of defence: a traceback kept, one line said",
    "report.py": "a mistake in a report must not end a training",
}
READS_THE_CLOCK = {
    "engine/daemon.py": "once per tick",
    "api/": "once per call",
    "report.py": "runs inside the job, far from any tick",
}

IMPURE_MODULES = words(
    "os sys time random secrets uuid logging subprocess socket shutil tempfile threading asyncio glob fcntl urllib "
    "http platform getpass signal select importlib"
)
DISK_CALLS = words(
    "read_text read_bytes write_text write_bytes exists is_file is_dir is_symlink stat lstat iterdir glob rglob "
    "unlink mkdir rmdir touch resolve expanduser samefile symlink_to hardlink_to readlink chmod"
)
CLOCK_NAMES = {"now", "utcnow", "today"}
CLOCK_OWNERS = {"datetime", "date", "dt"}
TIME_OF_DAY = {"time", "time_ns", "localtime", "gmtime"}
UNSAFE_LOADERS = {"Loader", "CLoader", "FullLoader", "CFullLoader", "UnsafeLoader", "CUnsafeLoader"}
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "marshal", "shelve", "cloudpickle"}
TRUSTING_POLICIES = {"AutoAddPolicy", "WarningPolicy"}


@dataclass(frozen=True)
class Source:
    """One file: its path inside the package and its syntax tree."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return parsed(self.text)

    @property
    def layer(self) -> str:
        return self.path.split("/")[0].removesuffix(".py")

    @property
    def module(self) -> str:
        return ".".join(("autolab", *self.path.removesuffix(".py").removesuffix("__init__").strip("/").split("/")))

    def is_in(self, places: Iterable[str]) -> bool:
        """Is this file one of ``places``, or in one of those that end in a slash?"""
        return any(self.path.startswith(p) if p.endswith("/") else self.path == p for p in places)


@cache
def parsed(text: str) -> ast.Module:
    return ast.parse(text)


Check = Callable[[Source], Iterator[str]]


def sources() -> list[Source]:
    found = (p for p in sorted(PACKAGE.rglob("*.py")) if "_data" not in p.relative_to(PACKAGE).parts)
    return [Source(p.relative_to(PACKAGE).as_posix(), p.read_text("utf-8")) for p in found]


def imported(source: Source, within: ast.AST | None = None) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(within or source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                parents = ["autolab", *source.path.split("/")[:-1]]
                start = ".".join([*parents[: len(parents) - node.level + 1], *([start] if start else [])])
            yield from ((node.lineno, f"{start}.{name.name}") for name in node.names)


def calls(source: Source) -> Iterator[tuple[ast.Call, str]]:
    """Every call and the last word of what is called."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            yield node, last_word(node.func)


def last_word(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def call_owner(call: ast.Call) -> str:
    """What stands before the dot: ``os`` in ``os.open(...)``, nothing in ``open(...)``."""
    return last_word(call.func.value) or "?" if isinstance(call.func, ast.Attribute) else ""


def functions(source: Source) -> Iterator[ast.AST]:
    yield from (n for n in ast.walk(source.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))


# ---------------------------------------------------------------------------------------------------- the checks


def imports_go_one_way(source: Source) -> Iterator[str]:
    if source.layer not in LAYERS:
        yield f"1: the layer {source.layer!r} is not in the table"
        return
    allowed = {source.layer, *LAYERS[source.layer]}
    for line, name in imported(source):
        parts = name.split(".")
        if parts[0] != "autolab":
            continue
        layer = parts[1] if len(parts) > 1 and parts[1] in LAYERS else "__init__"
        if layer not in allowed:
            yield f"{line}: {source.layer} may not import {name}"


def libraries_stay_home(source: Source) -> Iterator[str]:
    for line, name in imported(source):
        home = AT_HOME.get(name.split(".")[0])
        if home and not source.is_in([home]):
            yield f"{line}: {name.split('.')[0]} belongs to {home} alone"


def pure_code_touches_nothing(source: Source) -> Iterator[str]:
    if not source.is_in(PURE):
        return
    for line, name in imported(source):
        if name.split(".")[0] in IMPURE_MODULES:
            yield f"{line}: pure code imports {name}"
    for call, word in calls(source):
        if word in {"open", "print", "input", "breakpoint"} and call_owner(call) in {"", "io"}:
            yield f"{call.lineno}: pure code calls {word}()"
        if isinstance(call.func, ast.Attribute) and word in DISK_CALLS:
            yield f"{call.lineno}: pure code calls .{word}()"
    for line, name in clock_reads(source):
        yield f"{line}: pure code reads the clock: {name}"


def clock_reads(source: Source) -> Iterator[tuple[int, str]]:
    """``datetime.now`` and the like, called or handed on, and the time of day of ``time``."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Attribute):
            continue
        owner = last_word(node.value)
        if (node.attr in CLOCK_NAMES and owner in CLOCK_OWNERS) or (node.attr in TIME_OF_DAY and owner == "time"):
            yield node.lineno, f"{owner}.{node.attr}"
    for line, name in imported(source):
        if name in {f"time.{word}" for word in TIME_OF_DAY}:
            yield line, name


def the_clock_is_read_in_few_places(source: Source) -> Iterator[str]:
    if not source.is_in(READS_THE_CLOCK):
        yield from (f"{line}: {name} is read here; take `now` as a parameter" for line, name in clock_reads(source))


def imports_stand_at_the_top(source: Source) -> Iterator[str]:
    for function in functions(source):
        for line, name in imported(source, function):
            if not any(source.is_in([place]) and f"{name}.".startswith(f"{lazy}.") for place, lazy in LAZY):
                yield f"{line}: {name} is imported inside a function and is not in the list of lazy imports"
    for call, word in calls(source):
        if word in {"import_module", "__import__"} and not source.is_in(IMPORTS_BY_NAME):
            yield f"{call.lineno}: imports by name"


def few_places_catch_everything(source: Source) -> Iterator[str]:
    if source.is_in(CATCHES_ALL):
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        raises = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
        if any(c is None or last_word(c) in {"Exception", "BaseException"} for c in caught) and not raises:
            yield f"{node.lineno}: catches everything"


def nothing_dangerous(source: Source) -> Iterator[str]:
    plain_yaml = "yaml" in {name for _, name in imported(source)}
    for line, name in imported(source):
        if name.split(".")[0] in UNSAFE_MODULES:
            yield f"{line}: {name} runs what it reads"
    for call, word in calls(source):
        said = {k.arg: k.value for k in call.keywords}
        if isinstance(shell := said.get("shell"), ast.Constant) and shell.value:
            yield f"{call.lineno}: shell=True"
        if isinstance(call.func, ast.Name) and word in {"eval", "exec", "compile"}:
            yield f"{call.lineno}: {word}()"
        if call_owner(call) == "os" and word in {"system", "popen"}:
            yield f"{call.lineno}: os.{word}()"
        if word.startswith(("unsafe_load", "full_load")):
            yield f"{call.lineno}: yaml.{word}()"
        if word == "YAML" and isinstance(kind := said.get("typ"), ast.Constant) and kind.value == "unsafe":
            yield f"{call.lineno}: YAML(typ='unsafe')"
        if word in {"load", "load_all"} and call_owner(call) == "yaml" and plain_yaml:
            loader = said.get("Loader") or (call.args[1] if len(call.args) > 1 else None)
            if loader is None or last_word(loader) in UNSAFE_LOADERS:
                yield f"{call.lineno}: yaml.load without a safe loader"
    for node in ast.walk(source.tree):
        if last_word(node) in TRUSTING_POLICIES:
            yield f"{getattr(node, 'lineno', 0)}: {last_word(node)} accepts any host key"


def a_file_has_one_idea(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if lines > 400:
        yield f"{lines}: more than 400 lines; split it where the second idea begins"


CHECKS: list[Check] = [
    imports_go_one_way,
    libraries_stay_home,
    pure_code_touches_nothing,
    the_clock_is_read_in_few_places,
    imports_stand_at_the_top,
    few_places_catch_everything,
    nothing_dangerous,
    a_file_has_one_idea,
]


def cycles(files: Iterable[Source]) -> list[list[str]]:
    """Modules that import each other, each ring once."""
    known = {f.module.rstrip("."): f for f in files}
    needs = {
        module: {target for _, n in imported(f) if (target := owner(n, known)) != module and target}
        for module, f in known.items()
    }
    rings: dict[frozenset[str], list[str]] = {}

    def walk(path: list[str], finished: set[str]) -> None:
        for step in sorted(needs[path[-1]]):
            if step in path:
                ring = path[path.index(step) :]
                rings.setdefault(frozenset(ring), [*ring, step])
            elif step not in finished:
                walk([*path, step], finished)
        finished.add(path[-1])

    finished: set[str] = set()
    for module in sorted(known):
        if module not in finished:
            walk([module], finished)
    return list(rings.values())


def owner(name: str, known: dict[str, Source]) -> str | None:
    """The module that an imported name comes from: itself, or the one that defines it."""
    return name if name in known else parent if (parent := name.rpartition(".")[0]) in known else None


# ----------------------------------------------------------------------------------------------------- the tests


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
def test_the_package_keeps(check: Check) -> None:
    broken = [f"autolab/{source.path}:{why}" for source in sources() for why in dict.fromkeys(check(source))]
    assert not broken, "\n" + "\n".join(broken)


def test_no_module_imports_itself_round_a_corner() -> None:
    assert cycles(sources()) == []


BAD: list[tuple[Check, str, str]] = [
    (imports_go_one_way, "model/x.py", "from autolab.store import layout"),
    (imports_go_one_way, "rules/x.py", "import autolab.engine.tick"),
    (imports_go_one_way, "store/x.py", "from ..hosts.ssh import Ssh"),
    (imports_go_one_way, "cli/x.py", "from autolab.engine import tick"),
    (imports_go_one_way, "api/x.py", "from autolab import Project"),
    (imports_go_one_way, "report.py", "from autolab.errors import Bug"),
    (imports_go_one_way, "helpers/x.py", ""),
    (libraries_stay_home, "api/x.py", "import paramiko"),
    (libraries_stay_home, "engine/x.py", "def f():\n    from filelock import FileLock"),
    (libraries_stay_home, "api/x.py", "from rich.table import Table"),
    (pure_code_touches_nothing, "model/x.py", "import os"),
    (pure_code_touches_nothing, "rules/x.py", "from random import choice"),
    (pure_code_touches_nothing, "rules/x.py", "def f(p):\n    return open(p)"),
    (pure_code_touches_nothing, "rules/x.py", "import io\ndef f(p):\n    return io.open(p)"),
    (pure_code_touches_nothing, "rules/x.py", "def f(p):\n    return p.read_text()"),
    (pure_code_touches_nothing, "model/x.py", "from datetime import datetime\nF = Field(default_factory=datetime.now)"),
    (pure_code_touches_nothing, "executors/dialects/x.py", "import subprocess"),
    (the_clock_is_read_in_few_places, "engine/tick.py", "import datetime\nx = datetime.datetime.now()"),
    (the_clock_is_read_in_few_places, "store/x.py", "import time\nx = time.time()"),
    (the_clock_is_read_in_few_places, "hosts/x.py", "from time import time"),
    (imports_stand_at_the_top, "api/x.py", "def f():\n    from autolab.engine import tick"),
    (imports_stand_at_the_top, "api/x.py", "def f():\n    import rich"),
    (imports_stand_at_the_top, "api/x.py", "import importlib\nx = importlib.import_module('os')"),
    (few_places_catch_everything, "store/x.py", "try:\n    f()\nexcept Exception:\n    pass"),
    (few_places_catch_everything, "store/x.py", "try:\n    f()\nexcept:\n    pass"),
    (few_places_catch_everything, "store/x.py", "try:\n    f()\nexcept (OSError, BaseException):\n    g()"),
    (nothing_dangerous, "store/x.py", "import pickle"),
    (nothing_dangerous, "hosts/x.py", "subprocess.run(x, shell=True)"),
    (nothing_dangerous, "store/x.py", "import yaml\nyaml.load(text)"),
    (nothing_dangerous, "store/x.py", "import yaml\nyaml.load(text, Loader=yaml.FullLoader)"),
    (nothing_dangerous, "store/x.py", "YAML(typ='unsafe')"),
    (nothing_dangerous, "rules/x.py", "eval('1')"),
    (nothing_dangerous, "hosts/x.py", "client.set_missing_host_key_policy(paramiko.AutoAddPolicy())"),
    (nothing_dangerous, "hosts/x.py", "import os\nos.system('ls')"),
    (a_file_has_one_idea, "store/x.py", "x = 1\n" * 401),
]
GOOD: list[tuple[str, str]] = [
    ("model/x.py", "from datetime import datetime\nfrom pathlib import PurePosixPath\nfrom autolab.errors import Bug"),
    ("store/x.py", "def f():\n    from filelock import FileLock"),
    ("store/x.py", "import yaml\nyaml.load(text, Loader=CCoreLoader)"),
    ("store/x.py", "from ruamel.yaml import YAML\nyaml = YAML()\nyaml.load(text)"),
    ("rules/x.py", "import io\nx = io.BytesIO()"),
    ("store/x.py", "try:\n    f()\nexcept BaseException:\n    undo()\n    raise"),
    ("api/x.py", "from datetime import UTC, datetime\nx = datetime.now(UTC)"),
    ("hosts/x.py", "import re, time\nx = re.compile('a')\ntime.sleep(1)\ny = time.monotonic()"),
]


@pytest.mark.parametrize(("check", "path", "text"), BAD, ids=lambda v: getattr(v, "__name__", None))
def test_a_bad_file_is_seen(check: Check, path: str, text: str) -> None:
    assert list(check(Source(path, text)))


@pytest.mark.parametrize(("path", "text"), GOOD)
def test_a_good_file_passes_every_check(path: str, text: str) -> None:
    assert [why for check in CHECKS for why in check(Source(path, text))] == []


def test_a_ring_of_imports_is_seen() -> None:
    ring = [Source("model/a.py", "from autolab.model.b import x"), Source("model/b.py", "from .a import y")]
    assert cycles(ring) == [["autolab.model.a", "autolab.model.b", "autolab.model.a"]]


def test_every_check_has_a_bad_file() -> None:
    assert {check for check, _, _ in BAD} == set(CHECKS)
