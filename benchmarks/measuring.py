"""How the benchmarks measure: two things in turns within one run, medians of pairs, one table."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distributions, entry_points, version
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured figure and the target it has to meet.

    Args:
        name: what was measured.
        value: the median.
        unit: `ms`, `x`, ...
        at_most: the target, if it is an upper one.
        at_least: the target, if it is a lower one.
        detail: the medians behind a ratio or a difference, and how far they spread.
    """

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    detail: str = ""

    @property
    def met(self) -> bool:
        """Whether the figure meets its target; a figure without one does."""
        return not (
            (self.at_most is not None and self.value > self.at_most)
            or (self.at_least is not None and self.value < self.at_least)
        )

    @property
    def target(self) -> str:
        """The target in words, or nothing."""
        if self.at_most is not None:
            return f"at most {self.at_most:g} {self.unit}"
        return "" if self.at_least is None else f"at least {self.at_least:g} {self.unit}"


def table(figures: Sequence[Figure]) -> Iterator[str]:
    """Yield the lines of a table of the figures, each with its target and whether that was met."""
    rows = [
        (
            figure.name,
            f"{figure.value:.3g} {figure.unit}" if abs(figure.value) < 100 else f"{figure.value:.0f} {figure.unit}",
            figure.target,
            ("met" if figure.met else "MISSED") if figure.target else "",
            figure.detail,
        )
        for figure in figures
    ]
    heads = ("what", "measured", "target", "", "medians")
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(4)]
    for row in (heads, *rows):
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()


def circumstances() -> str:
    """Return one line that says on what the figures were measured."""
    names = (
        "pytest",
        "responses",
        "requests",
        "sap-ai-sdk-core",
        "sap-ai-sdk-base",
        "ai-api-client-sdk",
        "moto",
    )
    installed = {found.name for found in distributions()}
    versions = [f"{name} {version(name)}" for name in names if name in installed]
    return (
        f"{platform.python_implementation()} {platform.python_version()} on {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} processors; {', '.join(versions)}"
    )


@dataclass(frozen=True)
class Comparison:
    """What two things took, measured in turns: `ours[i]` and `theirs[i]` were neighbours in time."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios: whatever slows the machine for a while slows both of a pair."""
        return statistics.median(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    @property
    def difference(self) -> float:
        """The median of the pairs' differences."""
        return statistics.median(a - b for a, b in zip(self.ours, self.theirs, strict=True))

    def medians(self, unit: str, scale: float) -> str:
        """Return both medians in words, and the middle half of the pairs' ratios.

        Args:
            unit: the unit to show.
            scale: how many of that unit one measured unit is.
        """
        ratios = sorted(a / b for a, b in zip(self.ours, self.theirs, strict=True))
        low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
        ours, theirs = (statistics.median(side) * scale for side in (self.ours, self.theirs))
        spread = f"{len(ratios)} pairs, middle half {low:.3f} to {high:.3f}"
        return f"{ours:.4g} against {theirs:.4g} {unit}, {spread}"


def in_turns(ours: Callable[[], float], theirs: Callable[[], float], rounds: int, warm_up: int = 1) -> Comparison:
    """Measure two things in turns, changing which goes first.

    Args:
        ours: does one of the things and returns what it took.
        theirs: the same for the other.
        rounds: how many pairs to measure.
        warm_up: how many pairs to do before, unmeasured.
    """
    for _ in range(warm_up):
        ours()
        theirs()
    first, second = [], []
    for number in range(rounds):
        if number % 2:
            second.append(theirs())
            first.append(ours())
        else:
            first.append(ours())
            second.append(theirs())
    return Comparison(tuple(first), tuple(second))


def timed(repetitions: int, call: Callable[[], object]) -> float:
    """Return the seconds that one call took on average."""
    began = perf_counter()
    for _ in range(repetitions):
        call()
    return (perf_counter() - began) / repetitions


def environment() -> Mapping[str, str]:
    """Return the environment for the processes to measure: modules cached, no settings of the user."""
    dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONSTARTUP")
    return {
        name: value
        for name, value in os.environ.items()
        if name not in dropped and not name.startswith(("PYTEST_", "AICORE_"))
    }


def python(code: str, folder: Path) -> str:
    """Run some code in a new interpreter and return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def without_others() -> list[str]:
    """Return what leaves out the plugins that happen to be installed, but for ours and the one it depends on."""
    others = sorted({point.name for point in entry_points(group="pytest11")} - {"aicore", "timeout"})
    return [word for name in others for word in ("-p", f"no:{name}")]


@dataclass(frozen=True)
class Spent:
    """What a process took.

    Args:
        wall: seconds from its start to its end.
        processor: seconds in which it was computing, for itself or in the kernel.
    """

    wall: float
    processor: float


def pytest_run(folder: Path, *arguments: str, expect: str) -> Spent:
    """Return what a pytest run takes.

    Plugins that happen to be installed are left out, but for ours and the one it depends on.

    Args:
        folder: where to run it.
        arguments: what to hand to pytest.
        expect: what it must print, for example `1 passed`: a run that failed measures nothing.

    Raises:
        RuntimeError: the run did not end as expected.
    """
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *without_others()]
    before, began = getrusage(RUSAGE_CHILDREN), perf_counter()
    done = subprocess.run(
        [*command, *arguments], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    wall, after = perf_counter() - began, getrusage(RUSAGE_CHILDREN)
    if done.returncode or expect not in done.stdout:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
    return Spent(wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
