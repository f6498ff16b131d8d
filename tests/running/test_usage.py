"""How much a step uses."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.running.pods_here import Here

MEGABYTES = 1 << 20

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measured from /proc, which Linux has"),
]


def test_the_memory_of_all_processes_together(here: Here) -> None:
    fill = "import time; x = b'x' * (100 << 20); time.sleep(0.5)"
    how = here.sh(f'python -c "{fill}" & python -c "{fill}" & wait')
    assert how.phase == "Succeeded"
    assert how.peak_memory is not None
    assert 200 * MEGABYTES < how.peak_memory < 300 * MEGABYTES


def test_memory_that_processes_share_counts_once(here: Here) -> None:
    fork = "import os, time; x = b'x' * (100 << 20); [os.fork() or time.sleep(1) for _ in range(2)]; time.sleep(0.5)"
    how = here.py(fork)
    assert how.peak_memory is not None
    assert 100 * MEGABYTES < how.peak_memory < 200 * MEGABYTES


def test_a_peak_between_two_measurements(here: Here) -> None:
    how = here.py("import time; time.sleep(0.2); x = b'x' * (200 << 20); del x; time.sleep(0.3)")
    assert how.peak_memory is not None
    assert how.peak_memory > 200 * MEGABYTES


def test_processor_time_and_duration(here: Here) -> None:
    how = here.py("import time; began = time.process_time()\nwhile time.process_time() - began < 0.5: pass")
    assert how.cpu_seconds is not None
    assert 0.3 < how.cpu_seconds < 3
    assert how.seconds >= 0.5
