"""One of two processes that want the same of a ledger at the same time: run by `test_ledger_locks.py`, not collected.

It says `inside` in the middle of what only one process may do at a time, and `waiting` where it is kept out; each time
it goes on when it is told to.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.live import preflight
from pytest_aicore.training.live.ledger import EXECUTION, FileLedger, LedgerRecord
from pytest_aicore.training.live.runs import Live, LiveOptions

OBJECT: Any = object()
PLAN: Any = SimpleNamespace(
    require_complete=lambda: None,
    workflow="w.yaml",
    place="test_it.py:1",
    template=SimpleNamespace(executable=SimpleNamespace(id="x", scenario_id="s"), path="w.yaml"),
)


def say(what: str) -> None:
    """Say something, and go on when told to."""
    print(what, flush=True)
    sys.stdin.readline()


def announced(function: Any) -> Any:
    """Return a function that first says that it is called."""

    def call(*arguments: Any, **named: Any) -> Any:
        say("inside")
        return function(*arguments, **named)

    return call


def live(file: Path) -> Live:
    """Return what does the runs of a worker."""
    options = LiveOptions("default", 1.0, 1, budget=None, reuse=False, keep=False, resumes=False)
    credentials: Any = SimpleNamespace(host="https://h")
    return Live(options, file, "one", lambda: credentials, lambda: None, is_worker=True)


def claim(file: Path) -> str:
    """Claim the execution of the only run."""
    ledger = FileLedger(file, "one")
    ledger.process += "-claim"
    ledger.open()
    ledger.has_room = announced(ledger.has_room)  # type: ignore[method-assign]
    record = LedgerRecord(ledger, next(iter(ledger.entries.values())))
    return "nothing" if record.claim(EXECUTION, {"configuration": "c"}) is None else "mine"


def record(file: Path) -> str:
    """Ask for a run that both want."""
    it = live(file)
    it.ledger.process += "-record"
    it._prepare = lambda plan: None
    it.ledger.begin = announced(it.ledger.begin)  # type: ignore[method-assign]
    made: Any = it._record(PLAN, "another", OBJECT)
    return str(made.entry.id)


def check(file: Path) -> str:
    """Make sure that the service has the workflow."""
    preflight.check = announced(lambda *_: None)
    it = live(file)
    it.ledger.process += "-check"
    it._open_ledger()
    it._preflight(PLAN)
    return "checked"


if __name__ == "__main__":
    RealClock.sleep = lambda *_: say("waiting")  # type: ignore[method-assign]
    for want in (claim, record, check):
        say(f"answer {want(Path(sys.argv[1]))}")
