"""The program that sends one message through apprise, and ends: ``python -P -m autolab.notify.post``.

A process of its own, because a service that hangs can only then be ended for sure, and because what a library logs or
prints about an address that is a secret then reaches nobody but us. The order comes by standard input, not as words of
the command line, which everybody on the machine may read.

    in   {"url", "title", "body", "within_s"}
    out  {"sent": bool, "problem": text}; the text may hold parts of the address: the caller strikes them out
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from typing import Any, Final

TOO_LONG: Final = "no answer within {:g} s"
MISSING: Final = "apprise is not installed: pip install 'autolab[notify]'"
START_S: Final = 30  # to load apprise on a busy machine
SPARE_S: Final = 2  # after the deadline the alarm ends the process, whatever hangs and whoever forgot it


def main() -> None:
    """Send what standard input orders; the answer is the one line of standard output."""
    signal.alarm(START_S)
    order = json.loads(sys.stdin.buffer.read())
    problem = send(order)
    sys.stdout.write(json.dumps({"sent": not problem, "problem": problem}) + "\n")
    sys.stdout.flush()
    os._exit(0)  # a thread of the library that still hangs is not waited for


def send(order: dict[str, Any]) -> str:
    """Send; empty, or why not."""
    try:
        import apprise
    except ImportError:
        return MISSING
    asset = apprise.AppriseAsset(app_id="autolab", app_desc="autolab", async_mode=False, secure_logging=True)
    service = apprise.Apprise(asset=asset)
    if not service.add(order["url"]):
        return "its url is none that apprise understands"
    signal.alarm(math.ceil(order["within_s"]) + SPARE_S)  # from here on: loading 170 services is our own time
    done = service.notify(
        body=order["body"], title=order["title"], body_format=apprise.NotifyFormat.TEXT, timeout=order["within_s"]
    )
    if done:
        return ""
    if done.status == apprise.AppriseResultStatus.TIMEOUT:
        return TOO_LONG.format(order["within_s"])
    said = [str(getattr(entry, "message", entry)) for entry in done.logs()]
    return "; ".join(said[-2:]) or f"apprise says {done.status.name}"


if __name__ == "__main__":
    main()
