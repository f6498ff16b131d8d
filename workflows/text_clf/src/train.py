"""Train a decision tree that tells classes of texts apart by the words that they contain.

Reads the CSV files in /app/data, which have the columns `text` and `class`, and writes /app/model/model.json. The
variable DEPTH limits the tree. There is nothing in it that a laptop could not do in a second, so that the way from data
to a model can be tested; a real training would use scikit-learn.
"""

from __future__ import annotations

import csv
import json
import os
import re
import time
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ai_core_sdk.models import Metric
from ai_core_sdk.tracking import Tracking

DATA = Path("/app/data")
MODEL = Path("/app/model")
KEPT_BACK = 4
"""Every fourth text is kept back for the test."""

Example = tuple[frozenset[str], str]
"""The words of a text, and its class."""


def main() -> None:
    """Read, train, test, log and save."""
    began = time.monotonic()
    depth = int(os.environ.get("DEPTH", "3"))
    examples = read(DATA)
    trained = [example for number, example in enumerate(examples) if number % KEPT_BACK]
    kept_back = examples[::KEPT_BACK]
    print(f"{len(trained)} texts to train with, {len(kept_back)} to test with, depth {depth}", flush=True)
    tree = grow(trained, depth)
    accuracy = sum(classify(tree, words) == label for words, label in kept_back) / len(kept_back)
    print(f"accuracy {accuracy:.3f} after {time.monotonic() - began:.2f} s", flush=True)
    log("accuracy", accuracy)
    model = {"classes": sorted({label for _, label in trained}), "depth": depth, "tree": tree}
    (MODEL / "model.json").write_text(json.dumps(model, indent=1), encoding="utf-8")


def read(folder: Path) -> list[Example]:
    """Return the examples of all CSV files in a folder."""
    examples = []
    for file in sorted(folder.glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as opened:
            examples += [(words_of(row["text"]), row["class"]) for row in csv.DictReader(opened)]
    if not examples:
        raise SystemExit(f"{folder} has no texts: expected CSV files with the columns text and class")
    return examples


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(re.findall(r"[a-z]+", text.lower()))


def grow(examples: list[Example], depth: int) -> Any:
    """Return a tree: a class, or a word with a tree for texts that contain it and one for the others."""
    classes = Counter(label for _, label in examples)
    if depth == 0 or len(classes) == 1:
        return classes.most_common(1)[0][0]
    word = min(sorted({word for words, _ in examples for word in words}), key=lambda word: mixed(examples, word))
    sides = split(examples, word)
    if not all(sides):
        return classes.most_common(1)[0][0]
    return {"word": word, "with": grow(sides[0], depth - 1), "without": grow(sides[1], depth - 1)}


def split(examples: list[Example], word: str) -> tuple[list[Example], list[Example]]:
    """Return the examples that contain a word, and those that do not."""
    return [each for each in examples if word in each[0]], [each for each in examples if word not in each[0]]


def mixed(examples: list[Example], word: str) -> float:
    """Return how mixed the classes are on both sides of a word (Gini impurity, by the size of the sides)."""
    return sum(
        len(side) - sum(count**2 for count in Counter(label for _, label in side).values()) / len(side)
        for side in split(examples, word)
        if side
    )


def classify(tree: Any, words: frozenset[str]) -> str:
    """Return the class that a tree gives to a text of these words."""
    while isinstance(tree, dict):
        tree = tree["with" if tree["word"] in words else "without"]
    return str(tree)


def log(name: str, value: float) -> None:
    """Log a metric; outside of AI Core the SDK only says that nobody keeps it."""
    Tracking().log_metrics([Metric(name=name, value=value, timestamp=datetime.now(timezone.utc))])


if __name__ == "__main__":
    main()
