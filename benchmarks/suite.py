"""100 isolated acceptance tests of 8 API calls, pytest's start included."""

from __future__ import annotations

import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import Comparison, Figure, in_turns, pytest_run
from benchmarks.service import WORKFLOW

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAPES = Path(__file__).parent / "shapes"
TESTS = "100 passed"


def figures(rounds: int = 15, rounds_of_moto: int = 3) -> Iterator[Figure]:
    """Measure the emulator's fixtures against stubs by hand and against moto's SageMaker training jobs.

    Args:
        rounds: how many pairs of runs to measure against stubs.
        rounds_of_moto: how many against moto; each takes about half a minute.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        (folder / "workflows").mkdir()
        shutil.copy(WORKFLOW, folder / "workflows")
        for shape in SHAPES.glob("*.py"):
            shutil.copy(shape, folder)
        compared = compare(folder, "stubs_by_hand.py", rounds)
        yield Figure(
            "suite: 100 tests of 8 calls with the emulator, over stubs by hand",
            compared.ratio,
            "x",
            at_most=1.2,
            detail=compared.medians("s", 1),
        )
        if find_spec("moto") is None:
            raise RuntimeError("moto is not installed: CONTRIBUTING.md says how to set up the benchmarks.")
        compared = compare(folder, "moto_sagemaker.py", rounds_of_moto)
        yield Figure(
            "suite: 100 tests of 8 calls with the emulator, faster than moto's SageMaker",
            1 / compared.ratio,
            "x",
            at_least=10,
            detail=compared.medians("s", 1),
        )


def compare(folder: Path, theirs: str, rounds: int) -> Comparison:
    """Measure runs of the emulator's shape and of another in turns."""
    return in_turns(
        lambda: pytest_run(folder, "with_emulator.py", expect=TESTS).wall,
        lambda: pytest_run(folder, theirs, "-p", "no:aicore", expect=TESTS).wall,
        rounds,
    )
