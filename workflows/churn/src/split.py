"""Split contracts into rows to train with and rows to test with.

Reads the CSV files in /app/contracts, and writes /app/rows/train.csv and /app/rows/test.csv.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

CONTRACTS = Path("/app/contracts")
ROWS = Path("/app/rows")
TEST_SHARE = 0.25


def main() -> None:
    """Read, shuffle, split and write."""
    contracts = []
    for file in sorted(CONTRACTS.glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as opened:
            contracts += list(csv.DictReader(opened))
    if not contracts:
        raise SystemExit(f"{CONTRACTS} has no CSV file with contracts")
    random.Random(0).shuffle(contracts)  # noqa: S311  not for secrets
    kept_back = round(len(contracts) * TEST_SHARE)
    for name, rows in (("test", contracts[:kept_back]), ("train", contracts[kept_back:])):
        with (ROWS / f"{name}.csv").open("w", encoding="utf-8", newline="") as opened:
            writer = csv.DictWriter(opened, list(contracts[0]))
            writer.writeheader()
            writer.writerows(rows)
        print(f"{len(rows)} contracts for {name}.csv", flush=True)


if __name__ == "__main__":
    main()
