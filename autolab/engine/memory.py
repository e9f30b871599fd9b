"""What a long-lived engine asks of Python's collector of cycles."""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 100_000  # objects made before the collector looks at them; Python's own number is 700


def spare_the_collector() -> None:
    """Let the collector leave alone what stays, and look rarely at what is new. For a process that is ours.

    A lab of 10,000 experiments is some 400,000 objects that live as long as the process and hold no cycles. Looking
    through them again and again took a third of the time of a storm of sidecars.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
