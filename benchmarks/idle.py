"""What the plugin costs a pytest run that does not use it.

The differences are a few milliseconds of runs that take a hundred times as long, so start-up is measured in
processor time, which other programs on the machine disturb least; nothing in it waits.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import Comparison, Figure, in_turns, pytest_run, python, without_others

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = 1000
HEAVY = ("requests", "responses", "urllib3", "yaml", "waitress", "ai_api_client_sdk", "ai_core_sdk")
IMPORT = """
import time, pytest
began = time.process_time()
import pytest_aicore.plugin, pytest_aicore.fixtures
print(time.process_time() - began)
"""
MANY = """
import contextlib, gc, io, json, sys, time, pytest

def run(*arguments):
    gc.collect()
    began = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        status = pytest.main(["-p", "no:cacheprovider", "test_many.py", *{others}, *arguments])
    took = time.process_time() - began
    assert status == 0 and "{tests} passed" in printed.getvalue(), printed.getvalue()
    return took

run(), run("-p", "no:aicore")
pairs = []
for number in range({rounds}):
    if number % 2:
        theirs, ours = run("-p", "no:aicore"), run()
    else:
        ours, theirs = run(), run("-p", "no:aicore")
    pairs.append((ours, theirs))
print(json.dumps(pairs))
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

        one = in_turns(
            lambda: pytest_run(folder, "test_one.py", expect="1 passed").processor,
            lambda: pytest_run(folder, "test_one.py", "-p", "no:aicore", expect="1 passed").processor,
            rounds,
        )
        yield Figure(
            "idle: start-up of a run of one test, over -p no:aicore",
            one.difference * 1e3,
            "ms",
            at_most=4,
            detail=one.medians("ms", 1e3),
        )
        many = unrelated(folder, rounds)
        yield Figure(
            "idle: per unrelated test, over -p no:aicore",
            many.difference / TESTS * 1e6,
            "us",
            at_most=10,
            detail=f"{many.medians('ms', 1e3)} of {TESTS} tests",
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
        at_most=1.5,
        detail=f"{rounds} interpreters, middle half {low:.2f} to {high:.2f} ms",
    )


def unrelated(folder: Path, rounds: int) -> Comparison:
    """Measure runs of many tests with and without the plugin, all in one interpreter, after start-up."""
    code = MANY.replace("{others}", repr(without_others())).replace("{tests}", str(TESTS))
    pairs = json.loads(python(code.replace("{rounds}", str(rounds)), folder))
    return Comparison(tuple(ours for ours, _ in pairs), tuple(theirs for _, theirs in pairs))
