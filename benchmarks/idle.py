"""What the plugin costs a pytest run that does not use it.

The differences are a few milliseconds of runs that take a hundred times as long, so start-up is measured in
processor time, which other programs on the machine disturb least; nothing in it waits.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import Comparison, Figure, in_turns, pytest_run, python

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = 4000
HEAVY = ("requests", "responses", "urllib3", "yaml", "waitress", "ai_api_client_sdk", "ai_core_sdk")
IMPORT = """
import sys, time, pytest
began = time.process_time()
import pytest_aicore.plugin
if "pytest_aicore.fixtures" not in sys.modules:
    for name in getattr(pytest_aicore.plugin, "pytest_plugins", ()):
        __import__(name)
print(time.process_time() - began)
"""
CONFTEST = """
import sys, pytest

@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    print("heavy modules:", sorted({heavy} & set(sys.modules)))
"""


def figures(rounds: int = 101) -> Iterator[Figure]:
    """Measure import, start-up, the price per unrelated test, and which modules are loaded at the end.

    Args:
        rounds: how many pairs of runs to measure.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        (folder / "test_one.py").write_text("def test_one():\n    pass\n", encoding="utf-8")
        (folder / "test_many.py").write_text(
            f"import pytest\n\n@pytest.mark.parametrize('number', range({TESTS}))\ndef test_many(number):\n    pass\n",
            encoding="utf-8",
        )
        yield imports(folder, rounds)

        one = compare(folder, "test_one.py", 1, rounds)
        yield Figure(
            "idle: start-up of a run of one test, over -p no:aicore",
            one.difference * 1e3,
            "ms",
            at_most=5,
            detail=one.medians("ms", 1e3),
        )
        many = compare(folder, "test_many.py", TESTS, max(rounds // 10, 3))
        yield Figure(
            "idle: per unrelated test, over -p no:aicore",
            (many.difference - one.difference) / (TESTS - 1) * 1e6,
            "us",
            at_most=10,
            detail=f"{many.medians('s', 1)} of {TESTS} tests",
        )

        (folder / "conftest.py").write_text(CONFTEST.replace("{heavy}", repr(set(HEAVY))), encoding="utf-8")
        pytest_run(folder, "-s", "test_one.py", expect="heavy modules: []")
        yield Figure("idle: heavy modules loaded at pytest_unconfigure", 0, "modules", at_most=0)


def imports(folder: Path, rounds: int) -> Figure:
    """Return what importing the plugin takes once pytest is imported."""
    python(IMPORT, folder)
    times = [float(python(IMPORT, folder)) * 1e3 for _ in range(rounds)]
    low, _, high = statistics.quantiles(times, n=4)
    return Figure(
        "idle: import of the plugin",
        statistics.median(times),
        "ms",
        at_most=3,
        detail=f"{rounds} interpreters, middle half {low:.2f} to {high:.2f} ms",
    )


def compare(folder: Path, file: str, tests: int, rounds: int) -> Comparison:
    """Measure runs of a file with and without the plugin."""
    return in_turns(
        lambda: pytest_run(folder, file, expect=f"{tests} passed").processor,
        lambda: pytest_run(folder, file, "-p", "no:aicore", expect=f"{tests} passed").processor,
        rounds,
    )
