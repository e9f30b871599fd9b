"""The wheel, in an environment that has never seen the checkout: it runs, and its templates and schemas are there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from autolab.resources import data

ROOT = Path(__file__).parents[1]
UV = shutil.which("uv")
needs_uv = pytest.mark.skipif(UV is None, reason="uv is not on PATH; scripts/test brings it")


def uv(*said: str | Path, cwd: Path) -> str:
    assert UV
    env = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    ran = subprocess.run([UV, *said], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def tracked(*folders: str) -> set[str]:
    """What git has of ``folders``, as it is in the working tree."""
    listed = subprocess.run(["git", "ls-files", "-z", "--", *folders], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist of the tracked files, and the wheel made from that sdist."""
    checkout, dist = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    for name in tracked("."):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, checkout / name)
    uv("build", "--quiet", "--python", sys.executable, "--out-dir", dist, cwd=checkout)
    return dist


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a new environment with the wheel and nothing else but what it asks for."""
    outside = tmp_path_factory.mktemp("outside")
    (wheel,) = built.glob("*.whl")
    wanted = uv("export", "--frozen", "--quiet", "--no-dev", "--no-emit-project", cwd=ROOT)
    (outside / "wanted.txt").write_text(wanted)
    uv("venv", "--quiet", "--python", sys.executable, "env", cwd=outside)
    python = outside / "env" / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", "wanted.txt", cwd=outside)
    uv("pip", "install", "--quiet", "--python", python, "--no-deps", "--offline", wheel, cwd=outside)
    return python.parent


def run(program: Path, *said: str, cwd: Path) -> str:
    bare = {"PATH": os.defpath, "HOME": str(cwd), "LANG": "C.UTF-8"}
    return subprocess.run([program, *said], cwd=cwd, env=bare, capture_output=True, text=True, check=True).stdout


def members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as packed:
        return {name for name in packed.namelist() if ".dist-info/" not in name}


@needs_uv
def test_the_wheel_holds_what_git_has_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    data_files = {f"autolab/_data/{name}" for name in tracked("templates", "schemas")}
    assert members(wheel) == tracked("autolab") | data_files


@needs_uv
def test_the_sdist_brings_the_tests_and_the_licence(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        inside = {name.partition("/")[2] for name in packed.getnames()}
    assert inside >= {"LICENSE", "CHANGELOG.md", "README.md", "scripts/test", "tests/test_wheel.py"}


@needs_uv
def test_the_installed_command_says_its_version(installed: Path, tmp_path: Path) -> None:
    from autolab._version import __version__

    assert __version__ in run(installed / "autolab", "--version", cwd=tmp_path)


@needs_uv
@pytest.mark.parametrize("kind", ["templates", "schemas"])
def test_the_installed_package_finds_its(kind: str, installed: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from autolab.resources import data; folder = data(sys.argv[1]); print(folder);"
        "print(*(p.relative_to(folder) for p in folder.rglob('*') if p.is_file()), sep='\\n')"
    )
    folder, *found = run(installed / "python", "-c", script, kind, cwd=tmp_path).splitlines()
    assert str(installed.parent) in folder
    assert {f"{kind}/{name}" for name in found} == tracked(kind)
    assert found


@pytest.mark.parametrize("kind", ["templates", "schemas"])
def test_the_checkout_finds_its(kind: str) -> None:
    assert data(kind) == ROOT / kind  # type: ignore[arg-type]
    assert data(kind).is_dir()  # type: ignore[arg-type]
