"""Fits a small classifier by stochastic gradient descent; needs nothing but Python."""

import argparse
import math
import os
import pathlib
import random
import time

parser = argparse.ArgumentParser()
for name in ("method", "dataset", "out"):
    parser.add_argument(f"--{name}")
parser.add_argument("--seed", type=int)
parser.add_argument("--batch-size", type=int, default=50)
parser.add_argument("--seconds", type=float, default=20, help="how long it goes on")
parser.add_argument("--dry-run", action="store_true")
args, _ = parser.parse_known_args()
if args.dry_run:
    raise SystemExit(0)
import began  # noqa: E402,F401 - it does what it says

chance = random.Random(f"{args.dataset} {args.seed}")


def moons(n):
    for _ in range(n):
        kind, turn = chance.random() < 0.5, chance.uniform(0, math.pi)
        x, y = math.cos(turn), math.sin(turn)
        yield (1 - x if kind else x) + chance.gauss(0, 0.2), (0.5 - y if kind else y) + chance.gauss(0, 0.2), kind


def rings(n):
    for _ in range(n):
        kind, turn = chance.random() < 0.5, chance.uniform(0, 2 * math.pi)
        radius = (1.0 if kind else 0.5) + chance.gauss(0, 0.15)
        yield radius * math.cos(turn), radius * math.sin(turn), kind


points = list({"moons": moons, "rings": rings}[args.dataset](1000))
ended, step = time.monotonic() + args.seconds, 0
weights, speed = [0.0] * 6, [0.0] * 6
while time.monotonic() < ended:
    loss, step = 0.0, step + 1
    for x, y, kind in chance.sample(points[:500], min(args.batch_size, 500)):
        seen = (1, x, y, x * x, y * y, x * y)
        guess = 1 / (1 + math.exp(-sum(w * s for w, s in zip(weights, seen, strict=True))))
        loss -= math.log(max(guess if kind else 1 - guess, 1e-9)) / args.batch_size
        for i, s in enumerate(seen):
            speed[i] = (0.9 * speed[i] if args.method == "momentum" else 0) + (guess - kind) * s
            weights[i] -= 0.01 * speed[i]
    if step % 20 == 1:
        print(f"step {step} loss {loss:.4f}", flush=True)
    time.sleep(0.5)


def right(x, y, kind):
    seen = (1, x, y, x * x, y * y, x * y)
    return (sum(w * s for w, s in zip(weights, seen, strict=True)) > 0) == kind


accuracy = sum(right(*point) for point in points[500:]) / 500
pathlib.Path(args.out).write_text(
    "exp_id,method,dataset,group,metric,seed,value\n"
    f"{os.environ['AUTOLAB_ID']},{args.method},{args.dataset},main,accuracy,{args.seed},{accuracy}\n"
)
print(f"accuracy {accuracy}")
