"""The hooks of a session with trainings that really happen: they start together, and none outlives the session.

Registered under `--aicore-live` and `--aicore-local` only.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from pytest_aicore.errors import AicoreError
from pytest_aicore.hooks.context import LIVE_PLUGIN, OWNER_INPUT, deployed, marked, place_of, session_of, settings_of
from pytest_aicore.hooks.signals import SignalHandlers
from pytest_aicore.printable import on_one_line
from pytest_aicore.processes import Home

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator

    from pytest_aicore.hooks.progress import WorkerProgress
    from pytest_aicore.training.live.runs import Live
    from pytest_aicore.training.plan import TrainingPlan

_WAITING = frozenset({"aicore_execution", "aicore_run", "aicore_deployment", "aicore_deploy"})
"""The fixtures of tests that wait for something that takes long."""
_SIGNALS = ("SIGTERM", "SIGHUP", "SIGBREAK")
"""Signals that end a process without a message unless they are handled; pytest itself handles SIGINT. SIGBREAK is
that of Ctrl-Break on Windows, by which CI systems cancel jobs there."""
_WORKER_INPUT = "aicore_session"
_WORKER_OUTPUT = "aicore_handed_over"
_MARGIN = 60.0
"""Seconds that a test gets from pytest-timeout beyond what its training may take."""
_GUARD_MARGIN, _LEAST_MARGIN, _MOST_MARGIN, _MOST_PART = 0.1, 2.0, 10.0, 0.5
"""The part of a test's own timeout that is reserved for stopping its training and reporting it: a tenth, but at least
and at most so many seconds, and never more than half of it."""


class LiveSession:
    """The hooks."""

    def __init__(self, config: pytest.Config) -> None:
        from pytest_aicore.training.live.ledger import new_id

        given = getattr(config, "workerinput", None)
        self.id: str = given[_WORKER_INPUT] if given else new_id()
        self._config = config
        self._is_worker = given is not None
        self._home = Home()
        self._signals = SignalHandlers(_SIGNALS, self._interrupt)
        self._signalled = False
        self._worker_progress: WorkerProgress | None = None
        self._interrupted = False
        self._tests: set[str] = set()
        self._finished: set[str] = set()
        self._down: list[object] = []
        self._is_local = settings_of(config).local.value
        self._interrupt_guard = InterruptGuard(self._say_what_may_run, spares=0 if self._is_local else 1)

    @classmethod
    def register(cls, config: pytest.Config) -> None:
        """Register the hooks."""
        session = cls(config)
        config.pluginmanager.register(session, LIVE_PLUGIN)
        config.add_cleanup(session._leave_signals)  # after what other plugins do at the end

    @property
    def _live(self) -> Live:
        return session_of(self._config).real_runs

    # The session ----------------------------------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Pass the id of the session to a worker of pytest-xdist, and how it reaches what carries its runs out here."""
        node.workerinput[_WORKER_INPUT] = self.id
        if self._is_local:
            node.workerinput[OWNER_INPUT] = session_of(self._config).local_session.serve().data()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Note which tests there are."""
        self._tests.update(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker could not write to the ledger, and note that it runs no more tests."""
        self._down.append(node)
        given = (getattr(node, "workeroutput", None) or {}).get(_WORKER_OUTPUT)
        if given is not None:
            self._live.take_over(given)
        self._see_what_will_not_run()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the tests whose worker has crashed; there is no other notification that they have ended."""
        if not self._is_worker and report.when not in ("setup", "call", "teardown"):
            self._live.is_done([report.nodeid])

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Note that a test has ended, and possibly which tests will not run any more."""
        if not self._is_worker:
            self._finished.add(nodeid)
            self._see_what_will_not_run()

    def _see_what_will_not_run(self) -> None:
        from pytest_aicore.hooks.remaining import remaining_tests

        dsession = self._config.pluginmanager.get_plugin("dsession")
        remaining = None if dsession is None else remaining_tests(dsession, self._down)
        if remaining is not None and (given_up := self._tests - remaining - self._finished):
            self._finished |= given_up
            self._live.is_done(given_up)

    def pytest_sessionstart(self) -> None:
        """Handle signals, and stop leftover executions of earlier sessions."""
        if self._is_worker:
            return
        self._signals.install()
        if not self._is_local:
            self._live.begin()
        from pytest_aicore.hooks.progress import Progress, WorkerProgress

        if self._config.pluginmanager.has_plugin("dsession"):
            self._live.hold(stops_unneeded=self._config.getoption("dist", "no") != "each")
            self._worker_progress = WorkerProgress.of(self._config, self._live.another_ledger())
        else:
            self._live.onlooker = Progress.of(self._config, streams=settings_of(self._config).stream_logs.value)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Start the trainings of the selected tests together."""
        stopped = session.testsfailed and not session.config.option.continue_on_collection_errors
        if session.items and not (stopped or session.config.getoption("setupplan", default=False)):
            for item, plan in self._planned(session.items):
                self._live.start_early(plan, item.nodeid)
        return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Stop what still runs, before the summary."""
        if self._worker_progress is not None and self._home.is_here:
            self._worker_progress.end()
        self._finish()
        if self._is_worker:
            self._config.workeroutput[_WORKER_OUTPUT] = self._live.handed_over()  # type: ignore[attr-defined]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Report what was stopped, and what could not be stopped."""
        self._report(terminalreporter)

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self) -> None:
        """Stop what still runs, also if the session ended abnormally."""
        self._finish()
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and not self._is_worker:
            self._report(reporter)
        if self._is_local and self._home.is_here:
            session_of(self._config).end()

    def _leave_signals(self) -> None:
        self._interrupt_guard.end()
        self._signals.restore()

    def _interrupt(self, number: int) -> None:
        """End the session as Ctrl-C does: fixtures are torn down, and executions stopped."""
        if not self._signalled:  # a second exception would interrupt the end of the session
            self._signalled = True
            raise KeyboardInterrupt(f"the session was ended by {signal.Signals(number).name}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """Announce at once that executions are being stopped, which takes a moment."""
        if not self._home.is_here:
            return
        self._interrupted = True
        self._interrupt_guard.begin()
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or self._is_worker:
            return
        running = self._live.running()
        if running and not self._live.options.keep:
            _write_at_once(reporter, f"aicore: stopping {running} execution{'s' if running > 1 else ''} ...")
        if self._is_local:  # before pytest-xdist waits for its workers, which wait for these executions
            self._finish()

    def _finish(self) -> None:
        if not self._home.is_here:
            return
        self._interrupt_guard.begin()
        self._live.finish("the session was interrupted" if self._interrupted else "no remaining test needs it")
        if not self._interrupted:
            self._interrupt_guard.end()

    def _say_what_may_run(self) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and not (self._is_worker or self._is_local or self._live.is_finished):
            _write_at_once(
                reporter,
                "aicore: interrupted again while executions were being stopped: some may still run."
                " `pytest-aicore sweep` stops them.",
            )

    def _report(self, reporter: Any) -> None:
        told, self._live.told = self._live.told + session_of(self._config).take_told(), []
        for line in told:
            reporter.line(on_one_line(f"aicore: {line}"))

    # The tests ------------------------------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Give tests that wait for trainings a timeout of pytest-timeout that fits."""
        if not self._config.pluginmanager.has_plugin("timeout"):
            return
        waiting = [
            item
            for item in items
            if _waits(item) and item.get_closest_marker("timeout") is None and item.get_closest_marker("skip") is None
        ]
        settings = settings_of(self._config)
        rounds = -(-len(waiting) // self._live.options.max_parallel)
        for item in waiting:
            seconds = _seconds_of(item, settings.timeout.value)
            # Its turn may come last.
            item.add_marker(pytest.mark.timeout(max(rounds, 1) * max(seconds, settings.timeout.value) + _MARGIN))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Let a training end before pytest-timeout ends its test, and stop it when no test needs it any more."""
        fleet = self._live.fleet if _waits(item) else None
        if fleet is not None and not _is_for_body_only(item):
            fleet.guard = _guard_of(item)
        try:
            result = yield
        finally:
            if fleet is not None:
                fleet.guard = None
        # What an interrupted test leaves is for the end of the session.
        if fleet is not None and self._home.is_here and not self._live.options.keep:
            if self._is_worker:  # a worker does not know which runs others need
                self._live.is_done([item.nodeid])
            else:
                fleet.release(item.nodeid)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Respect a timeout of pytest-timeout that counts the body only."""
        if not (_waits(item) and _is_for_body_only(item)):
            return (yield)
        fleet = self._live.fleet
        fleet.guard = _guard_of(item)
        try:
            return (yield)
        finally:
            fleet.guard = None

    def _planned(self, items: list[pytest.Item]) -> Iterator[tuple[pytest.Item, TrainingPlan]]:
        """Return the tests whose markers alone define their training, and the plan of each."""
        session = session_of(self._config)
        for item in items:
            try:
                if (
                    not _trains(item)
                    or "aicore_store" in _fixtures(item)  # what the training reads may not have been put there yet
                    or _may_be_skipped(item)
                    or _is_changed(item)
                ):
                    continue
                place, arguments = place_of(item), marked(item)
                plan = session.plan(
                    session.workflow(arguments.get("workflow"), place, near=item.path), arguments, place
                )
                plan.require_complete()
            except AicoreError:
                continue  # the test reports the error when it runs
            yield item, plan


class InterruptGuard:
    """Ignores one more Ctrl-C while executions are being stopped; a third one ends the process.

    What runs on this machine ends with the process, so there the second one ends it already.

    The process then ends at once, as if it had no handler: unwinding would wait for the very calls that take so long,
    in code of pytest that expects no exception there.

    Args:
        say: prints what may still run.
        spares: how many are ignored.
    """

    def __init__(self, say: Callable[[], None], *, spares: int = 1) -> None:
        self._say = say
        self._left = spares
        self._signals = SignalHandlers(("SIGINT", *_SIGNALS), self._press)

    def begin(self) -> None:
        """Handle signals from now on; a second call does nothing."""
        self._signals.install()

    def end(self) -> None:
        """Restore the previous handlers of signals."""
        self._signals.restore()

    def _press(self, number: int) -> None:
        self._left -= number == signal.SIGINT
        if self._left < 0:
            with suppress(RuntimeError):  # the signal came while another line was being written
                self._say()
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)


def _write_at_once(reporter: Any, line: str) -> None:
    """Write a line now, with its end, also where the output is a pipe, which Python buffers."""
    reporter.ensure_newline()
    reporter.write_line(line)
    reporter.flush()


def _fixtures(item: pytest.Item) -> Collection[str]:
    """Return the names of a test's fixtures; items of files have none."""
    return getattr(item, "fixturenames", ())


def _waits(item: pytest.Item) -> bool:
    return not _WAITING.isdisjoint(_fixtures(item))


def _trains(item: pytest.Item) -> bool:
    """Return whether a test needs its training: also one that deploys what the training leaves."""
    fixtures = _fixtures(item)
    if "aicore_execution" in fixtures or "aicore_deployment" not in fixtures:
        return "aicore_execution" in fixtures
    from pytest_aicore.deployment.from_run import FromRun

    artifacts = deployed(item).get("artifacts")
    return isinstance(artifacts, Mapping) and any(isinstance(each, FromRun) for each in artifacts.values())


def _may_be_skipped(item: pytest.Item) -> bool:
    """Return whether a test is or may be skipped; its training is then started when it is needed."""
    if item.get_closest_marker("skip") is not None:
        return True
    if any(mark.kwargs.get("run", True) is False for mark in item.iter_markers("xfail")):
        return True
    conditions = [
        condition
        for mark in item.iter_markers("skipif")
        for condition in (*mark.args, *([mark.kwargs["condition"]] if "condition" in mark.kwargs else []))
    ]
    return any(condition is not False for condition in conditions)


def _is_changed(item: pytest.Item) -> bool:
    """Return whether the user overrides a fixture that makes the plan or the run, with unknown effect."""
    definitions = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]  # noqa: SLF001  nowhere else
    return any(
        definitions[name][-1].func.__module__ != "pytest_aicore.fixtures"
        for name in ("aicore_plan", "_aicore_run_of_test", "aicore_execution", "aicore_workflow")
        if name in definitions
    )


def _seconds_of(item: pytest.Item, default: float) -> float:
    """Return how long the training of a test may take by its markers."""
    try:
        seconds = marked(item).get("timeout")
    except AicoreError:
        return default
    return float(seconds) if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) else default


def _guard_of(item: pytest.Item) -> float | None:
    """Return when a training must have ended because its test's own timeout begins now, None for never."""
    import time

    timeout = _timeout_of(item)
    if timeout is None:
        return None
    margin = min(max(_LEAST_MARGIN, timeout * _GUARD_MARGIN), _MOST_MARGIN, timeout * _MOST_PART)
    return time.monotonic() + timeout - margin


def _is_for_body_only(item: pytest.Item) -> bool:
    """Return whether pytest-timeout does not count the time that fixtures take."""
    mark = item.get_closest_marker("timeout")
    given = None
    if mark is not None:
        given = mark.args[2] if len(mark.args) > 2 else mark.kwargs.get("func_only")
    if given is None and item.config.pluginmanager.has_plugin("timeout"):
        given = item.config.getini("timeout_func_only")
    return bool(given)


def _timeout_of(item: pytest.Item) -> float | None:
    """Return the seconds of a test's `timeout` marker (pytest-timeout), None if it has none."""
    mark = item.get_closest_marker("timeout")
    if mark is None:
        return None
    value = mark.args[0] if mark.args else mark.kwargs.get("timeout")
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 else None
