"""What other programs and agents write beside us: sidecars that came before their experiment, and escalations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from autolab.model.observation import Escalation, Sidecar
from autolab.model.state import DispatchState
from autolab.store.files import Files
from autolab.store.hashes import digest_of
from autolab.store.layout import Layout

STRAYS_MAX: Final = 10_000  # sidecars of experiments that nobody added, kept for when somebody does
TEXT_MAX: Final = 4000  # characters of an escalation that a question shows
_LIMIT: Final = 1 << 20
_NAME: Final = re.compile(r"escalate_(.+)\.md")
_SECTION: Final = re.compile(r"(?m)^(?=## )")
_OURS: Final = re.compile(r"## ((\S+)-\d+)\n")


class Others:
    """Remembers, in this process, what it has read of them."""

    def __init__(self, layout: Layout, files: Files) -> None:
        self._layout, self._files = layout, files
        self._strays: dict[str, Sidecar] = {}
        self._seen: dict[str, tuple[int, int]] = {}

    def keep(self, state: DispatchState, sidecars: Iterable[Sidecar]) -> dict[str, Sidecar]:
        """Sidecars that speak of no experiment yet, these among them: the last word of each."""
        for sidecar in sidecars:
            if sidecar.id not in state.entries and len(self._strays) < STRAYS_MAX:
                self._strays[sidecar.id] = sidecar
        return dict(self._strays)

    def arrived(self, state: DispatchState) -> list[Sidecar]:
        """Those whose experiment has been added since; each is given once."""
        return [self._strays.pop(ident) for ident in list(self._strays) if ident in state.entries]

    def escalations(self, state: DispatchState) -> list[Escalation]:
        """What agents wrote into ``progress/escalate_<ID>.md`` since the last time; our own questions are left out."""
        folder = self._layout.progress
        found: list[Escalation] = []
        for path in sorted(folder.glob("escalate_*.md")) if folder.is_dir() else ():
            name = _NAME.fullmatch(path.name)
            if name is None or name[1] not in state.entries or path.is_symlink():
                continue
            seen = path.stat()
            signature = (seen.st_mtime_ns, seen.st_size)
            if self._seen.get(path.name) == signature or seen.st_size > _LIMIT:
                continue
            self._seen[path.name] = signature
            text = (self._files.read(path, _LIMIT) or b"").decode("utf-8", "replace")
            if theirs := "\n".join(_theirs(text, name[1])).strip():
                found.append(Escalation(id=name[1], text=theirs[:TEXT_MAX], digest=digest_of(theirs.encode())))
        return found


def _theirs(text: str, experiment: str) -> Iterator[str]:
    """The parts of an escalation file that no question of ours wrote."""
    for section in _SECTION.split(text):
        head = _OURS.match(section)
        ours = head is not None and head[2] == experiment and f"\nquestion: {head[1]}\n" in section
        if not ours and section.strip():
            yield section.strip()
