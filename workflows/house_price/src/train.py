"""Train a regression tree that predicts what a house will be sold for.

Reads /app/table/table.csv, and writes /app/model/model.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from datetime import datetime, timezone
from pathlib import Path
from statistics import fmean
from typing import Any

from ai_core_sdk.models import Metric
from ai_core_sdk.tracking import Tracking

TABLE = Path("/app/table/table.csv")
MODEL = Path("/app/model")
COLUMNS = ("price_per_m2", "km_to_centre", "area_m2", "rooms", "age_years")
LEAST = 4
"""A leaf of the tree is made of at least so many sales."""

Sale = tuple[tuple[float, ...], float]
"""The values of the columns, and the price."""


def main() -> None:
    """Read, train, test, log and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max-depth", type=int, required=True)
    parser.add_argument("--test-share", type=float, default=0.2)
    arguments = parser.parse_args()
    sales = read(TABLE)
    random.Random(0).shuffle(sales)  # noqa: S311  not for secrets
    kept_back = sales[: round(len(sales) * arguments.test_share)]
    trained = sales[len(kept_back) :]
    print(f"{len(trained)} sales to train with, {len(kept_back)} to test with", flush=True)
    tree = grow(trained, arguments.max_depth)
    values = {"r2": explained(tree, kept_back), "leaves": float(leaves(tree))}
    print(f"depth {arguments.max_depth}: {values}", flush=True)
    now = datetime.now(timezone.utc)
    Tracking().log_metrics([Metric(name=name, value=value, timestamp=now) for name, value in values.items()])
    model = {"columns": COLUMNS, "tree": tree}
    (MODEL / "model.json").write_text(json.dumps(model, indent=1), encoding="utf-8")


def read(file: Path) -> list[Sale]:
    """Return the sales of a table."""
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    return [(tuple(float(row[column]) for column in COLUMNS), float(row["price"])) for row in rows]


def grow(sales: list[Sale], depth: int) -> Any:
    """Return a tree: a price, or a column with a limit and the trees on both sides of it."""
    best = None
    if depth > 0:
        splits = [split(sales, column, limit) for column, limit in limits(sales)]
        best = min((each for each in splits if min(map(len, each[2:])) >= LEAST), key=error, default=None)
    if best is None:
        return round(fmean(price for _, price in sales))
    column, limit, below, above = best
    return {"column": COLUMNS[column], "limit": limit, "below": grow(below, depth - 1), "above": grow(above, depth - 1)}


def limits(sales: list[Sale]) -> list[tuple[int, float]]:
    """Return the columns with the values at which the sales can be split."""
    return [
        (column, limit)
        for column in range(len(COLUMNS))
        for limit in sorted({values[column] for values, _ in sales})[1:]
    ]


def split(sales: list[Sale], column: int, limit: float) -> tuple[int, float, list[Sale], list[Sale]]:
    """Return column and limit with the sales below it and the others."""
    below = [sale for sale in sales if sale[0][column] < limit]
    return column, limit, below, [sale for sale in sales if sale[0][column] >= limit]


def error(split: tuple[int, float, list[Sale], list[Sale]]) -> float:
    """Return the squared error that remains on both sides."""
    remaining = 0.0
    for side in split[2:]:
        prices = [price for _, price in side]
        mean = fmean(prices)
        remaining += sum((price - mean) ** 2 for price in prices)
    return remaining


def predict(tree: Any, values: tuple[float, ...]) -> float:
    """Return the price that a tree gives to a house."""
    while isinstance(tree, dict):
        tree = tree["below" if values[COLUMNS.index(tree["column"])] < tree["limit"] else "above"]
    return float(tree)


def leaves(tree: Any) -> int:
    """Return how many prices a tree knows."""
    return leaves(tree["below"]) + leaves(tree["above"]) if isinstance(tree, dict) else 1


def explained(tree: Any, sales: list[Sale]) -> float:
    """Return the share of the variance of the prices that the tree explains (R squared)."""
    mean = fmean(price for _, price in sales)
    remaining = sum((predict(tree, values) - price) ** 2 for values, price in sales)
    return 1 - remaining / sum((price - mean) ** 2 for _, price in sales)


if __name__ == "__main__":
    main()
