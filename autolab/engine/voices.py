"""How executors speak: each outcome goes into its experiment's sidecar, by rename, and nowhere else."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from autolab.errors import StoreDamaged
from autolab.model.documents import best, parse, stamp
from autolab.model.observation import Authority, HostFacts, Liveness, Look, Sidecar, Sighting, Unreadable
from autolab.model.plan import PatiencePlan
from autolab.model.state import Entry, Run, Status
from autolab.rules.hosts import SILENT
from autolab.rules.patience import is_news, ran_s
from autolab.store.files import Files
from autolab.store.layout import STATUS_SUFFIX, Layout
from autolab.store.sidecars import LIMIT, read_sidecar, write_sidecar

Key = tuple[str, int]
ASIDE: Final = ".by-agent"  # beside a sidecar of ours: what somebody else had written into it
_FIELDS: Final = tuple(one.name for one in fields(Sighting))
_VALUES: Final = attrgetter(*_FIELDS)
_CHANGING: Final = ("at", "log_size", "looks", "missed", "ran_s", "grew_at")
_HOST_FIELDS: Final = tuple(one.name for one in fields(HostFacts) if one.name != "uptime_s")


@dataclass(slots=True)
class _Voice:
    """What was last said of one attempt."""

    seq: int
    looks: int = 0
    missed: int = 0
    log_size: int = -1
    grew_at: datetime | None = None  # when the log was first seen to be that long
    cells: dict[str, Any] = field(default_factory=dict)
    said: Sighting | None = None
    claimed_at: datetime | None = None  # when the claim was first told

    def counted(self, sighting: Sighting) -> Sighting:
        """The look with what all looks at this attempt so far make of it."""
        self.looks += 1
        self.missed += sighting.look in SILENT
        if sighting.look is Look.SEEN and sighting.log_size != self.log_size:
            self.log_size, self.grew_at = sighting.log_size, sighting.at
        ran = ran_s(sighting.claim, sighting.host)
        counts = {"looks": self.looks, "missed": self.missed, "ran_s": round(ran, 2), "grew_at": self.grew_at}
        return replace(sighting, **counts)  # type: ignore[arg-type]


class Voices:
    """Writes sidecars for the lanes of this engine, and remembers which, so that they are read at once.

    One lock, because the two lanes of a host may speak of the same attempt.
    """

    def __init__(
        self, layout: Layout, files: Files, key: bytes, patience: Callable[[], PatiencePlan] = PatiencePlan
    ) -> None:
        """``patience`` says at which run times and silences a look is news although it shows nothing else new."""
        self._layout, self._files, self._key, self._patience = layout, files, key, patience
        self._voices: dict[Key, _Voice] = {}
        self._lock = threading.Lock()
        self._ended = False
        self._written: dict[str, tuple[int, int, int]] = {}  # how each sidecar looked when we had written it
        self._overheard: queue.SimpleQueue[Sidecar | Unreadable] = queue.SimpleQueue()
        self.spoken: queue.SimpleQueue[str] = queue.SimpleQueue()  # names of sidecars written since last asked

    def announce(self, entry: Entry) -> None:
        """The initial sidecar of a new experiment; what somebody else said of it before stays and is read."""
        if self._foreign(entry.id) is None:
            self._write(entry.id, {**_blank(entry), "attempt": entry.attempt, "seq": 0})

    def sighted(
        self,
        entry: Entry,
        run: Run,
        sighting: Sighting,
        asked_at: datetime,
        brought: tuple[Mapping[str, Any], str] | None = None,
    ) -> None:
        """Say what a look found, unless it is what was said before of something that simply runs.

        brought  what became of the files of an ended attempt that the look brought along, and the end of its log: told
                 in one write, because a rename over a file costs more than all else here
        A look that was under way while the other lane's start found the claim knows less: it is not told.
        """
        with self._lock:
            if self._ended:
                return
            voice = self._voice(entry, run)
            if sighting.claim is not None:
                voice.claimed_at = voice.claimed_at or sighting.at
            elif sighting.look is Look.SEEN and voice.claimed_at is not None and asked_at <= voice.claimed_at:
                return
            sighting = voice.counted(sighting)
            if brought is None and self._is_known(voice, sighting, entry):
                return
            voice.said = sighting
            cells = {**_course(sighting), "sighting": _plain(sighting)}
            if brought is not None and sighting.exit is not None:
                cells |= _collection(*brought, sighting.exit.status, sighting.at)
            self._say(entry, run, voice, cells)

    def _is_known(self, voice: _Voice, sighting: Sighting, entry: Entry) -> bool:
        """Saying it again would be no news."""
        if voice.said is None or not _is_dull(sighting) or _gist(voice.said) != _gist(sighting):
            return False
        return not is_news(voice.said, sighting, entry.spec.expected_duration_hours * 3600, self._patience())

    def collected(self, entry: Entry, run: Run, found: Mapping[str, Any], log_tail: str) -> None:
        """Say what was brought back of an attempt that is over."""
        with self._lock:
            if self._ended:
                return
            status, ended_at = (run.end.status, run.end.at) if run.end else (None, None)
            self._say(entry, run, self._voice(entry, run), _collection(found, log_tail, status, ended_at))

    def noticed(self, entry: Entry, run: Run, cells: Mapping[str, Any]) -> None:
        """Say what new bytes of a running attempt's log say."""
        with self._lock:
            if not self._ended:
                self._say(entry, run, self._voice(entry, run), cells)

    def end(self) -> None:
        """Say nothing more: the next engine's voices go on from what was heard, and two would take the same number."""
        with self._lock:
            self._ended = True

    def _voice(self, entry: Entry, run: Run) -> _Voice:
        key = (entry.id, run.number)
        if key not in self._voices:
            mine = entry.layers.get(Authority.EXECUTOR.value)
            self._voices[key] = _begun(0 if mine is None else mine.seq, best(entry, "sighting"))
            self._voices.pop((entry.id, run.number - 1), None)
        return self._voices[key]

    def _say(self, entry: Entry, run: Run, voice: _Voice, cells: Mapping[str, Any]) -> None:
        voice.seq += 1
        voice.cells |= cells
        gpu = int(run.gpus[0]) if len(run.gpus) == 1 and run.gpus[0].isdigit() else ",".join(run.gpus) or None
        fixed = {"host": run.host, "gpu": gpu, "retry_count": entry.retry_count}
        document = {**_blank(entry), **fixed, **voice.cells, "attempt": run.number, "seq": voice.seq}
        self._write(entry.id, document)

    def _write(self, experiment: str, document: Mapping[str, Any]) -> None:
        self._keep_aside(experiment)
        write_sidecar(self._layout, self._files, self._key, experiment, document)
        self._written[experiment] = _look_of(self._layout.sidecar(experiment))
        self.spoken.put(experiment + STATUS_SUFFIX)

    def _keep_aside(self, experiment: str) -> None:
        """What somebody else wrote where we are about to write is kept, and folded as an agent's word."""
        theirs = self._foreign(experiment)
        if theirs is None:
            return
        path = self._layout.sidecar(experiment)
        with contextlib.suppress(StoreDamaged):  # a link, a folder: nothing that says anything
            if (data := self._files.read(path, LIMIT)) is not None:
                self._files.replace(path.with_name(path.name + ASIDE), data, durable=False)
        self._overheard.put(theirs)

    def _foreign(self, experiment: str) -> Sidecar | Unreadable | None:
        """What stands in the sidecar if it is not what we wrote; None: ours, or nothing."""
        path = self._layout.sidecar(experiment)
        try:
            if self._written.get(experiment) == _look_of(path):
                return None
        except FileNotFoundError:
            return None
        found = read_sidecar(path, experiment, self._key)
        return None if isinstance(found, Sidecar) and found.authority is Authority.EXECUTOR else found

    def overheard(self) -> list[Sidecar | Unreadable]:
        """What others wrote into our sidecars just before we wrote again."""
        found: list[Sidecar | Unreadable] = []
        while not self._overheard.empty():
            found.append(self._overheard.get())
        return found

    def heard(self) -> list[str]:
        """Names of the sidecars written since this was last asked."""
        names: list[str] = []
        while not self.spoken.empty():
            names.append(self.spoken.get())
        return names


def _begun(seq: int, told: Any) -> _Voice:
    """The voice of an attempt of which a process before us may have spoken: its counts go on."""
    if not isinstance(told, Mapping) or "looks" not in told:
        return _Voice(seq)
    last = parse(Sighting, told)
    return _Voice(seq, last.looks, last.missed, last.log_size if last.grew_at else -1, last.grew_at)


def _look_of(path: Path) -> tuple[int, int, int]:
    seen = path.lstat()
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


def _blank(entry: Entry) -> dict[str, Any]:
    """The readers' keys of a sidecar of which nothing is known yet (row 1.29)."""
    return {
        "status": Status.PENDING.value,
        "started": None,
        "host": None,
        "gpu": None,
        "pid": None,
        "job_id": None,
        "finished": None,
        "wandb_run_id": None,
        "retry_count": entry.retry_count,
        "notes": "",
    }


def _collection(
    found: Mapping[str, Any], log_tail: str, status: int | None, ended_at: datetime | None
) -> dict[str, Any]:
    """What is told of an attempt that is over and collected."""
    word = Status.DONE if found.get("result") in {"fresh", "none"} and status == 0 else Status.FAILED
    cells: dict[str, Any] = {"collected": dict(found), "status": word.value, "finished": stamp(ended_at)}
    return cells | ({"log_tail": log_tail} if log_tail else {})


def _course(sighting: Sighting) -> dict[str, Any]:
    """The readers' keys that a look fills in."""
    if sighting.look is not Look.SEEN:
        return {"notes": f"{sighting.look.value}: {sighting.reason}"}
    if sighting.claim is None:
        return {"notes": ""}
    return {
        "status": Status.RUNNING.value,
        "pid": sighting.claim.pid,
        "started": stamp(sighting.at),
        "notes": "",
    }


def _plain(sighting: Sighting) -> dict[str, Any]:
    """The fields of a sighting alone, whatever a dialect's kind carries beside them; orjson writes what they hold."""
    return dict(zip(_FIELDS, _VALUES(sighting), strict=True))


def _gist(sighting: Sighting) -> dict[str, Any]:
    """A sighting without what changes at every look."""
    host = {one: getattr(sighting.host, one) for one in _HOST_FIELDS}
    return {**_plain(sighting), "host": host, **dict.fromkeys(_CHANGING)}


def _is_dull(sighting: Sighting) -> bool:
    """It runs, or waits to be started: saying it again would be no news."""
    if sighting.look is not Look.SEEN:
        return False
    return sighting.claim is None or sighting.exit is not None or Liveness.ALIVE in (sighting.child, sighting.runner)
