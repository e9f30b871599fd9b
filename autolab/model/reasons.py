"""Why people are asked: every reason code with what is wrong, what happens if nobody answers, and the options.

A new reason is one entry of ``REASONS``; what a new option does is one entry of ``rules.decisions.EFFECTS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from autolab.model.state import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One kind of question.

    wrong       what is wrong, said after the name of what it is about: ``e1 ended in a way that ...``
    unanswered  what happens if nobody answers
    options     what may be answered; the first one is what a tired person most likely wants
    """

    wrong: str
    unanswered: str
    options: tuple[Option, ...]


RETRY: Final = Option(name="retry", effect="a new attempt, as it is designed; its retries count anew")
RUN_ANEW: Final = Option(
    name="retry", effect="run its command as it is designed; if the process that was adopted lives, both run"
)
ACCEPT: Final = Option(name="accept", effect="leave it failed; what depends on it will not run")
WAIT: Final = Option(name="wait", effect="keep looking; an end that is seen still counts")
KEEP: Final = Option(name="wait", effect="nothing now; with the host back in autolab.yaml it is looked at again")
ABANDON: Final = Option(
    name="abandon", effect="close this attempt on your word and run a new one; if the old one lives, both run"
)
GIVE_UP: Final = Option(name="cancel", effect="close this attempt on your word and cancel the experiment")
AGAIN: Final = Option(name="again", effect="use the host again")
DRAIN: Final = Option(name="drain", effect="launch nothing more there; what runs is still looked at")
CHECK_AGAIN: Final = Option(name="again", effect="check it again, with as many tries as before")
AS_IT_IS: Final = Option(name="accept", effect="launch there as it is, until its environment's settings change")
CONFIRM: Final = Option(name="accept", effect="take the executor's word: done")
NOTED: Final = Option(name="noted", effect="go on with its last good value; it is read again when it changes")
SEEN: Final = Option(name="noted", effect="nothing in the lab; what you do about it is between you and the agent")
REJECT: Final = Option(name="reject", effect="record it as failed")
LET_RUN: Final = Option(name="wait", effect="let it run; you are asked again when it has taken much longer still")
STOP: Final = Option(name="stop", effect="end its processes and cancel it; done once its end is seen")
RESTART: Final = Option(name="restart", effect="end its processes; once its end is proven, a new attempt")
END_IT: Final = Option(name="end", effect="end its processes; what the table of failures says of its log is then done")
EXTEND: Final = Option(name="extend", effect="wait for as long again, then ask again")
PARK: Final = Option(name="park", effect="put what still runs on hold and go on without it; its end still counts")
GO_ON: Final = Option(name="go_on", effect="launch the rest; you are asked again if as many more fail")
HOLD_REST: Final = Option(name="hold", effect="hold what was not launched yet, until you release it")
CANCEL_REST: Final = Option(name="cancel", effect="cancel what was not launched yet")
ELSEWHERE: Final = Option(name="elsewhere", effect="end what is parked and run it again on another host")
PARTIAL: Final = Option(name="partial", effect="go on with what is done; what is parked stays parked")
CANCEL_PARKED: Final = Option(name="cancel", effect="end what is parked and cancel it")

_FAILED: Final = "it stays failed, what depends on it waits, and everything else goes on"
_LOOKING: Final = "it is neither ended nor launched again; it is looked at, and an end that is seen counts"
_KEEPS: Final = "it runs on and is looked at, and its end counts"


def _failure(wrong: str) -> Reason:
    """A failure that is not tried again by itself."""
    return Reason(wrong=wrong, unanswered=_FAILED, options=(RETRY, ACCEPT))


REASONS: Final[Mapping[str, Reason]] = {
    # An attempt failed, and trying again blindly would not help.
    "undiagnosed_crash": _failure("crashed in a way that autolab does not know"),
    "retries_exhausted": _failure("failed again, and its retries are used up"),
    "result_missing": _failure("ended well and left no result"),
    "result_invalid": _failure("ended well and left a result that is not well-formed"),
    "environment": _failure("could not begin: its command or its environment is not there"),
    "missing_module": _failure("lacks a Python module"),
    "nan_loss": _failure("trained into NaN"),
    "cuda_oom": _failure("needs more GPU memory than there is"),
    "host_oom": _failure("needs more memory than its host has"),
    "known_failure": _failure("failed in a way that trying again does not help"),
    "many_hosts": _failure("was failed by one host after another"),
    "adopted_end": Reason(
        wrong="was a process that ran before, and did not end well as far as can be seen",
        unanswered="it stays failed, and its command is not started: the process may be alive",
        options=(ACCEPT, RUN_ANEW),
    ),
    # Nobody knows how it stands.
    "unknown_end": Reason(wrong="cannot be told dead or alive", unanswered=_LOOKING, options=(WAIT, ABANDON, GIVE_UP)),
    "unreachable": Reason(
        wrong="runs on a host that does not answer", unanswered=_LOOKING, options=(WAIT, ABANDON, GIVE_UP)
    ),
    "intermittent": Reason(
        wrong="runs on a host that often does not answer", unanswered=_LOOKING, options=(WAIT, ABANDON, GIVE_UP)
    ),
    "host_removed": Reason(
        wrong="runs on a host that is no longer in autolab.yaml",
        unanswered="it is neither looked at nor ended, and nothing of it is launched again",
        options=(KEEP, ABANDON, GIVE_UP),
    ),
    "result_out_of_reach": Reason(
        wrong="has ended on a host that is no longer in autolab.yaml, and its result is there",
        unanswered="its result stays there, and what depends on it waits",
        options=(KEEP, GIVE_UP),
    ),
    "unconfirmed": Reason(
        wrong="is said to be done, and nothing confirms it",
        unanswered="it stays on hold, and what depends on it waits",
        options=(CONFIRM, REJECT),
    ),
    "sidecar_unreadable": Reason(
        wrong="has a status file that makes no sense",
        unanswered="its last good value stands and the file is read again when it changes",
        options=(NOTED,),
    ),
    "escalated": Reason(
        wrong="is run by an agent that needs somebody",
        unanswered="its executor goes on as it sees fit; what it says next counts",
        options=(SEEN,),
    ),
    # It takes long.
    "timeout": Reason(wrong="runs far longer than expected", unanswered=_KEEPS, options=(LET_RUN, RESTART, STOP)),
    "stalled": Reason(
        wrong="runs and has printed nothing for long", unanswered=_KEEPS, options=(LET_RUN, RESTART, STOP)
    ),
    "gpu_idle": Reason(wrong="runs, and its GPUs do nothing", unanswered=_KEEPS, options=(LET_RUN, RESTART, STOP)),
    "old_phase": Reason(
        wrong="still runs although the lab has moved on to another phase",
        unanswered=f"{_KEEPS}; its phase is not archived while it runs",
        options=(LET_RUN, STOP),
    ),
    "poll_72h": Reason(
        wrong="is not finished although its time is over",
        unanswered="what runs goes on, what waits is launched, and nothing is ended",
        options=(EXTEND, PARK),
    ),
    "on_hold_before_synthesis": Reason(
        wrong="is over but for experiments that are parked",
        unanswered="the findings are not written",
        options=(ELSEWHERE, PARTIAL, CANCEL_PARKED),
    ),
    "group_failing": Reason(
        wrong="fails for the most part",
        unanswered="nothing more of it is launched; what runs goes on",
        options=(GO_ON, HOLD_REST, CANCEL_REST),
    ),
    "seen_failing": Reason(
        wrong="runs, and prints what a failure prints", unanswered=_KEEPS, options=(LET_RUN, END_IT, RESTART, STOP)
    ),
    "no_first_step": Reason(
        wrong="runs, and has not printed its first step in time", unanswered=_KEEPS, options=(LET_RUN, RESTART, STOP)
    ),
    # Hosts.
    "host_quarantined": Reason(
        wrong="made several experiments fail fast",
        unanswered="nothing more is launched there; what runs is looked at",
        options=(AGAIN, DRAIN),
    ),
    "host_refused": Reason(
        wrong="refuses the login",
        unanswered="it is tried again every half hour; what runs there is neither ended nor launched again",
        options=(AGAIN, DRAIN),
    ),
    "env_failed": Reason(
        wrong="is not ready, and something has no other host",
        unanswered="nothing is launched there; when code or environment change, it is checked again by itself",
        options=(CHECK_AGAIN, AS_IT_IS, DRAIN),
    ),
}
