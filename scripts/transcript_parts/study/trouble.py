"""Trains, and misbehaves in one of the ways in which trainings misbehave: trouble.py KIND [arguments of train.py]."""

import os
import runpy
import signal
import subprocess
import sys
import time

kind = sys.argv.pop(1)
if "--dry-run" in sys.argv:
    raise SystemExit(0)
import began  # noqa: E402,F401 - it does what it says

first = os.environ["AUTOLAB_ATTEMPT"] == "1"


def flag(name, default):
    return float(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


def fail(text, status=1):
    print('Traceback (most recent call last):\n  File "train.py", line 88, in <module>', file=sys.stderr)
    print(text, file=sys.stderr)
    raise SystemExit(status)


print(f"starting with {sys.argv[1:]}", flush=True)
time.sleep(70)  # it loads its data
if kind == "memory" and flag("--batch-size", 128) > flag("--fits", 32):
    fail(
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB"
    )
if kind == "nan" and flag("--grad-clip", 100) > 1:
    print("step 1 loss 2.31\nstep 2 loss 871.20\nstep 3 loss nan", flush=True)
    fail("FloatingPointError: loss is not finite")
if kind == "module":
    fail("ModuleNotFoundError: No module named 'einops'")
if kind == "data" and not os.path.exists(os.environ["AUTOLAB_PROJECT_DIR"] + "/data/spirals"):
    fail("KeyError: 'spirals'")
if kind == "connection" and first:
    fail("ConnectionResetError: [Errno 104] Connection reset by peer")
if kind == "killed" and first:
    os.kill(os.getpid(), signal.SIGKILL)
if kind == "silent":
    time.sleep(420)
if kind == "endless":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        print("waiting for the other ranks", flush=True)
        time.sleep(5)
if kind == "survivor":
    subprocess.Popen(["sleep", "100000"])
if kind == "words":
    print("config: {'on_nan': 'stop', 'loss': 'nan-safe'}\nif you see CUDA out of memory, lower --batch-size")
if kind == "no_result":
    print("done, nothing was written")
    raise SystemExit(0)
if kind == "bad_result":
    with open(sys.argv[sys.argv.index("--out") + 1], "w") as out:
        out.write("step,accuracy,loss\n1,0.9,0.1\n")
    raise SystemExit(0)
runpy.run_path(os.path.join(os.path.dirname(__file__), "train.py"), run_name="__main__")
