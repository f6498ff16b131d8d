"""Train a classifier of contracts by boosting: many small corrections, each by one column and one limit.

Reads /app/rows/train.csv and /app/rows/test.csv, and writes /app/model/model.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from datetime import datetime, timezone
from pathlib import Path

from ai_core_sdk.models import Metric
from ai_core_sdk.tracking import Tracking

ROWS = Path("/app/rows")
MODEL = Path("/app/model")
COLUMNS = ("months", "monthly_fee", "calls_to_support", "pays_by_card")
ROUNDS = 40
LOGGED_EACH = 10
"""The metrics are logged after each so many rounds."""

Contract = tuple[tuple[float, ...], int]
"""The values of the columns, and whether the customer has left."""
Stump = tuple[int, float, float, float]
"""Column, limit, and what is added to the score below the limit and above it."""


def main() -> None:
    """Read, train, log and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning-rate", type=float, default=0.05)
    rate = parser.parse_args().learning_rate
    trained, kept_back = read(ROWS / "train.csv"), read(ROWS / "test.csv")
    tracking = Tracking()
    stumps: list[Stump] = []
    scores = [0.0] * len(trained)
    for number in range(1, ROUNDS + 1):
        column, limit, below, above = fitted(trained, scores)
        stump = (column, limit, rate * below, rate * above)
        stumps.append(stump)
        scores = [score + added(stump, values) for score, (values, _) in zip(scores, trained, strict=True)]
        if number % LOGGED_EACH == 0:
            values = {"loss": loss(trained, scores), "accuracy": accuracy(stumps, kept_back)}
            print(f"round {number}: {values}", flush=True)
            now = datetime.now(timezone.utc)
            tracking.log_metrics(
                [Metric(name=name, value=value, timestamp=now, step=number) for name, value in values.items()]
            )
    model = {"columns": COLUMNS, "learning_rate": rate, "stumps": stumps}
    (MODEL / "model.json").write_text(json.dumps(model, indent=1), encoding="utf-8")


def read(file: Path) -> list[Contract]:
    """Return the contracts of a file."""
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    return [(tuple(float(row[column]) for column in COLUMNS), int(row["left"])) for row in rows]


def chance(score: float) -> float:
    """Return how likely a customer leaves, by the score."""
    return 1 / (1 + math.exp(-score))


def fitted(contracts: list[Contract], scores: list[float]) -> Stump:
    """Return the stump that corrects the scores best: a Newton step on each of its sides."""
    best: tuple[float, Stump] | None = None
    chances = [chance(score) for score in scores]
    for column in range(len(COLUMNS)):
        for limit in sorted({values[column] for values, _ in contracts})[1:]:
            sides = [[0.0, 1e-9], [0.0, 1e-9]]
            for (values, left), likely in zip(contracts, chances, strict=True):
                side = sides[values[column] >= limit]
                side[0] += left - likely
                side[1] += likely * (1 - likely)
            gain = sum(gradient**2 / weight for gradient, weight in sides)
            if best is None or gain > best[0]:
                below, above = (gradient / weight for gradient, weight in sides)
                best = gain, (column, limit, below, above)
    if best is None:
        raise SystemExit("all contracts are the same: there is nothing to learn")
    return best[1]


def added(stump: Stump, values: tuple[float, ...]) -> float:
    """Return what a stump adds to the score of a contract."""
    column, limit, below, above = stump
    return above if values[column] >= limit else below


def loss(contracts: list[Contract], scores: list[float]) -> float:
    """Return the mean log loss."""
    chances = [chance(score) for score in scores]
    likely = [each if left else 1 - each for each, (_, left) in zip(chances, contracts, strict=True)]
    return -sum(map(math.log, likely)) / len(likely)


def accuracy(stumps: list[Stump], contracts: list[Contract]) -> float:
    """Return the share of the contracts that are classified correctly."""
    right = [(sum(added(stump, values) for stump in stumps) > 0) == bool(left) for values, left in contracts]
    return sum(right) / len(right)


if __name__ == "__main__":
    main()
