"""One tick's decision, in order: what is news, what people want, what is proven, what follows, what to do now.

Pure: the state, what was seen, the plan and the time go in; events and actions come out. The state is advanced by the
events as they are made, so that each step sees what the step before decided; nothing is acted upon before the caller
has made the events durable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from autolab.model.event import Added, Event, Observed, QuestionAsked
from autolab.model.plan import LabPlan
from autolab.model.state import TERMINAL, DispatchState
from autolab.model.transitions import fold
from autolab.rules import acting, answers, cards, evidence, external, hosts, merge, readiness, together
from autolab.rules.decisions import defaults_due
from autolab.rules.following import follow
from autolab.rules.hearing import consider
from autolab.rules.idle_cards import idle_cards
from autolab.rules.intent import intend
from autolab.rules.removed import removed
from autolab.rules.tick import Decision, Seen


def decide(state: DispatchState, seen: Seen, plan: LabPlan, now: datetime) -> Decision:
    """One tick. ``state`` is advanced by the events that are returned."""
    made = Decision()

    def take(events: Iterable[Event]) -> None:
        for happened in events:
            if isinstance(happened, QuestionAsked):
                happened = evidence.complete(state, happened, plan, now)
            fold(state, happened)
            made.events.append(happened)

    # What is news, and what people want.
    take(merge.merge_sidecars(state, seen.sidecars, now))
    take(external.escalated(state, seen.escalations, now))
    take(merge.report_unreadable(state, seen.unreadable, plan.policies.sidecar_patience, now))
    for wish in seen.wishes:
        take(answers.answer(state, wish, plan, now))
    take(defaults_due(state, plan, now))
    take(_strays(state, list(made.events), seen, now))
    # What it means, and what follows for every attempt that is not judged yet.
    take(_considered(state, list(made.events), seen, plan, now))
    take(_results(state, seen, now))
    opened = [(i, e) for i, e in state.entries.items() if e.run is not None and not e.run.judged]
    take(removed(state, (e for _, e in opened), plan, now))
    for ident in [i for i, e in opened if e.status not in TERMINAL]:
        take(follow(state, state.entries[ident], plan, now, made))
    # What is known of hosts, and whether they are ready.
    for name, sighting in seen.hellos.items():
        take(hosts.heard(state, name, sighting, plan.policies, now))
    take(hosts.relieve(state, now))
    take(cards.noted(state, seen.cards, plan, now))
    take(cards.peaks(state, seen.cards, now))
    take(idle_cards(state, seen.cards, plan, now))
    take(together.group_alarms(state, list(made.events), plan, now))
    take(readiness.heard(state, seen.checked, plan, now))
    take(readiness.begin(state, seen.code, plan, now))
    take(readiness.ask(state, plan, now))
    # What is launched, what is asked of hosts, and when to wake.
    take(intend(state, seen, plan, now))
    take(together.begin(state, list(made.events), now))
    take(together.phases_due(state, plan, now))
    for action, events in acting.actions(state, seen, plan, now):
        take(events)
        made.actions.append(action)
    made.actions += readiness.checks(state, seen.checking, plan, now)
    acting.clocks(state, plan, now, made)
    return made


def _strays(state: DispatchState, made: Sequence[Event], seen: Seen, now: datetime) -> Iterator[Event]:
    """What was said of experiments before they were added."""
    for happened in made:
        if isinstance(happened, Added) and (stray := seen.strays.get(happened.id)) is not None:
            yield from external.claimed(state.entries[happened.id], stray.cells, now)


def _considered(
    state: DispatchState, made: Sequence[Event], seen: Seen, plan: LabPlan, now: datetime
) -> Iterator[Event]:
    for happened in made:
        if isinstance(happened, Observed):
            yield from consider(state, happened, seen, plan, now)


def _results(state: DispatchState, seen: Seen, now: datetime) -> Iterator[Event]:
    for ident, result in seen.results.items():
        if result and ident in state.entries:
            yield from external.heard(state, state.entries[ident], result, now)
