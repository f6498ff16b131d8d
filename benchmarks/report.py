"""The report as a page: how large it is, how soon it is written, how soon a browser has laid it out."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.documents import document
from benchmarks.measuring import Figure
from pytest_aicore.reports.html import page, write_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNS = 200
LOG_LINES = 1250
"""Of each run: all logs together have 10 MB."""
ROUNDS = 5
CHROMIUM = shutil.which("chromium")
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
_DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def figures() -> Iterator[Figure]:
    """Yield the sizes of pages, and the times of a large one."""
    yield Figure("page of one run", len(page(document(1)).encode()) / 1e3, "kB", at_most=60)
    yield Figure(f"page of {RUNS} runs without logs", len(page(document(RUNS)).encode()) / 1e3, "kB", at_most=400)
    large = document(RUNS, log_lines=LOG_LINES)
    logs = sum(len(run["log"]["text"]) for run in large["runs"]) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.html")
        written = median(_timed(lambda: write_page(large, file)) for _ in range(ROUNDS))
        yield Figure(f"write {RUNS} runs with {logs:.0f} MB of logs", written, "s", at_most=1)
        if CHROMIUM is not None and importlib.util.find_spec("playwright") is not None:
            yield Figure("  until chromium has drawn it", median(_drawn(file)), "s", at_most=1)


def _timed(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


def _drawn(file: Path) -> Iterator[float]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_QUIET)
        for number in range(ROUNDS + 1):
            tab = browser.new_page(viewport={"width": 1280, "height": 800})
            began = perf_counter()
            tab.goto(file.as_uri())
            tab.evaluate(_DRAWN)
            if number:  # the first one starts what all need
                yield perf_counter() - began
            tab.close()
        browser.close()
