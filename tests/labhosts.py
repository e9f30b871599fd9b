"""Real hosts for tests: an sshd each; with root each in namespaces of its own, so that it can restart or drop off.

Isolated, a host has its own network, processes, host name, machine id, boot id, uptime, /tmp and home; stopping it ends
all that runs there. Without root they are sshds on 127.0.0.x that share this machine, and only the SSH side differs.

    with LabHosts(2) as lab:
        SshConnection("lab1", "lab1", lab.config)

By hand: ``python -m tests.labhosts 3`` prints the ssh configuration and keeps the hosts up until its input ends.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.labnet import LabNet

PORT = 2222
ENTER = Path(__file__).parent / "tools" / "enter-host.sh"
NAMESPACES = ("mount", "uts", "pid", "net")


USERLANDS = ("own", "busybox")  # programs that sessions find: this machine's, or the applets of busybox alone


class LabHosts:
    """``count`` hosts named lab1, lab2 ...; ``isolate`` needs root and is the default with it."""

    def __init__(
        self, count: int = 2, *, isolate: bool | None = None, max_sessions: int = 10, userland: str = "own"
    ) -> None:
        self._userland = userland
        self.isolated = can_isolate() if isolate is None else isolate
        self.names = tuple(f"lab{n}" for n in range(1, count + 1))
        self._max_sessions = max_sessions
        self._extra: dict[str, list[str]] = {name: [] for name in self.names}
        self._paths: dict[str, str] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.user = _test_user()
        self._net = LabNet() if self.isolated else None
        self._key_changed = False
        self.dir = Path()

    # -- up and down

    def __enter__(self) -> LabHosts:
        self.dir = Path(tempfile.mkdtemp(prefix="autolab-lab-", dir="/var/tmp"))  # /tmp is each host's own
        self.dir.chmod(0o755)
        try:
            self._make_files()
            if self._net:
                self._net.up()
            for name in self.names:
                self.start(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.names:
            self.stop(name)
        if self._net:
            self._net.down()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, name: str, same_boot: bool = False) -> None:
        """Boot a host that is off, or start the sshd of one that is up. ``same_boot`` keeps its boot id and uptime."""
        if name not in self._running:
            self._boot(name, same_boot)
        elif not self._listener(name):
            if self.isolated:
                os.kill(self._init(name), signal.SIGUSR1)
            else:
                self._running[name] = self._spawn(self._sshd(name), name)
        until(lambda: self._says_hello(name), f"{name} answers")

    def stop(self, name: str) -> None:
        """Switch a host off: everything that runs there is gone."""
        if process := self._running.pop(name, None):
            if not self.isolated:
                for pid in _descendants(process.pid):
                    _kill(pid, signal.SIGKILL)
            process.kill()
            process.wait(10)
            if self._net:
                self._net.unplug(self._number(name))

    # -- what goes wrong with hosts

    def kill_sshd(self, name: str) -> None:
        """Nothing listens any more; sessions and jobs go on. ``start`` brings it back."""
        listener = self._listener(name)
        _kill(listener, signal.SIGKILL)
        if not self.isolated:
            self._running[name].wait(10)
        until(lambda: not self._says_hello(name), f"{name} no longer listens")

    def cut(self, name: str) -> None:
        """End every SSH connection to the host from its side; what runs there goes on."""
        for pid in self._sessions(name):
            _kill(pid, signal.SIGKILL)

    def drop(self, name: str) -> None:
        """From now on every packet to and from the host vanishes, of open connections too. Isolated only."""
        assert self._net is not None, "dropping packets needs isolated hosts"
        self._net.drop(self._number(name))

    def undrop(self, name: str) -> None:
        """Packets arrive again."""
        assert self._net is not None, "dropping packets needs isolated hosts"
        self._net.undrop(self._number(name))

    def change_key(self, name: str) -> None:
        """The host shows another key, as after a reinstallation."""
        key = self.dir / name / "host_key"
        key.unlink()
        _make_key(key)
        self._restart_sshd(name)
        self._key_changed = True

    def heal(self) -> None:
        """Every host is up, reachable and as it was at first, its key known; what ran and what lies there stays."""
        for name in self.names:
            if self._net and self._number(name) in self._net.dropped:
                self.undrop(name)
            self.home_of(name).joinpath(".bashrc").unlink(missing_ok=True)
            if name in self._paths or self._extra[name]:
                self._paths.pop(name, None)
                self._extra[name] = []
                self.stop(name)
            if name not in self._running or not self._listener(name):
                self.start(name)
        if self._key_changed:
            self._write_known_hosts()

    # -- what hosts are like

    def bashrc(self, name: str, text: str) -> None:
        """What every shell on the host reads first; empty: nothing."""
        self.put(name, ".bashrc", text)

    def put(self, name: str, path: str, text: str) -> None:
        """A file in the home of the host's user."""
        target = self.home_of(name) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        self._give_away(target)

    def use(self, userland: str) -> None:
        """Which of ``USERLANDS`` new sessions on every host find."""
        if userland != self._userland:
            self._userland = userland
            for name in self.names:
                self._restart_sshd(name)

    def path_only(self, name: str, folder: Path | None) -> None:
        """New sessions find programs in ``folder`` alone, such as ``busybox_folder()``; None: as before."""
        self._paths.pop(name, None)
        if folder:
            self._paths[name] = str(folder)
        self._restart_sshd(name)

    def busybox_folder(self) -> Path:
        """A folder with the applets of busybox and nothing else, readable on every host."""
        folder = self.dir / "busybox"
        if not folder.exists():
            folder.mkdir()
            subprocess.run(["busybox", "--install", "-s", str(folder)], check=True)
        return folder

    def configure(self, name: str, *lines: str) -> None:
        """Lines of sshd_config that come first, such as ``MaxSessions 2``; none: as before. Restarts the sshd."""
        self._extra[name] = list(lines)
        self._restart_sshd(name)

    def inside(self, name: str, *argv: str) -> str:
        """What a program prints that is run on the host by its root, not over SSH. Isolated only."""
        done = subprocess.run([*self._enter(name), *argv], check=True, capture_output=True, text=True, timeout=30)
        return done.stdout

    def begin_inside(self, name: str, *argv: str) -> subprocess.Popen[bytes]:
        """A program that its root starts on the host, and that ends with it at the latest. Isolated only."""
        return self._spawn([*self._enter(name), *argv], name)

    @property
    def config(self) -> Path:
        """The ssh configuration that knows all hosts."""
        return self.dir / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        """The file with the hosts' keys, as they were at first."""
        return self.dir / "known_hosts"

    @property
    def user_key(self) -> Path:
        """The private key that every host accepts."""
        return self.dir / "user_key"

    def public_key(self, name: str) -> str:
        """The key that the host shows: its kind and its base64."""
        return " ".join((self.dir / name / "host_key.pub").read_text().split()[:2])

    def home_of(self, name: str) -> Path:
        """The home of the host's user, as seen from here."""
        return self.dir / name / "home"

    def address(self, name: str) -> str:
        """The host's IP address; sshd listens on ``PORT``."""
        number = self._number(name)
        pid = os.getpid()
        return self._net.address(number) if self._net else f"127.{pid % 200 + 20}.{pid // 200 % 250}.{number}"

    # -- how

    def _number(self, name: str) -> int:
        return self.names.index(name) + 1

    def _make_files(self) -> None:
        _make_key(self.user_key)
        self._give_away(self.user_key)
        shutil.copy(self.user_key.with_suffix(".pub"), self.dir / "authorized_keys")
        (self.dir / "authorized_keys").chmod(0o644)
        shutil.copy(ENTER, self.dir / "enter-host.sh")
        config = []
        for name in self.names:
            home = self.home_of(name)
            home.mkdir(parents=True)
            self._give_away(home)
            (self.dir / name / "tmp").mkdir()
            (self.dir / name / "tmp").chmod(0o1777)
            (self.dir / name / "machine-id").write_text(uuid.uuid4().hex + "\n")
            _make_key(self.dir / name / "host_key")
            config.append(f"Host {name}\n  HostName {self.address(name)}\n")
        self._write_known_hosts()
        self.config.write_text(
            "".join(config)
            + f"Host lab*\n  Port {PORT}\n  User {self.user.pw_name}\n  IdentityFile {self.user_key}\n"
            + f"  IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile {self.known_hosts}\n"
            + "  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  BatchMode yes\n  ConnectTimeout 5\n"
        )
        self.config.chmod(0o644)

    def _write_known_hosts(self) -> None:
        lines = [f"[{self.address(name)}]:{PORT} {self.public_key(name)}\n" for name in self.names]
        self.known_hosts.write_text("".join(lines))
        self._key_changed = False

    def _give_away(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def _write_sshd_config(self, name: str) -> Path:
        at = self.dir / name
        path = self._paths.get(name) or (str(self.busybox_folder()) if self._userland == "busybox" else "")
        environment = {"PATH": path} if path else {}
        if not self.isolated:
            environment["HOME"] = str(self.home_of(name))
        lines = [
            *self._extra[name],
            f"ListenAddress {self.address(name)}:{PORT}",
            f"HostKey {at / 'host_key'}",
            "PidFile none",
            f"AuthorizedKeysFile {self.dir / 'authorized_keys'}",
            "StrictModes no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "UsePAM no",
            "UseDNS no",
            "PrintMotd no",
            "PrintLastLog no",
            *([] if any(line.startswith("MaxStartups") for line in self._extra[name]) else ["MaxStartups 100"]),
            f"MaxSessions {self._max_sessions}",
            f"AllowUsers {self.user.pw_name}",
            *([f"SetEnv {' '.join(f'{k}={v}' for k, v in environment.items())}"] if environment else []),
            *([] if self.isolated else [f'ForceCommand cd {self.home_of(name)} && eval "$SSH_ORIGINAL_COMMAND"']),
        ]
        path = at / "sshd_config"
        path.write_text("\n".join(lines) + "\n")
        return path

    def _sshd(self, name: str) -> list[str]:
        sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        assert sshd, "openssh-server is missing"
        return [sshd, "-D", "-e", "-f", str(self._write_sshd_config(name))]

    def _spawn(self, argv: Sequence[str], name: str) -> subprocess.Popen[bytes]:
        with (self.dir / name / "log").open("ab") as log:
            # setpriv: whatever becomes of the tests, the hosts end with them
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _boot(self, name: str, same_boot: bool) -> None:
        if not self._net:
            self._running[name] = self._spawn(self._sshd(name), name)
            return
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        at = self.dir / name
        if not (same_boot and (at / "booted").exists()):
            (at / "boot_id").write_text(f"{uuid.uuid4()}\n")
            (at / "booted").write_text(Path("/proc/uptime").read_text().split(".")[0])
        unshare = ["unshare", *(f"--{kind}" for kind in NAMESPACES), "--fork", "--kill-child"]
        clock = ["--time", "--boottime", f"-{(at / 'booted').read_text()}"]
        if subprocess.run(["unshare", *clock, "true"], capture_output=True, check=False).returncode == 0:
            unshare += clock
        enter = ["/bin/sh", str(self.dir / "enter-host.sh"), str(self.dir), name, self.user.pw_dir]
        process = self._spawn([*unshare, *enter, *self._sshd(name)], name)
        self._running[name] = process
        mine = os.readlink("/proc/self/ns/net")
        until(lambda: os.readlink(f"/proc/{process.pid}/ns/net") != mine, f"{name} has its own network")
        self._net.plug_in(self._number(name), process.pid)

    def _restart_sshd(self, name: str) -> None:
        self._write_sshd_config(name)
        self.kill_sshd(name)
        self.start(name)

    def _init(self, name: str) -> int:
        return _children(self._running[name].pid)[0]

    def _enter(self, name: str) -> list[str]:
        return ["nsenter", "--target", str(self._init(name)), *(f"--{kind}" for kind in NAMESPACES), "--"]

    def _listener(self, name: str) -> int:
        """The sshd that listens, 0 if there is none."""
        process = self._running[name]
        if not self.isolated:
            return process.pid if process.poll() is None else 0
        return next((pid for pid in _children(self._init(name)) if _is_listener(pid)), 0)

    def _sessions(self, name: str) -> list[int]:
        """The sshds that each serve one connection; isolated, also those whose listener is gone."""
        process = self._running[name]
        below = _descendants(self._init(name) if self.isolated else process.pid)
        return [pid for pid in below if _name(pid).startswith("sshd") and not _is_listener(pid)]

    def _says_hello(self, name: str) -> bool:
        if (ended := self._running[name].poll()) is not None and self.isolated:
            raise RuntimeError(f"{name} ended with {ended}: {(self.dir / name / 'log').read_text()[-2000:]}")
        try:
            with socket.create_connection((self.address(name), PORT), timeout=1) as sock:
                return sock.recv(4) == b"SSH-"
        except OSError:
            return False


def can_isolate() -> bool:
    """Whether hosts can have namespaces of their own here: root, and not a container that forbids it."""
    trial = ["unshare", *(f"--{kind}" for kind in NAMESPACES), "--fork", "mount", "-t", "proc", "proc", "/proc"]
    return os.geteuid() == 0 and subprocess.run(trial, capture_output=True, check=False).returncode == 0


def until(holds: Callable[[], bool], what: str, within_s: float = 20) -> None:
    """Wait for a condition; raises AssertionError if it does not come true in time."""
    ends_at = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < ends_at, f"not within {within_s:g} s: {what}"
        time.sleep(0.01)


def _make_key(path: Path, kind: str = "ed25519") -> None:
    path.with_name(path.name + ".pub").unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", str(path)], check=True)


def _test_user() -> pwd.struct_passwd:
    """Whom the hosts let in: with root a plain user of our own, made if it is missing."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam("labuser")
    except KeyError:
        # the password *: none fits, and yet the account is not locked for keys
        subprocess.run(["useradd", "-m", "-s", "/bin/bash", "-p", "*", "labuser"], check=False, capture_output=True)
        return pwd.getpwnam("labuser")


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _descendants(pid: int) -> list[int]:
    found = _children(pid)
    return found + [below for child in found for below in _descendants(child)]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _is_listener(pid: int) -> bool:
    try:
        return _name(pid) == "sshd" and b" -D" in Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return False


def _kill(pid: int, signal_number: int) -> None:
    if pid:
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            return


if __name__ == "__main__":
    with LabHosts(int(sys.argv[1]) if len(sys.argv) > 1 else 2) as lab:
        print(lab.config, flush=True)
        sys.stdin.read()
