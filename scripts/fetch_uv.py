"""Print the path of a uv that is new enough: the one on PATH, or the pinned one from the package index.

Standard library only, for a python without pip. What is downloaded is checked against the hash below before it is
unpacked; the index is PIP_INDEX_URL or UV_DEFAULT_INDEX (or UV_INDEX_URL) where set, else pypi.org.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import platform
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

VERSION = "0.13.8"
OLDEST_GOOD = (0, 13)
WHEELS = {
    ("Linux", "x86_64", "glibc"): (
        "uv-0.13.8-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984",
    ),
    ("Linux", "x86_64", "musl"): (
        "uv-0.13.8-py3-none-musllinux_1_1_x86_64.whl",
        "29451c60f5e8b07403e0a175d5229efc36b0289b34143ff4aaa499a5dd52553a",
    ),
    ("Linux", "aarch64", "glibc"): (
        "uv-0.13.8-py3-none-manylinux_2_28_aarch64.whl",
        "5337c30bb893b4f9ce0ceb921ba2da0d13f649da644f40ad3bef84083bef0203",
    ),
    ("Linux", "aarch64", "musl"): (
        "uv-0.13.8-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
        "0b3e8b1a4f5e405e31e2ff33de8af4744831e9f7338539671efbd8c3c94e791d",
    ),
    ("Darwin", "x86_64", ""): (
        "uv-0.13.8-py3-none-macosx_10_12_x86_64.whl",
        "b7124ca1956ec2e476a1003ea5715a15f0266afaec37f4dc9c6972ba8183e6d1",
    ),
    ("Darwin", "arm64", ""): (
        "uv-0.13.8-py3-none-macosx_11_0_arm64.whl",
        "62b6943c7fd64fac6854f780bea6e0359e5a5bc3241f83ee357bb38276afac49",
    ),
}
TRIES = 4


class NoUv(Exception):
    """Why there is no uv, in words for the person at the terminal."""


def main() -> int:
    try:
        print(on_path() or cached() or fetched())
    except NoUv as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def on_path() -> Path | None:
    found = shutil.which("uv")
    return Path(found) if found and version_of(Path(found)) >= OLDEST_GOOD else None


def version_of(uv: Path) -> tuple[int, ...]:
    """What ``uv --version`` says; (0,) if it says nothing of use."""
    try:
        said = subprocess.run([uv, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0,)
    number = re.search(r"(\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, number.groups())) if number else (0,)


def shelf() -> Path:
    """Where our own uv lies: the user's cache, or beside the checkout's other build outputs."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME") or "/nonexistent", ".cache")
    for folder in (Path(cache) / "autolab", Path(__file__).resolve().parents[1] / ".venv-tools"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder / f"uv-{VERSION}"
        except OSError:
            continue
    raise NoUv("neither the cache folder nor the checkout can be written to; set XDG_CACHE_HOME to a folder that can")


def cached() -> Path | None:
    uv = shelf() / "uv"
    return uv if uv.is_file() and version_of(uv) >= OLDEST_GOOD else None


def fetched() -> Path:
    """The pinned uv, downloaded, checked and unpacked."""
    name, sha256 = wheel_for_here()
    print(f"downloading uv {VERSION} from {shown(index())}", file=sys.stderr)
    wheel = download(address_of(name))
    if hashlib.sha256(wheel).hexdigest() != sha256:
        raise NoUv(f"{name} is not the file that was pinned (sha256 differs); nothing was unpacked")
    uv = shelf() / "uv"
    uv.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(wheel)) as packed:
        inside = next(member for member in packed.namelist() if member.endswith("/scripts/uv"))
        with tempfile.NamedTemporaryFile(dir=uv.parent, delete=False) as beside:
            beside.write(packed.read(inside))
    Path(beside.name).chmod(0o755)
    Path(beside.name).replace(uv)
    if version_of(uv) < OLDEST_GOOD:
        raise NoUv(f"{uv} does not run on this machine")
    return uv


def wheel_for_here() -> tuple[str, str]:
    system, machine = platform.system(), platform.machine()
    machine = {"amd64": "x86_64", "AMD64": "x86_64"}.get(machine, machine)
    libc = "" if system != "Linux" else "glibc" if platform.libc_ver()[0] == "glibc" else "musl"
    try:
        return WHEELS[system, machine, libc]
    except KeyError:
        raise NoUv(f"no pinned uv for {system} on {machine}; put uv >= 0.13 on PATH and run this again") from None


def index() -> str:
    names = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
    return next((os.environ[n] for n in names if os.environ.get(n)), "https://pypi.org/simple").rstrip("/")


def shown(url: str) -> str:
    """``url`` without the name and password that an index of one's own may carry."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def address_of(name: str) -> str:
    """Where the index says that the file ``name`` is."""
    page = f"{index()}/uv/"
    listing = download(page).decode("utf-8", "replace")
    for found in re.finditer(r'href="([^"]+)"', listing):
        link = found.group(1)
        address: str = urllib.parse.urljoin(page, link.replace("&amp;", "&")).partition("#")[0]
        if urllib.parse.unquote(address).endswith(f"/{name}"):
            return address
    raise NoUv(f"{shown(page)} does not list {name}")


def download(url: str) -> bytes:
    """The bytes at ``url``, tried a few times: a first command should not fail for one lost packet."""
    request, context = urllib.request.Request(url, headers={"Accept": "text/html, */*"}), certificates()
    login = urllib.parse.urlsplit(url)
    if login.username:
        words = f"{urllib.parse.unquote(login.username)}:{urllib.parse.unquote(login.password or '')}"
        bare = urllib.parse.urlunsplit(login._replace(netloc=login.netloc.rpartition("@")[2]))
        request = urllib.request.Request(bare, headers={"Accept": "text/html, */*"})
        request.add_header("Authorization", "Basic " + base64.b64encode(words.encode()).decode())
    for nth in range(1, TRIES + 1):
        try:
            with urllib.request.urlopen(request, timeout=60, context=context) as answer:
                return bytes(answer.read())
        except (urllib.error.URLError, OSError, TimeoutError) as error:
            gone = isinstance(error, urllib.error.HTTPError) and error.code < 500 and error.code != 429
            if nth == TRIES or gone:
                raise NoUv(f"cannot download {shown(url)}: {error}") from error
            time.sleep(2**nth)
    raise NoUv(f"cannot download {shown(url)}")


def certificates() -> ssl.SSLContext:
    """The machine's certificates, and those that pip or uv were told to use."""
    named = (os.environ.get(n) for n in ("SSL_CERT_FILE", "PIP_CERT"))
    return ssl.create_default_context(cafile=next((n for n in named if n and Path(n).is_file()), None))


if __name__ == "__main__":
    sys.exit(main())
