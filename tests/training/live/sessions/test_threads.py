"""What the threads of a live session may not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.live.sessions.conftest import Service

WATCH_IMPORTS = """
import sys, threading
import pytest_aicore

class Watch:
    def find_spec(self, name, path=None, target=None):
        thread = threading.current_thread()
        if name.startswith("pytest_aicore") and thread is not threading.main_thread():
            print(f"{name} is imported by the thread {thread.name}", file=sys.__stdout__)

sys.meta_path.insert(0, Watch())
"""


@pytest.mark.parametrize("outcome", ["COMPLETED", "DEAD"])
def test_nothing_of_ours_is_imported_beside_the_main_thread(
    live: Callable[..., pytest.RunResult], project: pytest.Pytester, service: Service, outcome: str
) -> None:
    """Python 3.11 cannot parse in two threads at once, and pytest parses what it imports of a plugin."""
    service.emulator.script(outcome=outcome, running=60, logs=["epoch 1"])
    project.makeconftest(WATCH_IMPORTS)
    test = "def test_it(aicore_execution): pass"
    result = live(test, "--aicore-stream-logs", "--aicore-budget=1h", subprocess=True)
    assert result.ret == (outcome == "DEAD")
    result.stdout.no_fnmatch_line("*is imported by the thread*")
