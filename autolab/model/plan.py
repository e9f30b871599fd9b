"""What a decision needs to know of the settings: plain numbers and names, no file, no validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autolab.model.card import CARD_DIR
from autolab.model.failure import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """Every number a decision uses, with its default; seconds unless the name says otherwise."""

    look_s: float = 10.0  # between looks while something happens ...
    look_max_s: float = 120.0  # ... relaxing to this
    hold_s: float = 30.0  # how long a look may stay open on the host while work waits for a slot
    gone_again_s: float = 10.0  # between the two looks that prove a death
    result_grace_s: float = 90.0  # network file systems show a file late
    start_tries: int = 3
    start_again_s: float = 15.0
    backoff_s: tuple[float, ...] = (30.0, 120.0, 600.0, 1800.0)
    fast_fail_s: float = 60.0
    quarantine_after: int = 3
    log_s: float = 60.0  # between two readings of what running attempts print
    give_up_hosts: int = 3  # hosts whose fault may end one experiment until it is the experiment that is asked about
    sidecar_patience: int = 3  # polls at which a file makes no sense until a person is asked
    ask_after_misses: int = 3  # looks in a row without an answer until a person is asked; again after as many
    end_survivors: bool = False  # what outlives a normal end is signalled
    kill_again_s: float = 15.0  # doubled each time
    result_again_s: float = 15.0  # between two looks for a late result
    check_tries: int = 3
    environment_valid_s: float = 86_400.0
    cards_valid_s: float = 1_800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRules:
    """When a GPU counts as free, and how often hosts are asked about theirs."""

    busy_percent: float = 20.0  # of utilisation: from here on it is busy
    used_fraction: float = 0.3  # of its memory: from here on it is in use
    memory_factor: float = 1.2  # free memory must be this many times the estimate
    settle_s: float = 60.0  # after a start on a shared card, until the next: its numbers lag behind
    look_s: float = 30.0  # between two questions while something waits for a card
    measure_s: float = 120.0  # between two questions while something runs on one
    avoid: tuple[str, ...] = ()  # models never given out, on any host
    estimate: str = ""  # MiB an experiment needs, as a formula of its own numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlan:
    """A host as the settings have it. ``gpus`` None: as many as the host lists.

    probe      the tool that is asked about cards: auto, one of the vendors', or none
    avoid      indices and models of cards never given out there
    share      how many experiments may be on one card
    cpus, mem_mib  what its experiments may ask for together; None: not counted
    environment  hash of what its environment is and is made from; empty: it needs none
    """

    name: str
    kind: str = "ssh"
    slots: int = 1
    gpus: tuple[str, ...] | None = ()
    probe: str = "none"
    avoid: tuple[str, ...] = ()
    share: int = 1
    card_dir: str = CARD_DIR
    cpus: int | None = None
    mem_mib: int | None = None
    project_dir: str = ""
    by_hand_dir: str = ""  # where what a person starts there by hand writes
    run_root: str = ""  # <state_dir>/<lab8>, absolute or beginning with ~/
    environment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatiencePlan:
    """When people are asked about what takes long or fails often; seconds, shares and counts. See PatienceSettings."""

    overdue: float = 2.0
    remind: float = 3.0
    phase_s: float = 72 * 3600.0
    old_phase_s: float = 24 * 3600.0
    silent_log_s: float = 2 * 3600.0
    idle_gpu_s: float = 2 * 3600.0
    misses: int = 6
    missed_share: float = 0.2
    least_looks: int = 5
    group_failed: float = 0.5
    group_least: int = 3
    look_told_s: float = 1800.0
    away_s: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersPlan:
    """Who may answer, and what is done where nobody does.

    defaults   reason -> option and seconds until it is taken
    code_sent  one-time codes reach a person by a channel that no program here holds
    """

    who: tuple[str, ...] = ()
    reserved: frozenset[str] = frozenset()
    defaults: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    evidence_lines: int = 40
    code_sent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LabPlan:
    """The settings as decisions see them. ``launching`` says why nothing may be launched now; empty: it may."""

    hosts: Mapping[str, HostPlan]
    policies: Policies = field(default_factory=Policies)
    patience: PatiencePlan = field(default_factory=PatiencePlan)
    answers: AnswersPlan = field(default_factory=AnswersPlan)
    cards: CardRules = field(default_factory=CardRules)
    launching: str = ""
    not_driving: str = ""  # why this clone may start nothing at all, not even what it intended; empty: it drives
    failures: Table = ()  # the first kind that fits holds
