"""Write an HTML page on the contracts that a model is trained with.

Reads /app/rows/train.csv, and writes /app/report.html.
"""

from __future__ import annotations

import csv
from html import escape
from pathlib import Path
from statistics import fmean

ROWS = Path("/app/rows/train.csv")
REPORT = Path("/app/report.html")


def main() -> None:
    """Read the rows, write the page."""
    with ROWS.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    means = {column: fmean(float(row[column]) for row in rows) for column in rows[0]}
    lines = [f"<tr><td>{escape(column)}</td><td>{mean:.2f}</td></tr>" for column, mean in means.items()]
    table = "\n".join(["<table>", "<tr><th>column</th><th>mean</th></tr>", *lines, "</table>"])
    REPORT.write_text(
        f"<!doctype html>\n<title>Contracts</title>\n<h1>{len(rows)} contracts</h1>\n{table}\n", encoding="utf-8"
    )
    print(f"report on {len(rows)} contracts", flush=True)


if __name__ == "__main__":
    main()
