"""Jobs as plain processes of a host: orders -> Request. What comes back is read in ``reports.py``."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Final

from autolab.errors import InvalidSpec
from autolab.executors.dialects import reports
from autolab.executors.dialects.cards import read_cards
from autolab.executors.dialects.dialect import NOTHING_BEFORE, Check, Seen
from autolab.executors.runner import fields, script, spoken, variable
from autolab.model.action import Code, Driver, Job, StageOrder
from autolab.model.card import CardReport
from autolab.model.command import MIB, Reply, Request
from autolab.model.holding import Holding
from autolab.model.ids import check_id
from autolab.model.observation import HostFacts

LOG_LIMIT: Final = 64 * MIB
CLAIMED_S: Final = 10  # more than a start waits on the host for claims
SKIM_LIMIT: Final = 256 * 1024  # most of one running log that one reading brings
_HERE: Final = "AL_BOOT=$al_boot AL_NS=$al_ns AL_MACHINE=$al_machine AL_NODE=$al_node LC_ALL=C"
_REPORT: Final = f'{_HERE} AL_TARGETS=$1 awk "$al_look_awk" /proc/self/fd/6 - 2>&1 >&5'
_ALIKE: Final = f'{_HERE} AL_NEWS=$al_news awk "$al_same_awk" /proc/self/fd/6 -'
_FOLLOW: Final = (
    "al_follow 2>/dev/null\n[ $? -ne 2 ] || echo 'error who drives cannot be recorded: disk full or not writable'\n"
)
_WORD: Final = re.compile(r"[A-Za-z0-9._:+-]{1,128}")
_CARD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
_READONLY: Final = frozenset({"PPID", "UID", "EUID", "BASHOPTS", "SHELLOPTS", "BASH_VERSINFO"})  # bash ends over them
_NONCE: Final = re.compile(r"[0-9a-f]{32}")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Process:
    """The dialect of hosts without a job system.

    shell     what runs runner, child and command on the host, in words of ours
    grace_s   from TERM to KILL
    answer_s  how long a whole answer to a look may take; what does more has more time
    """

    shell: str = "/bin/sh"
    grace_s: int = 10
    answer_s: float = 30.0

    def place(self, code: Code, size: int) -> Request:
        links = [fields(_inside(name), target) for name, target in sorted(code.links.items())]
        parts = _script("prelude.sh", "sweep.sh", "code.sh")
        parts += spoken("al_place", [_path(code.dir)]) + spoken("al_links", links)
        # 100 kB/s is a slow line: below it a snapshot is better made smaller.
        deadline = timedelta(seconds=2 * self.answer_s + size / 100_000)
        text = 'al_errors=$(al_snapshot 2>&1) && echo placed\nal_say_host\nal_complaints "$al_errors"\necho over\n'
        return Request(_compound(parts + text), payload=code.archive, deadline=deadline)

    def stage(self, orders: Sequence[StageOrder]) -> Request:
        lines = [fields(run_of(o.job), _path(o.code.dir), _path(o.job.project_dir), _result(o.job)) for o in orders]
        body = (
            _script("prelude.sh", "sweep.sh", "publish.sh", "stage.sh")
            + spoken("al_orders", lines)
            + _looking([o.job for o in orders], frozenset())
            + 'if al_enter make; then\nal_errors=$(al_stage_all 2>&1)\nal_say_host\nal_complaints "$al_errors"\n'
            + "al_look 0\nelse\nal_say_host\necho 'error the state folder cannot be made'\necho files\nfi\n"
        )
        return Request(_compound(body), payload=_packed(orders), deadline=timedelta(seconds=2 * self.answer_s))

    def start(self, jobs: Sequence[Job], driver: Driver, hold_s: float, known: frozenset[str]) -> Request:
        lines = [
            fields(
                run_of(job), _word(job.lab), job.id, str(job.attempt), _word(job.token), _word(job.spec_hash),
                _path(job.project_dir), _cards(job), _path(job.card_dir) if job.cards else "-",
            )
            for job in jobs
        ]  # fmt: skip
        body = (
            "al_umask=$(umask)\n"
            + _script("prelude.sh", "numbers.sh", "start.sh")
            + f"al_sh='{self.shell}'\n"
            + variable("al_runner", "cards.sh", "take.sh", "child.sh", "runner.sh", "spawn.sh")
            + spoken("al_who", [str(int(driver.number)), _word(driver.clone)])
            + spoken("al_starts", lines)
            + _looking(jobs, known)
            + "if al_enter; then\nal_follow 2>/dev/null\ncase $? in\n"
            + '0) al_start_all; al_say_host; al_complaints "$al_errors" ;;\n'
            + '1) al_say_host; printf \'driver %s %s\\n\' "$al_highest" "$al_theirs" ;;\n'
            + "*) al_say_host; echo 'error who drives cannot be recorded: disk full or not writable' ;;\nesac\n"
            + _and_look(hold_s)
        )
        return Request(_compound(body), deadline=timedelta(seconds=self.answer_s + CLAIMED_S + hold_s))

    def look(
        self,
        jobs: Sequence[Job],
        hold_s: float,
        known: frozenset[str],
        before: Mapping[str, Seen] = NOTHING_BEFORE,
    ) -> Request:
        looking = _looking(jobs, known, before)
        body = _script("prelude.sh") + looking + "if al_enter; then\nal_say_host\n" + _and_look(hold_s)
        return Request(_compound(body), deadline=timedelta(seconds=self.answer_s + hold_s))

    def fence(self, jobs: Sequence[Job], by: str, at: datetime) -> Request:
        body = (
            _script("prelude.sh", "publish.sh", "fence.sh")
            + spoken("al_fences", [fields(run_of(job), _fence_record(job, by, at)) for job in jobs])
            + _looking(jobs, frozenset())
            + "if al_enter make; then\nal_errors=$(al_fence_all 2>&1; al_fence_all 2>&1)\nal_say_host\n"
            + 'al_complaints "$al_errors"\n'
            + _and_look(0)
        )
        return Request(_compound(body), deadline=timedelta(seconds=2 * self.answer_s))

    def signal(self, jobs: Sequence[Job]) -> Request:
        body = (
            _script("prelude.sh", "signal.sh")
            + _looking(jobs, frozenset())
            + f"if al_enter; then\nal_signal_all {int(self.grace_s)}\nal_say_host\n"
            + _and_look(1)
        )
        return Request(_compound(body), deadline=timedelta(seconds=2 * self.answer_s + self.grace_s))

    def collect(self, jobs: Sequence[Job]) -> Request:
        lines = [fields(run_of(j), str(int(j.log_from)), _path(j.project_dir), _result(j)) for j in jobs]
        body = (
            _script("prelude.sh", "cause.sh", "collect.sh")
            + _root(jobs)
            + spoken("al_wanted", lines)
            + f"if al_enter; then\nal_collect_all {LOG_LIMIT}\nfi\n"
        )
        return Request(_compound(body), deadline=timedelta(minutes=30), limit=64 * 1024 * MIB)

    def skim(self, jobs: Sequence[Job]) -> Request:
        body = (
            _script("prelude.sh", "skim.sh")
            + _root(jobs)
            + spoken("al_wanted", [fields(run_of(job), str(int(job.log_from))) for job in jobs])
            + f"if al_enter; then\nal_skim_all {SKIM_LIMIT}\nfi\n"
        )
        return Request(_compound(body), limit=len(jobs) * (SKIM_LIMIT + 4096) + 4096)

    def tail(self, job: Job, offset: int, max_bytes: int) -> Request:
        body = (
            _script("prelude.sh")
            + _root([job])
            + spoken("al_wanted", [run_of(job)])
            + "al_enter && al_run=$(al_wanted) && [ -f \"$al_run/out.log\" ] && printf 'log\\n' &&\n"
            + f'tail -c +{int(offset) + 1} <"$al_run/out.log" | head -c {int(max_bytes)}\n'
        )
        return Request(_compound(body), deadline=timedelta(seconds=self.answer_s), limit=max_bytes + 4096)

    def check(self, lab_dir: str) -> Request:
        body = (
            _script("prelude.sh", "check.sh")
            + spoken("al_root", [_path(lab_dir)], "IFS= read -r al_p")
            + "al_say_host\nif al_enter make; then\nal_can folder yes ''\nal_check\n"
            + "else\nal_can folder no 'the state folder cannot be made'\nfi\necho over\n"
        )
        return Request(_compound(body), deadline=timedelta(seconds=self.answer_s))

    def cards(self, probe: str, card_dir: str) -> Request:
        body = (
            _script("prelude.sh", "cards.sh", "probe.sh")
            + spoken("al_shelf", [_path(card_dir)])
            + f'al_say_host\nal_probe {_word(probe)}\nal_at "$(al_shelf)"\nal_reserved "$al_p"\necho over\n'
        )
        # Six questions to a tool, each ended after 20 s.
        return Request(_compound(body), deadline=timedelta(seconds=130))

    def read_cards(self, reply: Reply, at: datetime, names: Sequence[str] = ()) -> CardReport:
        return read_cards(reply, at, names)

    def holds(self, lab_dir: str, driver: Driver | None) -> Request:
        scripts = _script("prelude.sh", "numbers.sh", "start.sh", "holds.sh")
        body = scripts + spoken("al_root", [_path(lab_dir)], "IFS= read -r al_p")
        enter = "al_enter"
        if driver is not None:
            body += spoken("al_who", [str(int(driver.number)), _word(driver.clone)])
            enter = "al_enter make"
        body += (
            f"if {enter}; then\nal_say_host\n{_FOLLOW if driver else ''}al_driver\nal_holds\nal_bring_holds\n"
            "else\nal_say_host\n[ ! -e \"$al_p\" ] || echo 'error the state folder cannot be entered'\necho files\nfi\n"
        )
        return Request(_compound(body), deadline=timedelta(seconds=2 * self.answer_s), limit=512 * MIB)

    def hello(self) -> Request:
        return Request(_compound(_script("prelude.sh") + "al_say_host\necho over\n"))

    def read_hello(self, reply: Reply) -> HostFacts:
        return reports.checks(reply)[0]

    def lease(self, lab_dir: str, number: int, line: str) -> Request:
        body = (
            _script("prelude.sh", "numbers.sh", "lease.sh")
            + spoken("al_root", [_path(lab_dir)], "IFS= read -r al_p")
            + spoken("al_wanted", [str(int(number)), line] if number else [])
            + f"if al_enter {'make' if number else ''}; then\nal_say_host\nal_lease\nelse\nal_say_host\n"
            + "[ ! -e \"$al_p\" ] || echo 'error the state folder cannot be entered'\nfi\necho over\n"
        )
        return Request(_compound(body))

    def read_lease(self, reply: Reply) -> tuple[int, str]:
        return reports.lease(reply)

    def read(
        self, reply: Reply, jobs: Sequence[Job], at: datetime, before: Mapping[str, Seen] = NOTHING_BEFORE
    ) -> dict[str, Seen]:
        return reports.read_jobs(reply, {run_of(job): job for job in jobs}, at, before)

    def read_lacking(self, reply: Reply, orders: Sequence[StageOrder]) -> list[Code]:
        lacking = reports.lacking(reply)
        return list({o.code.dir: o.code for o in orders if run_of(o.job) in lacking}.values())

    def read_placed(self, reply: Reply) -> str:
        return reports.placed(reply)

    def read_unplaced(self, reply: Reply, jobs: Sequence[Job], at: datetime, why: str) -> dict[str, Seen]:
        return {
            id: seen if seen.staged_boot else replace(seen, look=reports.refusal_look(why), reason=why)
            for id, seen in self.read(reply, jobs, at).items()
        }

    def read_skim(self, reply: Reply, jobs: Sequence[Job]) -> dict[str, tuple[int, bytes]]:
        return reports.skimmed(reply, {run_of(job): job for job in jobs})

    def read_tail(self, reply: Reply) -> bytes:
        return reports.tail(reply)

    def read_holds(self, reply: Reply) -> Holding:
        return reports.holding(reply)

    def read_check(self, reply: Reply) -> tuple[HostFacts, list[Check]]:
        return reports.checks(reply)


def run_of(job: Job) -> str:
    """RUN below the lab's folder, ``<ID>/a<n>``: letters, digits, dots and dashes, so that it may be a shell word."""
    return f"{check_id(job.id)}/a{int(job.attempt)}"


def root_of(job: Job) -> str:
    """The lab's folder on the host; raises InvalidSpec where ``Job.dir`` is no RUN."""
    run = job.dir.rstrip("/")
    root = run.removesuffix(f"/{run_of(job)}")
    if root == run:
        raise InvalidSpec(f"{job.dir!r} is no folder of attempt {job.attempt} of {job.id}")
    return _path(root)


def _compound(body: str) -> str:
    return f"{{\nal_us='\x1f'\n{body}}}\n"


def _script(*names: str) -> str:
    return "".join(script(name) for name in names)


def _root(jobs: Sequence[Job]) -> str:
    roots = {root_of(job) for job in jobs}
    if len(roots) != 1:
        raise InvalidSpec(f"one request speaks of one lab folder, not of {len(roots)}")
    return spoken("al_root", sorted(roots), "IFS= read -r al_p")


def _looking(jobs: Sequence[Job], known: frozenset[str], before: Mapping[str, Seen] = NOTHING_BEFORE) -> str:
    runs = {run_of(job): before.get(job.dir) for job in jobs}
    alike = {run: words for run, seen in runs.items() if (words := _words_of(run, seen))}
    lines = [
        fields(run_of(j), "1" if j.dir in known else "0", str(int(j.log_from)), _path(j.project_dir), _result(j))
        for j in jobs
    ]
    return (
        _script("look.sh", "scan.sh")
        + variable("al_look_awk", "look.awk")
        + variable("al_proc_awk", "proc.awk")
        + variable("al_join_awk", "join.awk")
        + _root(jobs)
        + f"al_runs='{' '.join(runs)}'\nal_new='{' '.join(run for run in runs if run not in alike)}'\n"
        + spoken("al_report", lines, _REPORT, "6")
        + f"al_known='{' '.join(alike.values())}'\n"
        + (variable("al_same_awk", "same.awk") + spoken("al_alike", alike.values(), _ALIKE, "6") if alike else "")
    )


def _words_of(run: str, seen: Seen | None) -> str:
    """What proves that an attempt still runs as it was seen to, as one word; "" where it was not seen to run."""
    if seen is None or (claim := seen.claim) is None or not _NONCE.fullmatch(claim.nonce):
        return ""
    pids = (claim.pid, claim.start_ticks, claim.runner_pid, claim.runner_start_ticks)
    return ":".join((run, claim.nonce, *(str(int(number)) for number in pids)))


def _and_look(hold_s: float) -> str:
    # Without the lab's folder nothing of it is there; one that cannot be entered is said to be unreadable.
    return (
        f"al_look {int(hold_s)}\nelse\nal_say_host\n"
        "if [ -e \"$al_p\" ]; then echo 'error the state folder cannot be entered'; else echo nothing; fi\n"
        "echo files\nfi\n"
    )


def _path(text: str) -> str:
    if not text.startswith(("/", "~/")):
        raise InvalidSpec(f"{text!r} is not absolute", hint="a folder on a host begins with / or ~/")
    return text


def _inside(name: str) -> str:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        raise InvalidSpec(f"{name!r} does not stay inside the project")
    return str(PurePosixPath(name))


def _cards(job: Job) -> str:
    """The cards as the child takes them: tool, ``whole`` or the MiB to share, and key=name for each."""
    if not job.cards:
        return ""
    share = "whole" if job.cards[0].mib is None else str(int(job.cards[0].mib))
    names = [f"{card.key or card.name}={card.name.replace('/', '-')}" for card in job.cards]
    for called in (name for pair in names for name in pair.split("=")):
        if not _CARD.fullmatch(called):
            raise InvalidSpec(f"{called!r} is no name of a card")
    return " ".join([_word(job.card_probe or "none"), share, *names])


def _result(job: Job) -> str:
    return _inside(job.result_file) if job.result_file else "-"


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise InvalidSpec(f"{text!r} is not a plain word")
    return text


def _fence_record(job: Job, by: str, at: datetime) -> str:
    record = {"nonce": "NONCE", "lab": job.lab, "id": job.id, "attempt": job.attempt, "at": at.isoformat(), "by": by}
    return json.dumps(record, separators=(",", ":"))


def _packed(orders: Sequence[StageOrder]) -> bytes:
    """One tar of all folders: a host unpacks a thousand small files with one fork."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for order in orders:
            run = run_of(order.job)
            for name in (run.split("/")[0], run):
                folder = tarfile.TarInfo(name)
                folder.type, folder.mode = tarfile.DIRTYPE, 0o700
                tar.addfile(folder)
            texts = {"spec.json": order.spec_json, "cmd.sh": order.cmd, "env": _environment(order)}
            for name, text in texts.items():
                content = text.encode("utf-8", "surrogateescape")
                member = tarfile.TarInfo(f"{run}/{name}")
                member.size, member.mode = len(content), 0o600
                tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def _environment(order: StageOrder) -> str:
    for name, value in order.env.items():
        if not _NAME.fullmatch(name) or name in _READONLY or "\n" in value or "\0" in value:
            raise InvalidSpec(f"environment of {order.job.id}: {name!r} cannot be exported by every shell",
                              hint="a name is letters, digits and _; a value holds no newline")  # fmt: skip
    return "".join(f"{name}={value}\n" for name, value in order.env.items())
