"""The proof that the views are views: the state rebuilt from the journal, compared with state.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from autolab.api.place import Placed, read_state
from autolab.errors import StoreDamaged
from autolab.model.documents import entry_document, parse_event, parse_state, question_document
from autolab.model.state import DispatchState
from autolab.model.transitions import fold
from autolab.store.files import Files
from autolab.store.journal import Journal

if TYPE_CHECKING:
    from autolab.api.lease_results import ReplayReport

SHOWN: Final = 100


def replay(place: Placed) -> ReplayReport:
    """Fold all that the journal holds, up to where state.json stands, and say each difference (at most 100).

    raises  StoreDamaged: no journal, damage in it, or a segment that is gone
    """
    shown = read_state(place)
    upto = int(shown.get("journal_seq") or 0)
    journal = Journal(place.layout, Files())
    if not journal.segments():
        raise StoreDamaged(
            f"no journal in {place.layout.journal}", hint="`autolab init` begins one in a new lab; else see doctor"
        )
    state = parse_state(journal.origin())
    last = state.seq
    for document in journal.history():
        last = int(document["seq"])
        if last <= upto:
            fold(state, parse_event(document))
    differences = list(_differences(state, shown))
    if last < upto:
        differences.insert(0, f"journal_seq: state.json says {upto}, the journal ends at {last}")
    return {
        "events": last,
        "journal_seq": last,
        "state_seq": upto,
        "behind": max(last - upto, 0),
        "equal": not differences,
        "differences": differences[:SHOWN],
    }


def _differences(state: DispatchState, shown: Mapping[str, Any]) -> Iterator[str]:
    if state.project != shown.get("project"):
        yield f"project: state.json says {shown.get('project')!r}, the journal {state.project!r}"
    there = {entry.get("id"): entry for entry in shown["experiments"]}
    for ident, entry in state.entries.items():
        if ident not in there:
            yield f"{ident}: not in state.json"
        else:
            yield from _keys(ident, _plain(entry_document(entry)), there[ident])
    yield from (f"{ident}: not in the journal" for ident in there if ident not in state.entries)
    asked = {question.get("id"): question for question in shown.get("questions") or ()}
    for ident, question in state.questions.items():
        yield from _keys(f"question {ident}", _plain(question_document(question)), asked.get(ident, {}))
    yield from (f"question {ident}: not in the journal" for ident in asked if ident not in state.questions)


def _keys(about: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys([*ours, *theirs]):
        if ours.get(key) != theirs.get(key):
            yield f"{about}.{key}: state.json says {theirs.get(key)!r}, the journal {ours.get(key)!r}"


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives it back."""
    plain: dict[str, Any] = orjson.loads(orjson.dumps(document))
    return plain
