"""Rows of the table of failures as people write them, in ``failures.yaml`` or under ``failures:`` of the settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, model_validator

from autolab.model.border import Border, Flag, Text, Whole, Word
from autolab.model.failure import NAME_OF, SIGNALS, Kind, Remedy, Table
from autolab.model.patterns import problem
from autolab.model.state import EndHow
from autolab.model.units import Duration
from autolab.model.values import EnvMap, EnvText

SLUG: Final = r"^[a-z][a-z0-9_]{0,63}$"
PLAIN: Final = r"^[A-Za-z0-9._=/:+,@%-]{1,200}$"  # what stands in shell text without quotes
RESULTS: Final = ("absent", "stale", "invalid")


def _pattern(text: str) -> str:
    if wrong := problem(text):
        raise ValueError(f"is no pattern: {wrong}\nRust's syntax, linear in time: no look-around, no back references")
    return text


def _signal(name: str) -> str:
    short = name.upper().removeprefix("SIG")
    if short not in SIGNALS:
        raise ValueError(f"{name[:20]!r} is no signal\none of {', '.join(SIGNALS)}")
    return short


def _end(word: str) -> str:
    if word not in set(EndHow):
        raise ValueError(f"{word[:20]!r} is no way to end\none of {', '.join(EndHow)}")
    return word


def _result(word: str) -> str:
    if word not in RESULTS:
        raise ValueError(f"{word[:20]!r} is nothing that is found of a result\none of {', '.join(RESULTS)}")
    return word


def _remedy(word: str) -> str:
    if word not in set(Remedy):
        raise ValueError(f"{word[:20]!r} is no remedy\none of {', '.join(Remedy)}")
    return word


Name = Annotated[Word, Field(pattern=SLUG)]
Pattern = Annotated[Text, AfterValidator(_pattern)]
Switch = Annotated[Word, Field(pattern=r"^-{0,2}[A-Za-z_][A-Za-z0-9_.-]{0,99}$")]
Plain = Annotated[Word, Field(pattern=PLAIN)]
Value = Annotated[EnvText, Field(pattern=PLAIN)]
Cause = Annotated[Word, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class Examples(Border):
    """Lines that show what a row means; ``autolab diagnose --test`` tries them."""

    match: tuple[Text, ...] = Field(default=(), max_length=200, description="Lines that are of this kind.")
    never: tuple[Text, ...] = Field(
        default=(), max_length=200, description="Lines that are not, such as texts about it."
    )


class KindSettings(Border):
    """One kind of failure: what it looks like, and what is done about it."""

    name: Name = Field(description="Its name: a-z, 0-9 and _.")
    off: Flag = Field(default=False, description="Take the row of this name out of the table.")
    about: Word | None = Field(default=None, description="What it means, in a few words.")
    patterns: tuple[Pattern, ...] = Field(default=(), max_length=100, description="Of one line of the log.")
    never: tuple[Pattern, ...] = Field(default=(), max_length=100, description="Lines that look like it and are none.")
    last_lines: Whole | None = Field(default=None, ge=1, le=100_000, description="Only so many last lines count.")
    statuses: tuple[Annotated[Whole, Field(ge=1, le=255)], ...] = Field(default=(), description="Exit statuses.")
    signals: tuple[Annotated[Word, AfterValidator(_signal)], ...] = Field(
        default=(), description="Signals, such as KILL: status 128 + its number."
    )
    causes: tuple[Cause, ...] = Field(
        default=(), description="kernel_oom, cgroup_oom, disk_full, gpu_lost, or a scheduler's word such as TIMEOUT."
    )
    ends: tuple[Annotated[Word, AfterValidator(_end)], ...] = Field(default=(), description="How it was closed.")
    results: tuple[Annotated[Word, AfterValidator(_result)], ...] = Field(
        default=(), description="Of the declared result after status 0: absent, stale, invalid."
    )
    remedy: Annotated[Word, AfterValidator(_remedy)] | None = Field(
        default=None, description="again, elsewhere, change or ask; default: ask."
    )
    halve: tuple[Switch, ...] | None = Field(
        default=None, max_length=100, description="Flags or key= names; the first with a number is halved."
    )
    floor: Whole | None = Field(default=None, ge=1, description="A number is not halved below this; default: 1.")
    set: dict[Switch, Value] | None = Field(
        default=None, description="Flags or key= names whose value is replaced where the command has them."
    )
    add: tuple[Plain, ...] | None = Field(
        default=None, max_length=20, description="Words put behind a command that is one simple command."
    )
    env: EnvMap | None = Field(default=None, description="Variables of the next attempt.")
    wait: Duration | None = Field(default=None, description="Before the next attempt.")
    charged: Flag | None = Field(default=None, description="Counts as one of max_retries; default: yes.")
    tries: Whole | None = Field(default=None, ge=0, le=1000, description="Most further attempts because of this kind.")
    watch: Flag | None = Field(default=None, description="Noticed while it runs, too.")
    stop: Flag | None = Field(default=None, description="Noticed while it runs, and then stopped without asking.")
    examples: Examples = Field(default_factory=Examples, description="Lines that must and must not be of this kind.")

    @model_validator(mode="after")
    def _makes_sense(self) -> KindSettings:
        if self.stop and self.watch is False:
            raise ValueError("stop needs `watch: true`\nwhat is not noticed while it runs cannot be stopped")
        return self


class FailuresFile(Border):
    """``failures.yaml``: kinds of failure, looked at in this order, before autolab's own."""

    kinds: tuple[KindSettings, ...] = Field(max_length=200, description="Kinds of failure, the first that fits holds.")


def table_of(rows: Iterable[KindSettings], below: Table = (), origin: str = "autolab") -> Table:
    """The table with ``rows`` before those of ``below``.

    A row whose name stands below takes that row's place, its evidence added and what else it says replaced. Said
    twice here, the first stands higher and both count.
    """
    known = {kind.name: kind for kind in below}
    made: dict[str, Kind] = {}
    gone: set[str] = set()
    for row in rows:
        gone.discard(row.name)
        if row.off:
            made.pop(row.name, None)
            gone.add(row.name)
            continue
        made[row.name] = _kind(row, made.get(row.name) or known.get(row.name), origin)
    kept = (kind for kind in below if kind.name not in made and kind.name not in gone)
    return (*made.values(), *kept)


def _kind(row: KindSettings, base: Kind | None, origin: str) -> Kind:
    """``row`` as decisions have it, over what stood under its name."""
    under = base or Kind(name=row.name)
    remedy = under.remedy if row.remedy is None else Remedy(row.remedy)
    charged = row.charged if row.charged is not None else (under.charged if base else remedy is not Remedy.ELSEWHERE)
    return Kind(
        name=row.name,
        about=_said(row.about, under.about),
        patterns=_joined(row.patterns, under.patterns),
        never=_joined(row.never, under.never),
        last_lines=_said(row.last_lines, under.last_lines),
        statuses=under.statuses | set(row.statuses),
        signals=under.signals | {SIGNALS[name] for name in row.signals},
        causes=under.causes | set(row.causes),
        ends=under.ends | {EndHow(word) for word in row.ends},
        results=under.results | set(row.results),
        remedy=remedy,
        halve=_said(row.halve, under.halve),
        floor=_said(row.floor, under.floor),
        values=_said(row.set, under.values),
        add=_said(row.add, under.add),
        env=_said(row.env, under.env),
        wait_s=under.wait_s if row.wait is None else row.wait.total_seconds(),
        charged=charged and remedy is not Remedy.ELSEWHERE,
        tries=_said(row.tries, under.tries),
        watch=bool(row.stop) or _said(row.watch, under.watch),
        stop=_said(row.stop, under.stop),
        matches=_joined(row.examples.match, under.matches),
        misses=_joined(row.examples.never, under.misses),
        origin=origin,
    )


def _said(value: Any, below: Any) -> Any:
    return below if value is None else value


def _joined(first: tuple[str, ...], then: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *then)))


def row_document(kind: Kind) -> dict[str, Any]:
    """A row of the effective table as ``diagnose --table`` shows it: what it says, nothing that is empty."""
    document: dict[str, Any] = {
        "name": kind.name,
        "about": kind.about,
        "from": kind.origin,
        "patterns": list(kind.patterns),
        "never": list(kind.never),
        "last_lines": kind.last_lines,
        "statuses": sorted(kind.statuses),
        "signals": [NAME_OF[number] for number in sorted(kind.signals)],
        "causes": sorted(kind.causes),
        "ends": sorted(kind.ends),
        "results": sorted(kind.results),
        "remedy": kind.remedy.value,
        "halve": list(kind.halve),
        "set": dict(kind.values),
        "add": list(kind.add),
        "env": dict(kind.env),
        "wait_s": kind.wait_s,
        "charged": kind.charged,
        "tries": kind.tries,
        "watch": kind.watch,
        "stop": kind.stop,
    }
    return {key: value for key, value in document.items() if value not in (None, "", [], {}, False, 0.0)}
