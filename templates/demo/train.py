"""Train one classifier on one data set and write its macro-averaged F1 on held-out data.

    python train.py --method svm --dataset digits --seed 0 --out result.csv

The seed steers the split and the initialisation: two seeds differ, and running one again gives its value. With
--checkpoint-dir the model is kept after each round, and --resume goes on from there to the same value.
"""

from __future__ import annotations

import argparse
import csv
import os
import socket
import sys
import time
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # a slot is one core, and sums in one order are the same sums each time

import joblib
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from report import report

DATASETS = {"digits": load_digits, "cancer": load_breast_cancer}
ROUNDS = {"logreg": 40, "svm": 40, "forest": 20}
TREES_A_ROUND = 5
PORT_OF_NOBODY = 9  # "discard": nothing listens there
TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h


def main() -> int:
    asked = arguments()
    if asked.source == "mirror":
        ask_the_mirror()
    train, test = halves(asked.dataset, asked.seed, asked.method)
    rounds = 1 if asked.dry_run else ROUNDS[asked.method]
    model, done = begin(asked)
    for number in range(done + 1, rounds + 1):
        one_round(model, number, train)
        f1 = score(model, test)
        print(f"round {number}/{rounds} f1 {f1:.4f}", flush=True)
        report(step=number, steps=rounds, f1=f1)
        keep(asked, model, number)
    f1 = score(model, test)
    if asked.dry_run:
        print("dry run: data, model and one round are fine; nothing was written")
        return 0
    if asked.require > f1:
        raise ValueError(f"f1 {f1:.4f} is below the required {asked.require}")
    write_result(asked, f1)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", required=True, choices=sorted(ROUNDS))
    parser.add_argument("--dataset", required=True, choices=sorted(DATASETS))
    parser.add_argument("--group", default="main")
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--out", type=Path, help="the CSV file to write", required=True)
    parser.add_argument("--checkpoint-dir", type=Path, help="keep the model here after each round")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint, if there is one")
    parser.add_argument("--dry-run", action="store_true", help="one round, nothing written")
    parser.add_argument("--source", choices=["package", "mirror"], default="package", help="where the data comes from")
    parser.add_argument("--require", type=float, default=0.0, help="fail below this F1")
    return parser.parse_args()


def ask_the_mirror() -> None:
    """A data mirror that is down while the first attempt runs and back by the second.

    The error is a real one, from a port where nothing listens; that it is over on the second attempt is the play.
    """
    if os.environ.get("AUTOLAB_ATTEMPT", "1") != "1":
        print("mirror: here, and its copy is the one that came with the package")
        return
    try:
        socket.create_connection(("127.0.0.1", PORT_OF_NOBODY), timeout=5).close()
    except OSError as error:
        print(f"mirror 127.0.0.1:{PORT_OF_NOBODY}: {error.strerror}", file=sys.stderr)
        raise SystemExit(TRY_AGAIN) from None


def halves(dataset: str, seed: int, method: str) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(x, y) to learn from and (x, y) to be judged by, split by the seed and scaled by what is learnt from."""
    x, y = DATASETS[dataset](return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.5, random_state=seed, stratify=y)
    scaler = StandardScaler().fit(x_train)
    x_train, x_test = scaler.transform(x_train), scaler.transform(x_test)
    if method == "svm":  # random Fourier features make a linear machine one with a Gaussian kernel
        features = RBFSampler(gamma=0.3 / x.shape[1], n_components=800, random_state=seed).fit(x_train)
        x_train, x_test = features.transform(x_train), features.transform(x_test)
    return (x_train, y_train), (x_test, y_test)


def begin(asked: argparse.Namespace) -> tuple[SGDClassifier | RandomForestClassifier, int]:
    """The model to train and how many rounds it has had."""
    if asked.resume and asked.checkpoint_dir and checkpoint(asked).exists():
        model, done = joblib.load(checkpoint(asked))
        print(f"resuming after round {done}")
        return model, done
    if asked.method == "forest":
        return RandomForestClassifier(n_estimators=0, warm_start=True, random_state=asked.seed), 0
    loss = "log_loss" if asked.method == "logreg" else "hinge"
    return SGDClassifier(loss=loss, average=True, random_state=asked.seed), 0


def one_round(model: SGDClassifier | RandomForestClassifier, number: int, train: tuple[np.ndarray, np.ndarray]) -> None:
    """One pass over the data, or a few more trees."""
    x, y = train
    if isinstance(model, RandomForestClassifier):
        model.set_params(n_estimators=number * TREES_A_ROUND).fit(x, y)
    else:
        model.partial_fit(x, y, classes=np.unique(y))


def score(model: SGDClassifier | RandomForestClassifier, test: tuple[np.ndarray, np.ndarray]) -> float:
    x, y = test
    return float(f1_score(y, model.predict(x), average="macro"))


def checkpoint(asked: argparse.Namespace) -> Path:
    return Path(asked.checkpoint_dir) / f"{asked.method}_{asked.dataset}_s{asked.seed}.joblib"


def keep(asked: argparse.Namespace, model: SGDClassifier | RandomForestClassifier, done: int) -> None:
    """The model and its rounds, renamed into place so that a cut never leaves half of it."""
    if asked.checkpoint_dir and not asked.dry_run:
        path = checkpoint(asked)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}.tmp")
        joblib.dump((model, done), beside)
        beside.replace(path)


def write_result(asked: argparse.Namespace, f1: float) -> None:
    experiment = os.environ.get("AUTOLAB_ID") or f"{asked.method}_{asked.dataset}_{asked.group}_s{asked.seed}"
    row = {
        "exp_id": experiment,
        "method": asked.method,
        "dataset": asked.dataset,
        "group": asked.group,
        "metric": "f1",
        "seed": asked.seed,
        "value": f"{f1:.6f}",
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    with asked.out.open("w", newline="") as out:
        table = csv.DictWriter(out, fieldnames=list(row))
        table.writeheader()
        table.writerow(row)
    print(f"{asked.out}: f1 {f1:.4f}")


if __name__ == "__main__":
    started = time.monotonic()
    status = main()
    print(f"{time.monotonic() - started:.1f} s")
    sys.exit(status)
