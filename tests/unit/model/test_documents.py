"""How models stand on disk: what readers rely on, and that reading gives back what was written."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import orjson
import pytest

from autolab.errors import StoreDamaged
from autolab.model import event as e
from autolab.model.documents import (
    best,
    entry_document,
    host_document,
    parse_event,
    parse_state,
    question_document,
    stamp,
)
from autolab.model.event import event_document
from autolab.model.observation import Authority
from autolab.model.state import Entry, HostState, HostStatus, Layer, Option, Question, Status
from tests.builders import T0, a_claimed_run, a_run, a_spec, a_state, an_ended_run, an_entry, plain

OPTION = Option(name="a", effect="b")
REQUIRED = ["id", "status", "command", "expected_duration_hours", "phase", "group", "method", "dataset", "seed"]
OPTIONAL = [
    "host", "gpu", "pid", "job_id", "started", "finished", "wandb_run_id", "retry_count", "max_retries", "notes",
    "priority", "stage", "result_file", "checkpoint_dir",
]  # fmt: skip
DESIGNED = {
    "early_stop_check_after": 3, "early_stop_threshold_pct": 1.5, "early_stop_metric": "acc", "git_commit": "abc",
    "pbs_script_path": "x.sh", "gadi_walltime_hours": 3.0, "duration_basis": "pilot", "paper_reported": 93.1,
    "experiment_id": "E1", "results": None, "mine": {"a": [1, None]},
}  # fmt: skip


def layer(authority: Authority = Authority.AGENT, **values: Any) -> dict[str, Layer]:
    return {authority.value: Layer(1, "d", values)}


def shown(entry: Entry) -> dict[str, Any]:
    document: dict[str, Any] = plain(entry_document(entry))
    return document


@pytest.mark.rule("1.30", "1.8")
def test_an_entry_begins_with_the_keys_that_readers_expect_in_their_order() -> None:
    keys = list(shown(an_entry()))
    assert keys[: len(REQUIRED)] == REQUIRED
    assert keys[len(REQUIRED) : len(REQUIRED) + len(OPTIONAL)] == OPTIONAL


@pytest.mark.rule("1.30")
def test_designed_keys_survive_and_none_of_them_covers_one_of_ours() -> None:
    document = shown(an_entry(spec=a_spec(extra={**DESIGNED, "status": "done", "pid": 1})))
    assert {key: document[key] for key in DESIGNED} == DESIGNED
    assert (document["status"], document["pid"]) == ("pending", None)


@pytest.mark.rule("1.30", "1.33")
def test_what_executors_said_is_shown_and_unknown_keys_survive() -> None:
    said = layer(wandb_run_id="https://w/1", hf_artifact_url="https://h/1", job_id=17, accuracy=0.9, sighting={"x": 1})
    document = shown(an_entry(layers=said))
    assert document["wandb_run_id"] == "https://w/1"
    assert (document["hf_artifact_url"], document["job_id"], document["accuracy"]) == ("https://h/1", 17, 0.9)
    assert "sighting" not in document
    assert document["status"] == "pending", "a status is the engine's, not a cell"


def test_the_highest_authority_is_believed() -> None:
    said = layer(Authority.AGENT, notes="agent") | layer(Authority.SCRIPT, notes="script")
    assert best(an_entry(layers=said), "notes") == "script"
    assert best(an_entry(layers=said | layer(Authority.EXECUTOR, notes=None)), "notes") is None
    assert best(an_entry(), "notes") is None


@pytest.mark.rule("1.30")
@pytest.mark.parametrize(
    ("gpus", "gpu"), [(("0",), 0), (("3",), 3), (("0", "1"), "0,1"), (("GPU-8a",), "GPU-8a"), ((), None)]
)
def test_gpu_0_is_a_gpu_and_not_empty(gpus: tuple[str, ...], gpu: object) -> None:
    assert shown(an_entry(run=a_run(gpus=gpus)))["gpu"] == gpu
    assert shown(an_entry(spec=a_spec(gpu=0)))["gpu"] == 0


@pytest.mark.rule("1.30", "B23")
def test_an_attempt_shows_its_host_pid_start_and_number() -> None:
    document = shown(an_entry(status=Status.RUNNING, run=a_claimed_run(2), retry_count=1))
    assert (document["host"], document["pid"], document["started"]) == ("h1", 4711, "2026-11-20T10:44:12Z")
    assert (document["attempt"], document["retry_count"], document["process_alive"]) == (2, 1, True)


@pytest.mark.rule("B3")
def test_the_pid_of_one_attempt_is_not_shown_with_the_next() -> None:
    assert shown(an_entry(run=a_run(2)))["pid"] is None


def test_what_waits_anew_is_shown_where_its_design_sends_it_and_not_where_it_was() -> None:
    over = an_ended_run(host="h1", gpus=("0",), judged=True)
    document = shown(an_entry(status=Status.PENDING, spec=a_spec(host="gpu*"), run=over))
    assert [document[key] for key in ("host", "gpu", "pid", "started")] == ["gpu*", None, None, None]
    document = shown(an_entry(status=Status.FAILED, spec=a_spec(host="gpu*"), run=over))
    assert (document["host"], document["gpu"]) == ("h1", 0)


def test_an_external_executor_says_where_its_experiment_runs() -> None:
    said = layer(host="cluster", gpu=0, pid=9, started="2026-11-20T09:00:00Z")
    document = shown(an_entry(status=Status.RUNNING, spec=a_spec(executor="external"), layers=said))
    assert (document["host"], document["gpu"], document["pid"]) == ("cluster", 0, 9)
    assert document["started"] == "2026-11-20T09:00:00Z"
    assert document["process_alive"] is None, "nobody looked"


@pytest.mark.parametrize(
    ("entry", "lives"),
    [
        (an_entry(), False),
        (an_entry(run=a_run()), None),
        (an_entry(status=Status.RUNNING, run=a_claimed_run()), True),
        (an_entry(status=Status.RUNNING, run=a_claimed_run(gone_at=T0)), None),
        (an_entry(status=Status.UNREACHABLE, run=a_claimed_run()), None),
        (an_entry(status=Status.ON_HOLD, run=a_claimed_run()), True),
        (an_entry(status=Status.ON_HOLD, substatus="unreachable", run=a_claimed_run()), None),
        (an_entry(status=Status.DONE, run=an_ended_run()), False),
    ],
)
def test_a_process_is_alive_gone_or_unknown(entry: Entry, lives: bool | None) -> None:
    assert shown(entry)["process_alive"] is lives


@pytest.mark.rule("B30", "B70")
def test_instants_are_whole_dates_in_utc() -> None:
    assert stamp(datetime(2026, 11, 20, 12, 0, 0, 999_000, timezone(timedelta(hours=2)))) == "2026-11-20T10:00:00Z"
    assert stamp(None) is None
    question = Question(id="e1-1", about="e1", reason="lost", seen="", did="", options=(OPTION,), asked_at=T0)
    documents = [
        shown(an_entry(status=Status.DONE, run=an_ended_run(), finished_at=T0, not_before=T0)),
        plain(question_document(question)),
        plain(host_document(HostState(name="h1", status=HostStatus.READY, since=T0, not_before=T0), 4)),
    ]
    for document in documents:
        for key in ("since", "started", "finished", "not_before", "asked"):
            assert document.get(key) in (None, "2026-11-20T10:44:12Z"), key


def test_a_host_and_a_question_are_listed_with_what_decides_about_them() -> None:
    host = host_document(HostState(name="h1", status=HostStatus.UNREACHABLE, misses=3, why="no route"), 4)
    assert (host["status"], host["slots"], host["misses"], host["why"]) == ("unreachable", 4, 3, "no route")


EVENTS = [
    e.Added(at=T0, id="e1", spec=a_spec(extra=DESIGNED, env={"A": "1"}, depends_on=("e0",), gpu=0)),
    e.LaunchIntended(at=T0, id="e1", attempt=1, run=a_run(gpus=("0", "1"), env={"B": "2"})),
    e.Observed(
        at=T0, id="e1", attempt=1, authority=Authority.AGENT, sidecar_seq=1, digest="d",
        cells={"pid": None, "x": [1, {"y": 2.5}]}, kept=("notes",),
    ),
    e.Started(at=T0, id="e1", attempt=1, claim=a_claimed_run().claim),
    e.Started(at=T0, id="e1"),
    e.Requeued(at=T0, id="e1", kind="lost", remedy="again", charged=True, not_before=T0, env={"A": "b"}, avoid=("h1",)),
    e.Ended(at=T0, id="e1", end=an_ended_run(status=None).end or pytest.fail("no end")),
    e.Succeeded(at=T0, id="e1", result={"path": "r.csv", "bytes": 3}),
    e.QuestionAsked(
        at=T0, id="e1",
        question=Question(id="e1-1", about="e1", reason="r", seen="", did="", options=(OPTION,), asked_at=T0),
    ),
    e.QuestionRepeated(at=T0, id="e1", question="e1-1", seen="again"),
    e.RestartAsked(at=T0, id="e1", attempt=1, actor="ana", avoid=("h1",)),
    e.Marked(at=T0, id="e1", attempt=1, reason="timeout", level=2.5),
    e.PatienceSet(at=T0, about="phase:4", since=T0, level=3.0),
    e.EngineReturned(at=T0, away_s=7200.0),
    e.CodeIssued(at=T0, actor="ana", question="e1-1", code_hash="0" * 64),
    e.HostChanged(at=T0, host=HostState(name="h1", failures=("e1",), since=T0)),
    e.WishSettled(at=T0, wish="w1", outcome="ok: done", actor="ana"),
]  # fmt: skip


@pytest.mark.parametrize("happened", EVENTS, ids=lambda happened: happened.name)
def test_an_event_is_read_back_as_it_was_written(happened: e.Event) -> None:
    line = orjson.loads(orjson.dumps(event_document(happened, 7)))
    assert line["seq"] == 7
    assert line["event"] == happened.name
    assert parse_event({**line, "crc": "x"}) == happened


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    assert e.EVENTS["launch_intended"] is e.LaunchIntended
    assert len(e.EVENTS) == len(set(e.EVENTS.values())) >= 28
    assert all(kind.name == name for name, kind in e.EVENTS.items())


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"seq": 3, "event": "teleported", "at": "2026-11-20T10:44:12Z"}, "unknown event 'teleported' at seq 3"),
        ({"seq": 3, "at": "2026-11-20T10:44:12Z"}, "unknown event"),
        ({"seq": 3, "event": "failed", "at": "2026-11-20T10:44:12Z"}, "kind"),
        ({"seq": 3, "event": "failed", "at": "yesterday", "kind": "x"}, "at"),
    ],
)
def test_a_line_that_is_no_event_is_damage_and_says_where(document: dict[str, Any], words: str) -> None:
    with pytest.raises(StoreDamaged, match=words):
        parse_event(document)


def test_a_state_is_read_back_as_it_was_written_and_a_bad_one_names_its_field() -> None:
    state = a_state(
        an_entry(run=an_ended_run(), layers=layer(x=1)), hosts={"h1": HostState(name="h1")}, asked={"e1": 2}
    )
    document = orjson.loads(orjson.dumps(state))
    assert parse_state(orjson.dumps(state)) == state
    document["entries"]["e1"]["attempt"] = "many"
    with pytest.raises(StoreDamaged, match=r"entries\.e1\.attempt"):
        parse_state(orjson.dumps(document))
    with pytest.raises(StoreDamaged, match="DispatchState: : Invalid JSON"):
        parse_state(orjson.dumps(document)[:-1])
