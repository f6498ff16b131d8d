"""Collects what report files show of runs beyond their summary. A session that writes no such file does without."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from pytest_aicore.reports.details import Budget, details_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_aicore.session.session import Session
    from pytest_aicore.training.run import Run

MOST_ASKED: Final = 100
"""Of how many live runs log and metrics are requested for the page, by two requests each."""


class RunDetails:
    """What is known of the runs of a process, and, for a page, what the service is asked for.

    Args:
        session: of the tests.
        asks: whether log and metrics are requested that no test has asked for.
    """

    def __init__(self, session: Session, *, asks: bool) -> None:
        self._session = session
        asked = MOST_ASKED if session.live else sys.maxsize
        self._budget = Budget(asked if asks else 0)
        self._nothing = Budget(0)
        self._told: set[tuple[int, bool]] = set()

    def of(self, runs: Iterable[Run]) -> dict[Run, dict[str, Any]]:
        """Return further attributes of the reports of runs; those of a run that tests share are carried once.

        Args:
            runs: that a test has used.
        """
        found = {}
        for run in runs:
            key = (run.training.number, run.training.made is not None)
            if key not in self._told:
                self._told.add(key)
                # A fault that waits for a request of the test must not meet one of ours.
                found[run] = details_of(run, self._nothing if self._session.silent_faults() else self._budget)
        return found
