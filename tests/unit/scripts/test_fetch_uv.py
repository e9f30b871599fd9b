"""uv comes from the index that was asked for, whole and as pinned, or not at all."""

from __future__ import annotations

import hashlib
import http.server
import importlib.util
import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "fetch_uv.py"
NAME = "uv-0.13.8-py3-none-any_here.whl"


def wheel(program: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as inside:
        inside.writestr("uv-0.13.8.data/scripts/uv", program)
        inside.writestr("uv-0.13.8.data/scripts/uvx", "#!/bin/sh\n")
    return packed.getvalue()


GOOD = wheel("#!/bin/sh\necho uv 0.13.8\n")


@pytest.fixture
def index() -> Iterator[str]:
    """A package index on loopback that lists one wheel, with a password in its address."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listing = f'<a href="../../files/{NAME}#sha256=0">{NAME}</a>'.encode()
            body = {"/simple/uv/": listing, f"/files/{NAME}": GOOD}.get(self.path)
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://someone:secret@127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(tmp_path: Path, index: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, on a machine without uv, with one wheel for every machine."""
    spec = importlib.util.spec_from_file_location("fetch_uv", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_DEFAULT_INDEX", index)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(module, "WHEELS", {module_key(module): (NAME, hashlib.sha256(GOOD).hexdigest())})
    return module


def module_key(module: ModuleType) -> tuple[str, str, str]:
    """Which row of the table this machine is."""
    table: dict[tuple[str, str, str], tuple[str, str]] = module.WHEELS
    return next(key for key, row in table.items() if row == module.wheel_for_here())


def test_it_is_fetched_once_and_then_found(
    fetch: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    expected = tmp_path / "cache" / "autolab" / "uv-0.13.8" / "uv"
    assert (fetch.main(), fetch.main()) == (0, 0)
    said = capsys.readouterr()
    assert said.out.splitlines() == [str(expected)] * 2
    assert said.err.count("downloading") == 1
    assert "secret" not in said.err


def test_another_file_than_the_pinned_one_is_not_unpacked(
    fetch: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fetch, "WHEELS", {module_key(fetch): (NAME, "0" * 64)})
    assert fetch.main() == 1
    assert "sha256 differs" in capsys.readouterr().err
    assert not list(tmp_path.rglob("uv"))


def test_an_index_without_it_is_named_without_its_password(
    fetch: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, index: str
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.replace("/simple", "/elsewhere"))
    assert fetch.main() == 1
    said = capsys.readouterr().err
    assert "cannot download http://127.0.0.1" in said
    assert "secret" not in said


def test_an_old_uv_on_path_is_passed_over(fetch: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, version in ((old, "0.4.30"), (new, "0.14.1")):
        folder.mkdir()
        (folder / "uv").write_text(f"#!/bin/sh\necho uv {version}\n")
        (folder / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", str(old))
    assert fetch.on_path() is None
    monkeypatch.setenv("PATH", str(new))
    assert fetch.on_path() == new / "uv"


def test_an_unknown_machine_is_named_with_the_way_out(fetch: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch.platform, "machine", lambda: "vax")
    with pytest.raises(fetch.NoUv, match=r"vax; put uv >= 0\.13 on PATH"):
        fetch.wheel_for_here()
