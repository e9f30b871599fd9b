"""Random lives against a host that loses, delays and repeats what is said: what must hold whatever happens.

The host keeps the contract of the runner: a claim is taken once, a fence takes it too. Between it and the lab anything
may be lost on the way there or back, come late, or come twice.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, replace

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from autolab.model import event as e
from autolab.model.action import Action, Fence, Signal, Stage, Start
from autolab.model.documents import parse_event, parse_state
from autolab.model.event import event_document
from autolab.model.observation import Authority, Claim, ExitRecord, HostFacts, Liveness, Look, Sidecar, Sighting
from autolab.model.state import TERMINAL, DispatchState, Run, Status
from autolab.model.transitions import fold_all
from autolab.model.wish import Ask
from autolab.rules.decide import decide
from autolab.rules.tick import Decision, Seen
from tests.builders import T0, a_claim, a_host_plan, a_plan, a_sidecar, a_spec, a_wish, of_kind, plain, seconds

IDS = ("a", "b", "c")
HOSTS = ("h1", "h2")


@dataclass
class Folder:
    """RUN on a host, as the runner's contract has it."""

    staged: str | None = None
    claim: Claim | None = None
    fenced: bool = False
    boot: str = ""
    alive: bool = False
    exit: int | None = None
    ran: int = 0


class World:
    """Hosts with their folders; whatever is asked twice changes nothing the second time."""

    def __init__(self) -> None:
        self.boots = dict.fromkeys(HOSTS, 1)
        self.booted = dict.fromkeys(HOSTS, T0 - seconds(86400))
        self.folders: dict[tuple[str, str, int], Folder] = {}
        self.now = T0

    def folder(self, ident: str, run: Run) -> Folder:
        return self.folders.setdefault((run.host, ident, run.number), Folder())

    def boot(self, host: str) -> str:
        return f"{host}-boot-{self.boots[host]}"

    def reboot(self, host: str) -> None:
        self.boots[host] += 1
        self.booted[host] = self.now
        for (where, _, _), folder in self.folders.items():
            if where == host:
                folder.alive = False

    def do(self, action: Action, ident: str, run: Run) -> None:
        folder = self.folder(ident, run)
        here = self.boot(run.host)
        if isinstance(action, Stage) and folder.claim is None and not folder.fenced and folder.staged is None:
            folder.staged = here
        elif isinstance(action, Start) and folder.staged == here and folder.claim is None and not folder.fenced:
            names = {"machine_id": run.host, "node": run.host, "boot_id": here}
            folder.claim = a_claim(ident, run.number, spec_hash=run.spec_hash, **names)
            folder.boot, folder.alive, folder.ran = here, True, folder.ran + 1
        elif isinstance(action, Fence) and folder.claim is None:
            folder.fenced = True
        elif isinstance(action, Signal) and folder.alive:
            folder.alive, folder.exit = False, 143

    def sight(self, ident: str, run: Run) -> Sighting:
        folder = self.folder(ident, run)
        uptime = (self.now - self.booted[run.host]).total_seconds()
        host = HostFacts(self.boot(run.host), run.host, run.host, "pid:[1]", uptime)
        seen = Sighting(Look.SEEN, self.now, host=host, run=folder.staged is not None or folder.fenced)
        seen = replace(seen, staged_boot=folder.staged, fenced=folder.fenced, claim=folder.claim)
        if folder.claim is None:
            return seen
        same = folder.boot == self.boot(run.host)
        life = (Liveness.ALIVE if folder.alive else Liveness.GONE) if same else Liveness.UNKNOWN
        ended = None if folder.exit is None else ExitRecord(folder.claim.nonce, folder.exit)
        return replace(seen, child=life, runner=life, exit=ended)


class Lives(RuleBasedStateMachine):
    """The lab, its journal, the world, and words that are still on their way."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.plan = a_plan(a_host_plan("h1", slots=1), a_host_plan("h2", slots=2))
        self.state = DispatchState(project="demo", lab="l" * 32)
        self.empty = deepcopy(self.state)
        self.journal: list[bytes] = []
        self.seqs: dict[tuple[str, int], int] = {}
        self.late: list[Sidecar] = []
        self.sent: list[Sidecar] = []
        self.orders: list[Callable[[], None]] = []
        self.wishes = 0

    # --- the engine's side -------------------------------------------------------------------------------------------

    def tick(self, *sidecars: Sidecar, **seen: object) -> Decision:
        before = len(self.journal)
        look = Seen(sidecars=sidecars, **{"code": "c", **seen})  # type: ignore[arg-type]
        made = decide(self.state, look, self.plan, self.world.now)
        self.journal += [orjson.dumps(event_document(x, before + i + 1)) for i, x in enumerate(made.events)]
        for happened in of_kind(made.events, e.LaunchIntended):
            assert happened.run.number == happened.attempt
        for action in made.actions:
            for ident in action.ids:  # type: ignore[attr-defined]
                run = self.state.entries[ident].run
                assert run is not None
                self.orders.append(self._order(action, ident, run))
        return made

    def _order(self, action: Action, ident: str, run: Run) -> Callable[[], None]:
        def carried_out() -> None:
            self.world.do(action, ident, run)

        return carried_out

    def word(self, ident: str, run: Run, **cells: object) -> Sidecar:
        key = (ident, run.number)
        self.seqs[key] = self.seqs.get(key, 0) + 1
        said = a_sidecar(ident, Authority.EXECUTOR, attempt=run.number, seq=self.seqs[key], **cells)
        self.sent.append(said)
        return said

    def runs(self) -> list[tuple[str, Run]]:
        return [(i, entry.run) for i, entry in self.state.entries.items() if entry.run is not None]

    # --- what may happen ---------------------------------------------------------------------------------------------

    @initialize()
    def experiments(self) -> None:
        specs = (a_spec("a", max_retries=1), a_spec("b", result_file="b.csv"), a_spec("c", depends_on=("a",)))
        self.tick(wishes=(a_wish(Ask.ADD, id="add", specs=specs),))

    @rule(count=st.sampled_from([1, 11, 20, 100, 4000]))
    def time_passes(self, count: int) -> None:
        self.world.now += seconds(count)
        self.tick()

    @rule(rounds=st.integers(1, 4))
    def all_goes_well(self, rounds: int) -> None:
        """What is asked is done and seen, for a while."""
        for _ in range(rounds):
            orders, self.orders = self.orders, []
            for order in orders:
                order()
            self.world.now += seconds(11)
            for ident, run in self.runs():
                if run.end is None:
                    self.tick(self.word(ident, run, sighting=plain(asdict(self.world.sight(ident, run)))))

    @rule(status=st.sampled_from([0, 0, 1, 137]), result=st.sampled_from(["fresh", "fresh", "absent"]))
    def everything_ends_and_is_brought(self, status: int, result: str) -> None:
        for folder in self.world.folders.values():
            if folder.alive:
                folder.alive, folder.exit = False, status
        self.all_goes_well(1)
        for index, (_, run) in enumerate(self.runs()):
            if run.end and not run.judged:
                self._collected(*self.runs()[index], result)

    @precondition(lambda self: self.orders)
    @rule(index=st.integers(0, 99), lost=st.booleans(), twice=st.booleans())
    def an_order_arrives(self, index: int, lost: bool, twice: bool) -> None:
        """In any order, or never, or twice: a packet may be suspended for as long as it likes."""
        order = self.orders[index % len(self.orders)]
        if not twice:
            self.orders.remove(order)
        if not lost:
            order()

    @precondition(lambda self: self.runs())
    @rule(index=st.integers(0, 99), fate=st.sampled_from(["comes", "comes", "comes", "is late", "comes twice"]))
    def a_look(self, index: int, fate: str) -> None:
        ident, run = self.runs()[index % len(self.runs())]
        said = self.word(ident, run, sighting=plain(asdict(self.world.sight(ident, run))))
        if fate == "is late":
            self.late.append(said)
        else:
            self.tick(said, *([said] if fate == "comes twice" else []))

    @precondition(lambda self: self.runs())
    @rule(index=st.integers(0, 99), look=st.sampled_from([Look.UNREACHABLE, Look.NO_ANSWER, Look.NO_SPACE]))
    def silence(self, index: int, look: Look) -> None:
        ident, run = self.runs()[index % len(self.runs())]
        untouched = look is Look.UNREACHABLE and self.world.folder(ident, run) == Folder() and not self.orders
        seen = Sighting(look, self.world.now, reason="no route", untouched=untouched)
        self.tick(self.word(ident, run, sighting=plain(asdict(seen))))

    @precondition(lambda self: self.late)
    @rule(index=st.integers(0, 99))
    def a_late_word(self, index: int) -> None:
        self.tick(self.late.pop(index % len(self.late)))

    @precondition(lambda self: self.sent)
    @rule(index=st.integers(0, 99))
    def an_old_word_again(self, index: int) -> None:
        self.tick(self.sent[index % len(self.sent)])

    @precondition(lambda self: any(run.end for _, run in self.runs()))
    @rule(index=st.integers(0, 99), result=st.sampled_from(["fresh", "absent", "invalid"]))
    def files_are_collected(self, index: int, result: str) -> None:
        over = [(ident, run) for ident, run in self.runs() if run.end]
        self._collected(*over[index % len(over)], result)

    def _collected(self, ident: str, run: Run, result: str) -> None:
        told = result if self.state.entries[ident].spec.result_file else "none"
        self.tick(self.word(ident, run, collected={"result": told, "path": "b.csv"}))

    @rule(index=st.integers(0, 99), status=st.sampled_from([0, 0, 1, 137]))
    def a_command_ends(self, index: int, status: int) -> None:
        living = [folder for folder in self.world.folders.values() if folder.alive]
        if living:
            folder = living[index % len(living)]
            folder.alive, folder.exit = False, status

    @rule(index=st.integers(0, 99))
    def a_command_is_killed_with_its_runner(self, index: int) -> None:
        living = [folder for folder in self.world.folders.values() if folder.alive]
        if living:
            living[index % len(living)].alive = False

    @rule(host=st.sampled_from(HOSTS))
    def a_host_restarts(self, host: str) -> None:
        self.world.reboot(host)

    @rule(
        ask=st.sampled_from([Ask.RELEASE, Ask.RETRY, Ask.RETRY, Ask.HOLD, Ask.RELEASE, Ask.CANCEL]),
        ident=st.sampled_from(IDS),
    )
    def a_person_asks(self, ask: Ask, ident: str) -> None:
        self.wishes += 1
        self.tick(wishes=(a_wish(ask, ident, id=f"w{self.wishes}"),))

    @rule(ident=st.sampled_from(IDS), status=st.sampled_from(["running", "done", "failed", "pending"]))
    def an_agent_writes_into_our_sidecar(self, ident: str, status: str) -> None:
        before = self.state.entries[ident].status
        made = self.tick(a_sidecar(ident, status=status, digest=f"{status}{len(self.journal)}"))
        ends = of_kind(made.events, e.Succeeded) + of_kind(made.events, e.Started)
        assert not ends or before is not self.state.entries[ident].status

    @rule()
    def the_engine_restarts(self) -> None:
        self.state = parse_state(orjson.dumps(self.state))

    # --- what must hold ----------------------------------------------------------------------------------------------

    @invariant()
    def a_command_starts_at_most_once_per_attempt(self) -> None:
        assert all(folder.ran <= 1 for folder in self.world.folders.values())
        assert not any(folder.fenced and folder.claim for folder in self.world.folders.values())

    @invariant()
    def nothing_runs_twice_at_once(self) -> None:
        for ident in IDS:
            alive = [key for key, folder in self.world.folders.items() if key[1] == ident and folder.alive]
            assert len(alive) <= 1, alive

    @invariant()
    def a_closed_attempt_can_never_start(self) -> None:
        for (_, ident, number), folder in self.world.folders.items():
            entry = self.state.entries[ident]
            if number < entry.attempt or (entry.run is not None and entry.run.number == number and entry.run.end):
                assert not folder.alive, (ident, number)

    @invariant()
    def an_attempt_is_opened_when_the_last_is_closed(self) -> None:
        open_runs: dict[str, bool] = {}
        for line in self.journal:
            happened = orjson.loads(line)
            if happened["event"] == "launch_intended":
                assert not open_runs.get(happened["id"]), happened
                open_runs[happened["id"]] = True
            elif happened["event"] == "ended":
                open_runs[happened["id"]] = False

    @invariant()
    def done_means_status_0_and_a_checked_result(self) -> None:
        for entry in self.state.entries.values():
            if entry.status is Status.DONE:
                assert entry.run is not None
                assert entry.run.end is not None
                assert entry.run.end.status == 0
                assert entry.spec.result_file is None or entry.result
            if entry.status in TERMINAL:
                assert entry.open_run is None

    @invariant()
    def limits_hold(self) -> None:
        assert all(x.retry_count <= x.spec.max_retries for x in self.state.entries.values())
        for host in self.plan.hosts.values():
            open_there = [run for _, run in self.runs() if run.end is None and run.host == host.name]
            assert len(open_there) <= host.slots

    @invariant()
    def nothing_new_is_no_news(self) -> None:
        before = self.state.seq
        scratch = deepcopy(self.state)
        first = decide(scratch, Seen(code="c"), self.plan, self.world.now)
        again = decide(scratch, Seen(code="c"), self.plan, self.world.now)
        assert again.events == [], (before, first.events, again.events)
        assert again.wake_at is None or again.wake_at > self.world.now

    @invariant()
    def the_state_is_what_its_document_and_its_journal_say(self) -> None:
        assert parse_state(orjson.dumps(self.state)) == self.state
        refolded = fold_all(deepcopy(self.empty), (parse_event(orjson.loads(line)) for line in self.journal))
        assert refolded == self.state


Lives.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestLives = pytest.mark.rule("B37", "B2", "1.46", "B23")(Lives.TestCase)
