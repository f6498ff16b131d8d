"""How many mutants of the modules that start, stop and pay for trainings the fast tests kill.

    python -m benchmarks mutants                            # all of them: an hour
    python -m benchmarks mutants training/live/ledger.py         # a module
    python -m benchmarks mutants --sample 72 --seed 9       # so many of all of them, drawn by a seed

A mutant that no test kills is printed with what it changes. One that cannot be distinguished from the original is in
`benchmarks/equivalent_mutants.py` with the reason; it counts neither as killed nor as alive.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.equivalent_mutants import is_equivalent
from benchmarks.measuring import Figure, table
from benchmarks.mutant_runner import ROOT, Runner
from benchmarks.mutating import Mutant, mutants_of

LEAST = 95.0
"""Percent of the mutants of a module that its tests must kill."""
TESTS = {
    "cli/sweep.py": ("tests/training/live/test_swept.py", "tests/training/live/sessions/test_sweeping.py"),
    "hooks/secrets.py": ("tests/hooks/test_hiding.py", "tests/hooks/test_hidden_pieces.py"),
    "training/service/api.py": (
        "tests/training/service/test_client.py",
        "tests/training/service/test_answers.py",
        "tests/training/test_making.py",
        "tests/training/test_run.py",
    ),
    "training/service/failures.py": ("tests/training/service/test_client.py", "tests/training/service/test_answers.py"),
    "training/service/sdk.py": ("tests/training/service/test_client.py", "tests/training/test_run.py"),
    "training/live/fleet.py": ("tests/training/live/test_many_at_once.py",),
    "training/live/live_training.py": ("tests/training/live/test_live_training.py",),
    "training/live/ledger.py": (
        "tests/training/live/test_ledger_entries.py",
        "tests/training/live/test_ledger.py",
        "tests/training/live/test_ledger_lines.py",
    ),
    "training/maker.py": ("tests/training/test_made_once.py", "tests/training/test_making.py"),
    "training/live/stop.py": ("tests/training/live/test_what_is_stopped.py", "tests/training/live/test_stopping.py"),
    "training/service/tokens.py": ("tests/training/service/test_tokens.py",),
}
"""The tests, without sessions in other processes, that look at a module."""


def figures_of(module: str, chosen: list[Mutant], jobs: int) -> Figure:
    """Run the tests of a module against mutants of it, and print those that live.

    Args:
        module: path below the package.
        chosen: the mutants.
        jobs: how many at once.
    """
    runner = Runner(module, TESTS[module])
    runner.measure()
    print(f"{module}: {len(chosen)} mutants, tests take {runner.seconds:.1f} s", file=sys.stderr, flush=True)
    counted: Counter[str] = Counter()
    with ThreadPoolExecutor(jobs) as pool:
        outcomes = pool.map(lambda mutant: runner.outcome(mutant.source, mutant.lines), chosen)
        for mutant, outcome in zip(chosen, outcomes, strict=True):
            if outcome in ("survived", "not met") and is_equivalent(module, mutant.where, mutant.diff):
                outcome = "equivalent"
            counted[outcome] += 1
            if sum(counted.values()) % 50 == 0:
                print(f"{module}: {dict(counted)}", file=sys.stderr, flush=True)
            if outcome in ("survived", "not met"):
                print(f"{module}:{mutant.lines.start} {mutant.where}, mutant {mutant.number}: {outcome}")
                print(mutant.diff, flush=True)
    found = sum(counted.values()) - counted["equivalent"]
    killed = counted["killed"] + counted["timeout"]
    said = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counted.items()))
    return Figure(f"{module}: mutants killed", 100 * killed / max(found, 1), "%", at_least=LEAST, detail=said)


def main(arguments: list[str]) -> int:
    """Run what the command line asks for; the exit status is 1 if a module misses its target."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"any of {', '.join(TESTS)}")
    parser.add_argument("--sample", type=int, metavar="N", help="so many mutants of all these modules together")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at once")
    given = parser.parse_args(arguments)
    unknown = sorted({*given.modules} - {*TESTS})
    if unknown:
        parser.error(f"no tests are known for {', '.join(unknown)}; there are {', '.join(TESTS)}")
    everything = [
        (module, mutant)
        for module in given.modules or TESTS
        for mutant in mutants_of(Path(ROOT, "pytest_aicore", module).read_text(encoding="utf-8"))
    ]
    if given.sample is not None and given.sample < len(everything):
        drawn = random.Random(given.seed).sample(range(len(everything)), given.sample)
        everything = [everything[index] for index in sorted(drawn)]
    figures = [
        figures_of(module, [mutant for its, mutant in everything if its == module], given.jobs)
        for module in dict(everything)
    ]
    print(*table(figures), sep="\n")
    return 0 if all(figure.met for figure in figures) else 1
