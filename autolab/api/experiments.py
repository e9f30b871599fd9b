"""Experiments and what a person can ask about them: add, run, cancel, hold, release, retry, decide."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from autolab.api.asking import Settled, me, settle, wish_id
from autolab.api.place import read_state
from autolab.api.preflight import check_contract
from autolab.api.project import Project, recorded
from autolab.api.select import select
from autolab.errors import AskedWrong, InvalidSpec, UnknownName
from autolab.model.experiment import same_spec, spec_diff
from autolab.model.state import Entry, Spec
from autolab.model.wish import Ask, Wish
from autolab.model.written import Written
from autolab.rules.experiments import admit
from autolab.store.yaml_files import EXPERIMENTS, load_yaml

if TYPE_CHECKING:
    from autolab.api.experiment_results import AddReport, Changed, Difference

AD_HOC: Final[Mapping[str, Any]] = {
    "phase": "ad-hoc",
    "group": "main",
    "expected_duration_hours": 1.0,
    "dataset": "none",
}
TRIES: Final = 20
# What each wish applies to, so that `cancel all` leaves alone what has ended.
FITS: Final[Mapping[Ask, tuple[str, ...]]] = {
    Ask.CANCEL: ("pending", "running", "on_hold", "unreachable"),
    Ask.HOLD: ("pending", "running", "unreachable"),
    Ask.RELEASE: ("on_hold",),
    Ask.RETRY: ("failed", "cancelled"),
}


def add(
    project: Project,
    paths: Sequence[Path | str],
    *,
    update: bool = False,
    dry_run: bool = False,
    reason: str = "",
    key: str = "",
) -> AddReport:
    """Add the experiments of ``paths``, all of them or none. One that is there with the same design is nothing new.

    update  give the new design to those that are there and were never attempted
    raises  InvalidSpec with every problem of a file; for another design of one that is there
    """
    entries = recorded(project).entries
    specs = specs_of(project, paths, entries)
    check_contract(project, specs)
    return _add(project, list(specs.values()), entries, update=update, dry_run=dry_run, reason=reason, key=key)


def specs_of(project: Project, paths: Sequence[Path | str], entries: Mapping[str, Entry]) -> dict[str, Spec]:
    """The experiments of these files by id, checked against each other and against those that are there."""
    known = {ident: entry.spec for ident, entry in entries.items()}
    specs: dict[str, Spec] = {}
    for path in paths:
        for spec in admit(_read(path), project.settings, {**known, **specs}):
            if spec.id in specs and not same_spec(specs[spec.id], spec):
                raise InvalidSpec(f"{spec.id} stands in two files with different designs")
            specs[spec.id] = spec
    return specs


def _read(path: Path | str) -> Written:
    try:
        return load_yaml(Path(path), InvalidSpec, EXPERIMENTS, str(path))
    except FileNotFoundError as error:
        raise UnknownName("file", str(path), hint="a YAML file with a list `experiments:`") from error


def _add(
    project: Project,
    specs: list[Spec],
    entries: Mapping[str, Entry],
    *,
    update: bool,
    dry_run: bool,
    reason: str,
    key: str,
) -> AddReport:
    new = [spec for spec in specs if spec.id not in entries]
    other = [s for s in specs if s.id in entries and not same_spec(entries[s.id].spec, s)]
    differences = [line for spec in other for line in _differences(entries[spec.id].spec, spec)]
    for spec in other:
        _check_change(entries[spec.id], spec, update=update)
    wish = Wish(id=wish_id(Ask.ADD, key), ask=Ask.ADD, by=me(), why=reason, specs=(*new, *other), update=update)
    settled = Settled("", "nothing was changed (--dry-run)")
    if not dry_run:
        settled = settle(project, wish) if wish.specs or key else Settled("", "nothing to change")
    changed = {spec.id for spec in wish.specs}
    return {
        "added": [spec.id for spec in new],
        "updated": [spec.id for spec in other],
        "unchanged": [spec.id for spec in specs if spec.id not in changed],
        "differences": differences,
        "outcome": settled.outcome,
        "queued": settled.queued,
        "wish": settled.wish,
        "dry_run": dry_run,
    }


def _check_change(entry: Entry, spec: Spec, *, update: bool) -> None:
    """The engine asks the same; here it comes with what differs."""
    keys = ", ".join(sorted(spec_diff(entry.spec, spec))[:5])
    if entry.attempt:
        raise InvalidSpec(
            f"{spec.id} was attempted already, and its design differs ({keys})", hint="give the new design a new id"
        )
    if not update:
        raise InvalidSpec(
            f"{spec.id} is there with another design ({keys})",
            hint="`autolab add --update --dry-run` shows the difference, `--update` takes the new one",
        )


def _differences(old: Spec, new: Spec) -> list[Difference]:
    return [{"id": new.id, "key": key, "was": was, "now": now} for key, (was, now) in spec_diff(old, new).items()]


def run(
    project: Project,
    words: Sequence[str],
    *,
    ident: str = "",
    given: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    key: str = "",
) -> AddReport:
    """Add one experiment that runs ``words``: several are quoted for the shell, a single one is shell text as it is.

    ident  its id; default: ``run-<n>`` with the next free number
    given  other keys of an experiment, as in ``experiments.yaml``: host, resources, env, result_file ...
    raises UnknownName where no host of the settings has that name or fits that pattern
    """
    if not words or not any(word.strip() for word in words):
        raise AskedWrong("no command", hint="autolab run -- python train.py --lr 0.1")
    _must_exist(project, (given or {}).get("host"))
    entries = recorded(project).entries
    wished = wish_id(Ask.ADD, key)
    known = {name: entry.spec for name, entry in entries.items()}
    before = next((name for name, spec in known.items() if key and spec.extra.get("asked") == wished), "")
    number = 1
    for _ in range(TRIES):
        while f"run-{number}" in known:
            number += 1
        spec = ad_hoc(project, words, ident or before or f"run-{number}", given or {}, known)
        if not ident:  # the same command twice is two experiments: only --key or --id makes it one
            spec = replace(spec, extra={**spec.extra, "asked": wished})
        try:
            return _add(project, [spec], entries, update=False, dry_run=dry_run, reason="", key=key)
        except InvalidSpec:
            entries = recorded(project).entries
            if ident or spec.id not in entries:
                raise
        known = {name: entry.spec for name, entry in entries.items()}  # the number was taken at the same moment
    raise AskedWrong("no free number for an id was found", hint="give one: --id NAME")


def _must_exist(project: Project, host: object) -> None:
    """A name or a pattern that some host of the settings has; None is any."""
    hosts = project.settings.hosts
    if host is not None and not any(fnmatchcase(name, str(host)) for name in hosts):
        raise UnknownName("host", str(host), hosts)


def ad_hoc(
    project: Project,
    words: Sequence[str],
    ident: str,
    given: Mapping[str, Any],
    known: Mapping[str, Spec] | None = None,
) -> Spec:
    """One experiment from the command line: several words are quoted for the shell, a single one is shell text."""
    defaults = project.settings.defaults
    item = {key: value for key, value in AD_HOC.items() if getattr(defaults, key) is None}
    if defaults.method is None:
        item["method"] = "ad-hoc"
    command = words[0] if len(words) == 1 else shlex.join(words)
    item = {"id": ident, "seed": 0, "command": command, **item, **given}
    return admit(Written("command line", {"experiments": [item]}), project.settings, known or {})[0]


def cancel(
    project: Project, words: Iterable[str], statuses: Iterable[str] = (), *, reason: str = "", abandon: bool = False,
    dry_run: bool = False, key: str = "",
) -> Changed:  # fmt: skip
    """Cancel experiments, also running ones; one that is cancelled already is no error.

    abandon  close an attempt that nothing proves dead, on your word
    """
    return change(project, Ask.CANCEL, words, statuses, reason=reason, abandon=abandon, dry_run=dry_run, key=key)


def hold(
    project: Project, words: Iterable[str], statuses: Iterable[str] = (), *, reason: str = "", dry_run: bool = False,
    key: str = "",
) -> Changed:  # fmt: skip
    """Keep experiments from being launched; one that runs goes on and is shown as held."""
    return change(project, Ask.HOLD, words, statuses, reason=reason, dry_run=dry_run, key=key)


def release(
    project: Project, words: Iterable[str], statuses: Iterable[str] = (), *, reason: str = "", dry_run: bool = False,
    key: str = "",
) -> Changed:  # fmt: skip
    """Let held or parked experiments go on."""
    return change(project, Ask.RELEASE, words, statuses, reason=reason, dry_run=dry_run, key=key)


def retry(
    project: Project, words: Iterable[str], statuses: Iterable[str] = (), *, reason: str = "", abandon: bool = False,
    dry_run: bool = False, key: str = "",
) -> Changed:  # fmt: skip
    """Run ended experiments again, as new attempts. A done one only by its id; its result is kept aside."""
    return change(project, Ask.RETRY, words, statuses, reason=reason, abandon=abandon, dry_run=dry_run, key=key)


def change(
    project: Project,
    ask: Ask,
    words: Iterable[str],
    statuses: Iterable[str] = (),
    *,
    reason: str = "",
    abandon: bool = False,
    dry_run: bool = False,
    key: str = "",
) -> Changed:
    """Ask one thing about the experiments that ``words`` and ``statuses`` name."""
    if abandon and not reason:
        raise AskedWrong("to abandon an attempt needs a reason", hint="--reason 'how you know that it is dead'")
    trust = project.layout.inbox.is_dir() and any(project.layout.inbox.iterdir())
    found = select(read_state(project)["experiments"], words, statuses, fits=FITS[ask], trust=trust)
    wish = Wish(id=wish_id(ask, key), ask=ask, by=me(), why=reason, ids=tuple(found), abandon=abandon)
    return asked(project, wish, dry_run=dry_run)


def asked(project: Project, wish: Wish, *, dry_run: bool = False) -> Changed:
    """Settle ``wish`` unless there is nothing in it or it is only tried."""
    settled = Settled("", "nothing to change")
    if dry_run:
        settled = Settled("", "nothing was changed (--dry-run)")
    elif wish.ids or wish.question:
        settled = settle(project, wish)
    return {
        "ask": wish.ask.value,
        "ids": [*wish.ids, *([wish.question] if wish.question else [])],
        "outcome": settled.outcome,
        "queued": settled.queued,
        "wish": settled.wish,
        "dry_run": dry_run,
    }


def decide(
    project: Project,
    question: str,
    option: str,
    *,
    note: str = "",
    code: str = "",
    dry_run: bool = False,
    key: str = "",
) -> Changed:
    """Answer an open question with one of its options. ``code``: for a question that is reserved for people.

    raises  UnknownName for either; IllegalTransition where it was closed: by whom, when; Refused
    """
    state = read_state(project)
    shown = next((q for q in state.get("questions") or () if q["id"] == question), None)
    if shown is not None:
        names = [o["name"] for o in shown["options"]]
        if option not in names:
            raise UnknownName("option", option, names, hint=f"{question} takes: {', '.join(names)}")
    elif dry_run:
        raise UnknownName("open question", question, [q["id"] for q in state.get("questions") or ()])
    wish = Wish(
        id=wish_id(Ask.DECIDE, key),
        ask=Ask.DECIDE,
        by=me(),
        why=note,
        question=question,
        option=option,
        note=note,
        context={"code": code} if code else {},
    )
    return asked(project, wish, dry_run=dry_run)
