"""The network between test hosts in namespaces of their own: a bridge, cables, and packets that vanish."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class LabNet:
    """A bridge of ours and a cable to each host."""

    def __init__(self) -> None:
        pid = os.getpid()
        self._prefix = f"10.{64 + pid // 250 % 64}.{pid % 250}"
        self._bridge = f"al{pid}"
        self.dropped: set[int] = set()

    def address(self, number: int) -> str:
        return f"{self._prefix}.{number + 10}"

    def up(self) -> None:
        for bridge in Path("/sys/class/net").glob("al[0-9]*/brif"):  # those of tests that were killed
            if not list(bridge.iterdir()) and not Path(f"/proc/{bridge.parent.name[2:]}").exists():
                subprocess.run(["ip", "link", "delete", bridge.parent.name], check=False, capture_output=True)
        _ip("link", "add", self._bridge, "type", "bridge", "forward_delay", "0")
        _ip("address", "add", f"{self._prefix}.1/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")

    def down(self) -> None:
        subprocess.run(["ip", "link", "delete", self._bridge], check=False, capture_output=True)

    def plug_in(self, number: int, pid: int) -> None:
        cable = self._cable(number)
        _ip(
            "link",
            "add",
            cable,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "address",
            self._mac(number),
            "netns",
            str(pid),
        )
        _ip("link", "set", cable, "master", self._bridge, "up")
        inside = ["nsenter", "--target", str(pid), "--net", "ip"]
        for words in (
            ("link", "set", "lo", "up"),
            ("address", "add", f"{self.address(number)}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
        ):
            subprocess.run([*inside, *words], check=True, capture_output=True)

    def unplug(self, number: int) -> None:
        subprocess.run(["ip", "link", "delete", self._cable(number)], check=False, capture_output=True)
        self._forget_neighbour(number)

    def drop(self, number: int) -> None:
        # The neighbour stays known, or the kernel would say "no route": a black hole says nothing.
        place = [self.address(number), "lladdr", self._mac(number), "dev", self._bridge, "nud", "permanent"]
        _ip("neighbour", "replace", *place)
        self.dropped.add(number)
        subprocess.run(["bridge", "link", "set", "dev", self._cable(number), "state", "0"], check=True)

    def undrop(self, number: int) -> None:
        subprocess.run(["bridge", "link", "set", "dev", self._cable(number), "state", "3"], check=True)
        self.dropped.discard(number)
        self._forget_neighbour(number)

    def _forget_neighbour(self, number: int) -> None:
        words = ["ip", "neighbour", "delete", self.address(number), "dev", self._bridge]
        subprocess.run(words, check=False, capture_output=True)

    def _cable(self, number: int) -> str:
        return f"{self._bridge}-{number}"

    def _mac(self, number: int) -> str:
        return f"02:a0:00:00:00:{number:02x}"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
