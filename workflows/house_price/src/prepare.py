"""Join what houses were sold for with what is known of their districts.

Reads the CSV files in /app/sales and /app/districts, and writes /app/table/table.csv.
"""

from __future__ import annotations

import csv
from pathlib import Path

SALES = Path("/app/sales")
DISTRICTS = Path("/app/districts")
TABLE = Path("/app/table")


def main() -> None:
    """Read both, join them, write the table."""
    districts = {row["district"]: row for row in rows_in(DISTRICTS)}
    table = [{**districts[sale["district"]], **sale} for sale in rows_in(SALES) if sale["district"] in districts]
    with (TABLE / "table.csv").open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    print(f"{len(table)} sales in {len(districts)} districts", flush=True)


def rows_in(folder: Path) -> list[dict[str, str]]:
    """Return the rows of all CSV files in a folder."""
    rows = []
    for file in sorted(folder.glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as opened:
            rows += list(csv.DictReader(opened))
    if not rows:
        raise SystemExit(f"{folder} has no CSV file with rows")
    return rows


if __name__ == "__main__":
    main()
