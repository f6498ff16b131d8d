"""Reading a template: text to tree with places, and the executable of it, against PyYAML's bare nodes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from benchmarks.measuring import Figure, in_turns, timed
from pytest_aicore.workflows import parse_template

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 40
TEMPLATE = Path(__file__).parents[1] / "workflows" / "training_workflow_tutorial.yaml"  # 2 kB


def figures() -> Iterator[Figure]:
    """Yield the time of one template, and its ratio to PyYAML's own nodes."""
    text = TEMPLATE.read_bytes()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = in_turns(
        lambda: timed(20, lambda: parse_template(text).executable),
        lambda: timed(20, lambda: yaml.compose(text, loader)),
        ROUNDS,
    )
    milliseconds = sorted(found.ours)[ROUNDS // 2] * 1000
    parser = "libyaml" if yaml.__with_libyaml__ else "PyYAML's own parser"
    yield Figure("read a 2 kB template and derive its executable", milliseconds, "ms", at_most=1.5, detail=parser)
    yield Figure("  against yaml.compose", found.ratio, "x", detail=found.medians("ms", 1000))
