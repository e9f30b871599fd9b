"""The benchmarks by name, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench_parts.commands import commands, quiet_poll
from bench_parts.fold import all_changed, few_changed
from bench_parts.growth import seven_days
from bench_parts.hosts import look, throughput
from bench_parts.measure import Plan, Row
from bench_parts.service import idle_daemon, one_rename, sizes

PARTS: dict[str, Callable[[Plan], Iterator[Row]]] = {
    "all-changed": all_changed,
    "few-changed": few_changed,
    "rename": one_rename,
    "poll": quiet_poll,
    "look": look,
    "throughput": throughput,
    "commands": commands,
    "daemon": idle_daemon,
    "sizes": sizes,
    "growth": seven_days,
}
