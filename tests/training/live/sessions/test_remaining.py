"""Which tests pytest-xdist will still run, by its own schedulers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_aicore.hooks.remaining import remaining_tests

pytest.importorskip("xdist")

TESTS = [f"test_{letter}.py::test_{number}" for letter in "ab" for number in range(4)]


class Worker:
    """What a scheduler needs of a worker: it takes tests, and runs none."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.workerinput = {"workercount": 2}
        self.config = SimpleNamespace(getoption=lambda *_: 0)
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        """Take tests."""

    def send_runtest_all(self) -> None:
        """Take all tests."""

    def send_steal(self, indices: list[int]) -> None:
        """Give tests back."""

    def shutdown(self) -> None:
        """End after those that were taken."""
        self.shutting_down = True


def scheduled(pytestconfig: pytest.Config, dist: str) -> tuple[Any, list[Worker]]:
    """Return a session of pytest-xdist that has given out tests, and its workers."""
    from xdist import scheduler  # type: ignore[import-untyped,unused-ignore]
    from xdist.remote import Producer  # type: ignore[import-untyped,unused-ignore]

    name = {"load": "LoadScheduling", "loadfile": "LoadFileScheduling", "worksteal": "WorkStealingScheduling"}
    names = {**name, "each": "EachScheduling", "loadscope": "LoadScopeScheduling"}
    config: Any = SimpleNamespace(
        getvalue=lambda asked: {"tx": ["popen", "popen"]}.get(asked),
        getoption=lambda *_: None,
        option=SimpleNamespace(debug=False, maxschedchunk=None, loadscopereorder=True),
        hook=pytestconfig.hook,
        pluginmanager=pytestconfig.pluginmanager,
    )
    its = getattr(scheduler, names[dist])(config, Producer("scheduler", enabled=False))
    workers = [Worker("gw0"), Worker("gw1")]
    for worker in workers:
        its.add_node(worker)
    for worker in workers:
        its.add_node_collection(worker, TESTS)
    its.schedule()
    return SimpleNamespace(sched=its, shuttingdown=False), workers


@pytest.mark.parametrize("dist", ["load", "loadfile", "loadscope", "worksteal", "each"])
def test_what_workers_still_have_to_run(pytestconfig: pytest.Config, dist: str) -> None:
    dsession, (first, second) = scheduled(pytestconfig, dist)
    assert remaining_tests(dsession, ()) is None  # others may be given out
    dsession.shuttingdown = True
    both = remaining_tests(dsession, ())
    alone = remaining_tests(dsession, [first])
    other = remaining_tests(dsession, [second])
    assert both is not None
    assert alone is not None
    assert other is not None
    assert alone | other == both
    assert both <= set(TESTS)
    assert alone
    assert other
    if dist == "each":
        assert alone == other == set(TESTS)
    else:
        assert not alone & other
    done = TESTS.index(min(other))
    for worker in (first, second):
        worker.shutdown()
    dsession.sched.mark_test_complete(first, done)
    assert remaining_tests(dsession, [second]) == other - {TESTS[done]}
    assert remaining_tests(dsession, [first, second]) == set()


def test_scheduler_that_nobody_knows() -> None:
    dsession = SimpleNamespace(sched=SimpleNamespace(nodes=["gw0"]), shuttingdown=True)
    assert remaining_tests(dsession, ()) is None
    assert remaining_tests(None, ()) is None
