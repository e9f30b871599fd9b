"""Values for tests of pure code, each whole and plausible; name only what the test is about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from autolab.model.action import Action
from autolab.model.event import Event
from autolab.model.observation import Authority, Claim, ExitRecord, HostFacts, Liveness, Look, Sidecar, Sighting
from autolab.model.plan import HostPlan, LabPlan, Policies
from autolab.model.settings import Settings
from autolab.model.state import DispatchState, End, EndHow, Entry, Run, Spec, Status
from autolab.model.wish import Ask, Wish
from autolab.rules.decide import decide
from autolab.rules.tick import Decision, Seen
from autolab.store.failures import effective_table

T0 = datetime(2026, 11, 20, 10, 44, 12, tzinfo=UTC)
LAB = "0123456789abcdef0123456789abcdef"
TABLE = effective_table(Settings(project="demo"))  # as a project without kinds of its own has it


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def a_spec(ident: str = "e1", **more: Any) -> Spec:
    base: dict[str, Any] = {
        "command": "python train.py --seed 0",
        "expected_duration_hours": 2.0,
        "phase": "Phase 4",
        "group": "main",
        "method": "sgd",
        "dataset": "digits",
        "seed": 0,
    }
    return Spec(id=ident, **{**base, **more})


def a_host(boot: str = "boot-1", **more: Any) -> HostFacts:
    facts: dict[str, Any] = {"machine_id": "machine-1", "node": "node-1", "pid_ns": "pid:[1]", "uptime_s": 86400.0}
    return HostFacts(boot_id=boot, **{**facts, **more})


def a_claim(ident: str = "e1", attempt: int = 1, **more: Any) -> Claim:
    base: dict[str, Any] = {
        "nonce": f"nonce-{ident}-{attempt}",
        "lab": LAB,
        "spec_hash": f"hash-{ident}-{attempt}",
        "pid": 4711,
        "start_ticks": 100,
        "runner_pid": 4710,
        "runner_start_ticks": 99,
        "boot_id": "boot-1",
        "pid_ns": "pid:[1]",
        "machine_id": "machine-1",
        "node": "node-1",
    }
    return Claim(id=ident, attempt=attempt, **{**base, **more})


def a_run(number: int = 1, ident: str = "e1", **more: Any) -> Run:
    base: dict[str, Any] = {
        "host": "h1",
        "dir": f"/state/01234567/{ident}/a{number}",
        "project_dir": "/project",
        "token": f"al{ident}{number}",
        "spec_hash": f"hash-{ident}-{number}",
        "code": "code-1",
        "command": "python train.py --seed 0",
        "intended_at": T0,
    }
    return Run(number=number, **{**base, **more})


def a_staged_run(number: int = 1, ident: str = "e1", **more: Any) -> Run:
    return a_run(number, ident, **{"staged_boot": "boot-1", "staged_at": T0, "seen_at": T0, **more})


def a_claimed_run(number: int = 1, ident: str = "e1", **more: Any) -> Run:
    claimed = {"claim": a_claim(ident, number), "started_at": T0, "starts": 1, "last_start_at": T0}
    return a_staged_run(number, ident, **{**claimed, **more})


def an_ended_run(number: int = 1, ident: str = "e1", status: int | None = 0, **more: Any) -> Run:
    end = End(how=EndHow.EXIT, at=T0, status=status, detail=f"exit status {status}")
    return a_claimed_run(number, ident, **{"end": end, **more})


def an_entry(ident: str = "e1", status: Status = Status.PENDING, run: Run | None = None, **more: Any) -> Entry:
    """An entry; with ``run`` that one is its current attempt."""
    spec = more.pop("spec", None) or a_spec(ident)
    attempt = more.pop("attempt", run.number if run else 0)
    return Entry(**{"since": T0, "added_at": T0, **more}, spec=spec, status=status, run=run, attempt=attempt)


def a_state(*entries: Entry, **more: Any) -> DispatchState:
    return DispatchState(project="demo", lab=LAB, entries={entry.id: entry for entry in entries}, **more)


def a_sighting(look: Look = Look.SEEN, at: datetime = T0, **more: Any) -> Sighting:
    """The host answered and the folder is there; name the rest."""
    base: dict[str, Any] = {"host": a_host(), "run": True, "staged_boot": "boot-1"} if look is Look.SEEN else {}
    return Sighting(look, at, **{**base, **more})


def alive(ident: str = "e1", attempt: int = 1, **more: Any) -> Sighting:
    living = {"claim": a_claim(ident, attempt), "child": Liveness.ALIVE, "runner": Liveness.ALIVE}
    return a_sighting(**{**living, **more})


def gone(ident: str = "e1", attempt: int = 1, **more: Any) -> Sighting:
    return alive(ident, attempt, **{"child": Liveness.GONE, "runner": Liveness.GONE, **more})


def ended(status: int = 0, ident: str = "e1", attempt: int = 1, **more: Any) -> Sighting:
    claim = more.pop("claim", None) or a_claim(ident, attempt)
    return gone(ident, attempt, claim=claim, exit=ExitRecord(claim.nonce, status), **more)


def a_sidecar(ident: str = "e1", authority: Authority = Authority.AGENT, **more: Any) -> Sidecar:
    """Cells by name; ``attempt``, ``seq`` and ``digest`` as they are, the digest by content unless given."""
    attempt, seq = more.pop("attempt", None), more.pop("seq", None)
    digest = more.pop("digest", None) or str(hash_of({"attempt": attempt, "seq": seq, **more}))
    return Sidecar(ident, authority, more, digest, attempt, seq)


def hash_of(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def a_host_plan(name: str = "h1", **more: Any) -> HostPlan:
    return HostPlan(**{"name": name, "slots": 2, "project_dir": "/project", "run_root": "/state/01234567", **more})


def a_plan(*hosts: HostPlan, launching: str = "", **policies: Any) -> LabPlan:
    return LabPlan(
        hosts={host.name: host for host in hosts or (a_host_plan(),)},
        policies=Policies(**policies),
        launching=launching,
        failures=TABLE,
    )


def a_wish(ask: Ask, *ids: str, **more: Any) -> Wish:
    return Wish(**{"id": f"w-{ask}-{'-'.join(ids)}", "by": "ana", "why": "because", **more}, ask=ask, ids=ids)


def plain(value: Any) -> Any:
    """``value`` as JSON has it."""
    return orjson.loads(orjson.dumps(value))


class Table:
    """A lab on the table: state, plan and clock, moved tick by tick with hand-made observations."""

    def __init__(self, *entries: Entry, plan: LabPlan | None = None, state: DispatchState | None = None) -> None:
        self.state = state or a_state(*entries)
        self.plan = plan or a_plan()
        self.now = T0
        self.seqs: dict[str, int] = {}
        self.made: list[Event] = []

    def tick(self, *sidecars: Sidecar, **seen: Any) -> Decision:
        made = decide(self.state, Seen(sidecars=sidecars, **{"code": "code-1", **seen}), self.plan, self.now)
        self.made += made.events
        return made

    def after(self, count: float, *sidecars: Sidecar, **seen: Any) -> Decision:
        """A tick that many seconds later."""
        self.now += seconds(count)
        return self.tick(*sidecars, **seen)

    def wish(self, ask: Ask, *ids: str, code: str | None = "code-1", **more: Any) -> Decision:
        number = len(self.state.wishes)
        return self.tick(wishes=(a_wish(ask, *ids, **{"id": f"w{number}", **more}),), code=code)

    def outcome(self, ask: Ask, *ids: str, **more: Any) -> str:
        """What came of a wish."""
        self.wish(ask, *ids, **more)
        return list(self.state.wishes.values())[-1]

    def says(self, ident: str = "e1", attempt: int | None = None, **cells: Any) -> Sidecar:
        """A next word of our executor about the current attempt."""
        self.seqs[ident] = self.seqs.get(ident, 0) + 1
        number = self.entry(ident).attempt if attempt is None else attempt
        return a_sidecar(ident, Authority.EXECUTOR, attempt=number, seq=self.seqs[ident], **cells)

    def look(self, sighting: Sighting, ident: str = "e1", **seen: Any) -> Decision:
        """The executor saw this, now."""
        word = self.says(ident, sighting=plain(asdict(replace(sighting, at=self.now))))
        return self.tick(word, **seen)

    def collect(self, ident: str = "e1", result: str = "none", tail: str = "", **found: Any) -> Decision:
        """The collector brought this."""
        return self.tick(self.says(ident, collected={"result": result, **found}, log_tail=tail))

    def claim_of(self, ident: str = "e1", **more: Any) -> Claim:
        run = self.run_of(ident)
        return a_claim(ident, run.number, **{"spec_hash": run.spec_hash, **more})

    def stage(self, ident: str = "e1") -> Decision:
        return self.look(a_sighting(), ident)

    def start(self, ident: str = "e1") -> Decision:
        """From pending to a seen claim."""
        if self.entry(ident).open_run is None:
            self.tick()
        if self.run_of(ident).staged_at is None:
            self.stage(ident)
        return self.look(alive(claim=self.claim_of(ident)), ident)

    def end(self, status: int = 0, ident: str = "e1", **more: Any) -> Decision:
        """The exit record was seen."""
        return self.look(ended(status, claim=self.claim_of(ident), **more), ident)

    def finish(self, status: int = 0, ident: str = "e1", tail: str = "", result: str = "none") -> Decision:
        """From a seen claim to a verdict."""
        self.end(status, ident)
        return self.collect(ident, result=result, tail=tail)

    def entry(self, ident: str = "e1") -> Entry:
        return self.state.entries[ident]

    def run_of(self, ident: str = "e1") -> Run:
        run = self.entry(ident).run
        assert run is not None
        return run

    def shown(self) -> str:
        """All that the first open question shows."""
        question = next(iter(self.state.questions.values()))
        return "\n".join([question.seen, question.did, *(piece.text for piece in question.evidence)])

    def questions(self) -> list[str]:
        """Reasons of the open questions."""
        return [question.reason for question in self.state.questions.values()]


def of_kind(things: Iterable[Any], kind: type) -> list[Any]:
    return [thing for thing in things if isinstance(thing, kind)]


def acts(made: Decision) -> dict[str, tuple[str, ...]]:
    """Kind of each action -> its experiments."""
    found: dict[str, tuple[str, ...]] = {}
    for action in made.actions:
        found[name_of(action)] = (*found.get(name_of(action), ()), *action.ids)  # type: ignore[attr-defined]
    return found


def name_of(action: Action) -> str:
    return type(action).__name__.lower()
