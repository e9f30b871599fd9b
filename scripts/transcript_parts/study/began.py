"""What every command does first: write down that it began, and lock its cards.

The ledger is how we know afterwards that none ran twice; the locks how we know that no card was shared.
"""

import fcntl
import os

with open(os.environ["AUTOLAB_PROJECT_DIR"] + "/began", "a") as ledger:
    ledger.write(f"{os.environ['AUTOLAB_ID']} {os.environ['AUTOLAB_ATTEMPT']}\n")

locks = []  # held until the process ends
for card in filter(None, os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")):
    locks.append(os.open(f"/tmp/card-{card}", os.O_CREAT | os.O_RDWR))
    try:
        fcntl.flock(locks[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"card {card} is another job's") from None
