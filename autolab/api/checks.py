"""Whether hosts can run what is sent there: wanted of the engine, waited for here, and carried out where none is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final

from autolab.api.asking import me, settle, wish_id
from autolab.api.project import Project, clock, open_engine, recorded
from autolab.api.waiting import between_looks
from autolab.engine import running
from autolab.errors import Busy, InvalidSpec, NotYet
from autolab.model.documents import stamp
from autolab.model.readiness import HostReport, Readiness, Stage, Step
from autolab.model.state import DispatchState
from autolab.model.wish import Ask, Wish

if TYPE_CHECKING:
    from autolab.api.host_results import CheckedHost, CheckReport

LOOK_S: Final = 1.0
Progress = Callable[[str, str], None]


def check(
    project: Project,
    names: Iterable[str] = (),
    *,
    dry_run: bool = True,
    timeout_s: float | None = None,
    on_progress: Progress = lambda host, said: None,
) -> CheckReport:
    """Check hosts (default: all) at once, making environments that are missing; nothing is launched.

    dry_run      try the first experiment of each host, in a copy of the code, with ``--dry-run``
    on_progress  called with a host and where its check stands, when that changes
    raises       NotYet after ``timeout_s``: what was begun goes on, and is found by the next check
                 InvalidSpec where the code cannot be packed
    """
    wanted = list(dict.fromkeys(names)) or list(project.settings.hosts)
    for name in wanted:
        project.settings.host(name)
    wish = Wish(id=wish_id(Ask.CHECK), ask=Ask.CHECK, by=me(), ids=tuple(wanted), context={"dry_run": dry_run})
    before = {name: known.asked_at for name, known in recorded(project).readiness.items()}
    settle(project, wish)
    watch = _Watch(wanted, before, on_progress)
    for _ in between_looks(LOOK_S, timeout_s):
        state = _carried_out(project, watch, timeout_s) or recorded(project)
        watch.look(state)
        if watch.is_over(state):
            return _report(project, state, wanted)
    open_ones = [name for name in wanted if name not in watch.over]
    hint = "what was begun there goes on: check again later"
    raise NotYet(f"{', '.join(open_ones)}: not checked after {timeout_s:g} s", hint=hint)


class _Watch:
    """Where the checks stand, and who is told."""

    def __init__(self, wanted: Sequence[str], before: Mapping[str, object], on_progress: Progress) -> None:
        self._wanted, self._before, self._tell = wanted, before, on_progress
        self._said: dict[str, str] = {}
        self.over: set[str] = set()

    def look(self, state: DispatchState) -> None:
        """Tell what has changed."""
        for name in self._wanted:
            known = state.readiness.get(name)
            said = _words(known) if known is not None and self._is_ours(name, known) else "waits to be checked"
            if self._said.get(name) != said:
                self._said[name] = said
                self._tell(name, said)

    def is_over(self, state: DispatchState) -> bool:
        found = {name: state.readiness[name] for name in self._wanted if name in state.readiness}
        self.over = {name for name, known in found.items() if self._is_ours(name, known) and is_over(known)}
        return len(self.over) == len(self._wanted)

    def _is_ours(self, name: str, known: Readiness) -> bool:
        """The engine has taken our wish in."""
        return known.asked_at is not None and known.asked_at != self._before.get(name)


def is_over(known: Readiness) -> bool:
    """There is an answer, and nothing that comes by itself will change it soon."""
    gave_no_answer = known.report is not None and known.report.failed is Step.LOGIN
    return known.stage in {Stage.READY, Stage.FAILED} or gave_no_answer


def _words(known: Readiness) -> str:
    report = known.report
    if report is not None and known.stage is not Stage.CHECKING:
        return "ready" if report.ready else report.why
    if known.stage is Stage.CHECKING:
        return f"is being checked{f', try {known.tries}' if known.tries > 1 else ''}" if report is None else report.why
    return "waits to be checked"


def _carried_out(project: Project, watch: _Watch, timeout_s: float | None) -> DispatchState | None:
    """The state after we were the engine for that long; None where another is."""
    try:
        engine = open_engine(project, "check")
    except Busy:
        return None
    until = None if timeout_s is None else clock().timestamp() + timeout_s

    def done(state: DispatchState) -> bool:
        if engine.watcher.code_problem:
            raise InvalidSpec(f"the code cannot be packed: {engine.watcher.code_problem}")
        watch.look(state)
        return watch.is_over(state) or (until is not None and clock().timestamp() >= until)

    with closing(engine):
        running.check(engine, done)
        return engine.state


def _report(project: Project, state: DispatchState, wanted: Sequence[str]) -> CheckReport:
    hosts = [_host(project, state.readiness[name]) for name in wanted]
    return {"at": str(stamp(clock())), "hosts": hosts, "failed": sum(not host["ready"] for host in hosts)}


def _host(project: Project, known: Readiness) -> CheckedHost:
    report = known.report or HostReport()
    return {
        "host": known.host,
        "ready": report.ready,
        "failed": None if report.failed is None else report.failed.value,
        "why": report.why,
        "output": report.output,
        "findings": [
            {"name": one.name, "verdict": one.verdict, "found": one.found, "hint": one.hint} for one in report.findings
        ],
        "python": report.python,
        "torch": report.torch,
        "cuda": report.cuda,
        "dry_run": report.dry_run,
        "sample": known.sample or None,
        "gpus": list(report.cards or ()),
        "tries": known.tries,
        "file": str(project.layout.host_facts(known.host).relative_to(project.layout.root)),
    }
