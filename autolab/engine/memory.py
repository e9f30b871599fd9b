"""What a long-lived engine asks of Python's collector of cycles, and of the C library's memory."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from typing import Final

LARGE: Final = 1 << 20  # bytes; what is larger is taken from the system alone, and given back at once
_M_MMAP_THRESHOLD: Final = -3  # mallopt(3)
MANY: Final = 2_000  # events after which much may be free that the C library still holds
YOUNG: Final = 500_000  # objects made before the collector looks; Python's own number is 700, a storm makes 150,000


def spare_the_collector() -> None:
    """Let the collector leave alone what stays, and look rarely at what is new. For a process that is ours.

    A lab of 10,000 experiments is some 400,000 objects that live as long as the process and hold no cycles. Looking
    through them again and again took a third of the time of a storm of sidecars.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)


def give_back_large_blocks() -> None:
    """Keep the size of a state from staying with the process each time it was rendered. For a process that is ours.

    Left alone, glibc learns from a freed block of 14 MB to keep the next ones: 30 MiB at 10,000 experiments. Other
    C libraries have no such call and no such habit.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE)


def give_back_what_is_free() -> None:
    """Return pages in the midst of the C library's memory that nothing is in any more. For a process that is ours.

    glibc gives back the end of its memory alone: of a state of 10,000 experiments, read from its text or rendered,
    30 MiB stay otherwise.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
