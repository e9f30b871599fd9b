"""What people can be told: every kind of notice with its text, and a notice as it stands in the journal.

The engine announces some kinds by itself; the others are said by agents and people with ``autolab notify send``. The
form of a message is that of programs written for such labs: five or six lines, each with its fixed beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from string import Formatter
from typing import Final

from autolab.errors import InvalidSpec, UnknownName

HEAD: Final = "[AI Research Pipeline]"
TEXT_MAX: Final = 1500  # characters of one notice: several fit into one message of a chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing people are told; never changed once it is announced.

    phase   what it is about, as ``Phase 8``; empty: the lab
    status  ``completed``, ``blocked`` or ``finished``
    action  what somebody must do, or ``none``
    wandb   address of a run or project, where one is known
    key     what is announced once only while its summary stays the same; empty: whenever it happens
    """

    kind: str
    phase: str = ""
    status: str = "completed"
    summary: str
    action: str = "none"
    wandb: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of notice. ``text`` has a {blank} for each fact; ``by`` is who announces it: the engine, or an agent."""

    text: str
    phase: str = ""
    status: str = "completed"
    action: str = "none"
    by: str = "agent"

    @property
    def blanks(self) -> tuple[str, ...]:
        """The facts that it needs, in their order."""
        return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(self.text) if name))


ENGINE: Final = "engine"
ANSWER: Final = "answer it"

KINDS: Final[Mapping[str, Kind]] = {
    # what the engine sees by itself
    "question": Kind("{about}: {reason}. {seen}", status="blocked", action=ANSWER, by=ENGINE),
    "answered": Kind("{question}: {option}, by {who}.", by=ENGINE),
    "phase_started": Kind("Dispatching {count}. Machines: {machines}. Groups: {groups}.", by=ENGINE),
    "phase_done": Kind("{totals}. Cancelled: {cancelled}. Coverage: {coverage}. Early stops: {stops}.", by=ENGINE),
    "group_failed": Kind(
        "Group {group}: {failed} of {total} experiments failed after {retries} retries. Cause: {cause}.",
        status="blocked", action="read why with `autolab ps --status failed`, then retry or go on", by=ENGINE,
    ),
    "experiment_done": Kind("{id} done. {why}", by=ENGINE),
    "experiment_failed": Kind("{id} failed. {why}", status="blocked", action="see its question, if any", by=ENGINE),
    # what stands in the way
    "blocked": Kind("{what}", status="blocked", action="needs you before anything goes on"),
    "env_failed": Kind(
        "{host} is not ready: {error}. Nothing is dispatched there.", status="blocked",
        action="repair the host, then `autolab check`",
    ),
    "push_failed": Kind(
        "git push failed after {tries} tries. Remote: {remote}. Last error: {error}.", status="blocked",
        action="push by hand before going on",
    ),
    "early_stop": Kind("Group {group} stopped early: {improvement} on average. Cancelled: {cancelled}.", "Phase 8"),
    # the steps of a study
    "phase_complete": Kind("{summary}"),
    "project_ready": Kind("Project {project} is set up for {venue} by {team}.", "Phase 0"),
    "ideas_ready": Kind("{papers} papers read, {ideas} ideas. Best: {top_idea}. The debate comes next.", "Phase 1"),
    "idea_debate": Kind("Debate on the idea: {verdict}. Best: {top_idea}. Scores: {scores}.", "Phase 2"),
    "pilot_designed": Kind(
        "Phase 3 complete. {conditions} conditions on {datasets} datasets. Baseline check: {baseline}.", "Phase 3",
        "blocked", "approve the pilots",
    ),
    "pilot_verdict": Kind("Verdict on the pilots: {verdict}. {reason}", "Phase 5"),
    "idea_rollback": Kind("Back to Phase 1 after {iterations} iterations: {reason}.", "Phase 5"),
    "idea_failed": Kind("Idea given up: {idea}. {reason}"),
    "idea_rounds": Kind("{rounds} rounds of ideas have failed. {reason}", "", "blocked", "go on, or turn elsewhere?"),
    "plan_ready": Kind("Full plan ready: {groups} groups on {datasets} datasets.", "Phase 6"),
    "design_debate": Kind("Phase 7 complete. Experiment design debate: {verdict}. {plan}", "Phase 7"),
    "approval": Kind(
        "{experiments} experiments on {datasets} datasets, about {gpu_hours} GPU hours, wait for approval.", "Phase 7",
        "blocked", "approve or reject",
    ),
    "go": Kind("GO. {results}", "Phase 9", "blocked", "say when writing may begin"),
    "no_go": Kind("NO-GO. What failed: {failed}. Gap: {gap}. Proposed: {next_step}.", "Phase 9", "blocked", "decide"),
    "draft_ready": Kind("Draft complete: {pages} pages. Internal review comes next.", "Phase 10"),
    "review_passed": Kind("Internal review passed with {score} of 10.", "Phase 11", "blocked", "release it"),
    "review_rejected": Kind("Internal review: rejected. {reason} Options: {options}.", "Phase 11", "blocked", "choose"),
    "rebuttal_sent": Kind("Rebuttal sent to {venue}: {words} words.", "Phase 12"),
    "venue_decision": Kind("{venue} decided: {verdict}.", "Phase 12", "blocked", "see what follows from it"),
    "camera_ready": Kind("Camera-ready sent to {venue}. Idea round {round} is complete.", "Phase 12", "finished"),
    "pipeline_finished": Kind("{summary}", "", "finished"),
}  # fmt: skip

# Told to who does not say otherwise: everything but what would come once for each experiment or answer.
SELDOM: Final = frozenset({"experiment_done", "experiment_failed", "answered"})
USUAL: Final = tuple(kind for kind in KINDS if kind not in SELDOM)


def known_pattern(pattern: str) -> str:
    """A pattern that names at least one kind; raises ValueError with the nearest ones."""
    if any(fnmatchcase(kind, pattern) for kind in KINDS):
        return pattern
    near = UnknownName("kind of notice", pattern, KINDS).hint
    raise ValueError(f"no kind of notice is named {pattern!r}\n{near or 'there are ' + ', '.join(KINDS)}")


def wants(patterns: Iterable[str], kind: str) -> bool:
    """Whether ``kind`` is one of those that ``patterns`` name."""
    return any(fnmatchcase(kind, pattern) for pattern in patterns)


def said(kind: str, facts: Mapping[str, str], phase: str = "", wandb: str = "") -> Notice:
    """A notice of a kind that agents announce, its blanks filled.

    raises  UnknownName for the kind; InvalidSpec for a fact that is missing, unknown or not one line of text
    """
    if kind not in KINDS:
        raise UnknownName("kind of notice", kind, KINDS)
    form = KINDS[kind]
    if form.by == ENGINE:
        raise InvalidSpec(f"{kind} is announced by the engine itself", hint="use blocked or phase_complete")
    wanted = " ".join(f"{name}=..." for name in form.blanks)
    if missing := [name for name in form.blanks if name not in facts]:
        raise InvalidSpec(f"{kind} lacks {', '.join(missing)}", hint=f"autolab notify send {kind} {wanted}")
    if strange := [name for name in facts if name not in form.blanks]:
        raise InvalidSpec(f"{kind} has no {', '.join(strange)}", hint=f"it takes {wanted}")
    return filled(kind, facts, phase=phase, wandb=wandb)


def filled(kind: str, facts: Mapping[str, object], *, phase: str = "", action: str = "", status: str = "",
           wandb: str = "", key: str = "") -> Notice:  # fmt: skip
    """A notice of ``kind`` with its blanks filled, on one line and not too long."""
    form = KINDS[kind]
    return Notice(
        kind=kind,
        phase=phase or form.phase,
        status=status or form.status,
        summary=one_line(form.text.format_map({name: str(value) for name, value in facts.items()})),
        action=one_line(action or form.action),
        wandb=one_line(wandb),
        key=key,
    )


def one_line(text: str) -> str:
    """``text`` without line breaks and control characters, cut to what a message bears."""
    flat = re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+", " ", text).strip()
    return flat if len(flat) <= TEXT_MAX else f"{flat[: TEXT_MAX - 3]}..."


def phase_title(phase: str) -> str:
    """A phase as messages name it: ``Phase 8`` for "8" and "full", ``Phase 4`` for "pilot", else as it is written."""
    bare = phase.strip().lower()
    number = {"pilot": "4", "full": "8"}.get(bare) or re.sub(r"^phase\s*", "", bare)
    return f"Phase {number}" if number.isdecimal() else phase


def message(notice: Notice, ident: str, project: str, dashboard: str = "", wandb: str = "") -> str:
    """The text that is sent: its fixed lines, without those that do not apply; the last one names it."""
    lines = [
        f"{HEAD} {phase_title(notice.phase) or project}",
        f"Status: {notice.status}",
        f"Summary: {notice.summary}",
        f"Action needed: {notice.action}",
        f"Dashboard: {dashboard}" if dashboard else "",
        f"wandb: {notice.wandb or wandb}" if notice.wandb or wandb else "",
        f"Id: {ident}",
    ]
    return "\n".join(line for line in lines if line)
