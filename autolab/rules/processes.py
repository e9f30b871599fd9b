"""Work that ran before autolab came: an attempt that waits for a process, with a claim and an exit record of its own.

Its command is a script of ours that ends when the process does; so it is looked at, cancelled and collected as every
other attempt. It never follows from it that the experiment's own command is started: whatever is not a good end is a
question, because the process may be alive although the script is not.

What a new driver adopts are attempts that hosts hold already: see ``adopt``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from autolab.errors import IllegalTransition, InvalidSpec, StoreDamaged, UnknownName
from autolab.model.documents import parse
from autolab.model.event import AdoptAsked, Event
from autolab.model.plan import LabPlan
from autolab.model.state import Adopting, DispatchState, Entry, Spec
from autolab.model.transitions import may
from autolab.model.wish import Wish
from autolab.rules.wishes import add

# Field 22 of /proc/<pid>/stat, its start, makes a pid unmistakable; a zombie has ended (proc(5)). Told to end, it ends
# the process first, within the ten seconds after which it is killed itself; with its group where that is its own, as
# the shell makes one for a job.
WATCH: Final = """\
there() {
  read -r line </proc/$AUTOLAB_PROCESS/stat || return 1
  set -- ${line##*) }
  whom=$AUTOLAB_PROCESS
  [ "$3" != $AUTOLAB_PROCESS ] || whom=-$AUTOLAB_PROCESS
  [ "${20}" = "$AUTOLAB_PROCESS_START" ] && [ "$1" != Z ] && [ "$1" != X ]
} 2>/dev/null
end() {
  there && kill -TERM $whom
  left=16
  while [ $left -gt 0 ] && there; do left=$((left - 1)); sleep 0.5 2>/dev/null || sleep 1; done
  there && kill -KILL $whom
  exit 143
}
there || { echo "no process $AUTOLAB_PROCESS that began then"; exit 78; }
trap end TERM
follower=
case $AUTOLAB_PROCESS_LOG in [!/]*) AUTOLAB_PROCESS_LOG=$HOME/$AUTOLAB_PROCESS_LOG ;; esac
[ -z "$AUTOLAB_PROCESS_LOG" ] || { tail -n +1 -f "$AUTOLAB_PROCESS_LOG" & follower=$!; }
while there; do sleep 1 & wait $!; done
sleep 1
[ -z "$follower" ] || kill "$follower"
exit 0
"""


def variables(process: Adopting) -> Mapping[str, str]:
    """What ``WATCH`` reads: values, never shell text."""
    return {
        "AUTOLAB_PROCESS": str(process.pid),
        "AUTOLAB_PROCESS_START": str(process.start_ticks),
        "AUTOLAB_PROCESS_LOG": process.log,
    }


def adopt(state: DispatchState, wish: Wish, plan: LabPlan, now: datetime) -> Iterator[Event]:
    """Take ``wish.context`` (Adopting) as what runs of the one experiment that is named, or new in ``wish.specs``."""
    process = _process(wish.context)
    if process.host not in plan.hosts:
        raise UnknownName("host", process.host, plan.hosts)
    yield from add(state, wish, plan, now)
    new = {spec.id: spec for spec in wish.specs}
    for ident in wish.ids:
        entry = state.entries.get(ident)
        if entry is None and ident not in new:
            raise UnknownName("experiment", ident, state.entries)
        if entry is not None and entry.adopting == process:
            continue
        _must_prove_itself(new[ident] if entry is None else entry.spec)
        if entry is not None:
            _must_be_free(entry)
        number = entry.attempt if entry else 0
        why = wish.why or f"process {process.pid} on {process.host}"
        yield AdoptAsked(at=now, id=ident, attempt=number, actor=wish.by, adopting=process, why=why)


def _process(context: Mapping[str, Any]) -> Adopting:
    try:
        process = parse(Adopting, context)
    except StoreDamaged as error:
        raise InvalidSpec(f"no process to adopt: {error.message}", hint="autolab adopt ID --host H --pid P") from error
    if process.pid < 1 or process.start_ticks < 0 or "\n" in process.log:
        raise InvalidSpec(f"no process can have pid {process.pid}", hint="autolab adopt ID --host H --pid P")
    return process


def _must_prove_itself(spec: Spec) -> None:
    if spec.executor != "autolab":
        raise InvalidSpec(f"{spec.id} is of an external executor", hint="that executor speaks for it")
    if not spec.result_file:
        raise InvalidSpec(
            f"{spec.id} declares no result_file, and nothing else could say that the process did well",
            hint="give it one: autolab add --update, or --result-file",
        )


def _must_be_free(entry: Entry) -> None:
    if entry.open_run is not None or entry.closed_run is not None or not may(entry.status, AdoptAsked):
        raise IllegalTransition(
            f"{entry.id} is {entry.status} and may run already: two would run at once",
            hint="adopt into one that waits or is held",
        )
