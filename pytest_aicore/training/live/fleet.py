"""Many trainings at once on the real service: started together, polled with one request per interval.

One thread polls. It requests one page of executions, whatever their number, and a single execution only if the page
lacks it. Each execution is started by a thread of its own, as many at once as the session may have. A test that waits
for a run is notified by the polling thread. It waits no longer than its timeout, whatever the service does; then the
execution is polled for the last time, and stopped.

Deadlines, intervals and ages are measured by a monotonic clock; dates are for people and other processes.
"""

from __future__ import annotations

import random
from contextlib import contextmanager, suppress
from threading import Event, Thread, local
from typing import TYPE_CHECKING

from pytest_aicore.errors import AicoreError, RunError, our_message
from pytest_aicore.processes import Home, HomeCondition
from pytest_aicore.training.clock import RealClock
from pytest_aicore.training.live.budget import Budget
from pytest_aicore.training.live.live_training import LiveTraining, TrainingState
from pytest_aicore.training.live.log_stream import LogFollowing, NoOnlooker
from pytest_aicore.training.live.stop import stop_execution
from pytest_aicore.training.run import copy_of
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.training.watcher import SETTLING_SECONDS, DeadlineError, deadline_error, deleted, too_late

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ai_api_client_sdk.models.execution import Execution

    from pytest_aicore.training.live.ledger import FileLedger
    from pytest_aicore.training.live.log_stream import Onlooker
    from pytest_aicore.training.run import Training
    from pytest_aicore.training.service.api import TrainingApi
    from pytest_aicore.training.watcher import Watch

__tracebackhide__ = our_message

FIRST_INTERVAL = 1.0
"""The first polling interval of new executions, in seconds, so that an early failure is known early."""
_LONGEST_BACKOFF = 30.0
_JITTER = 0.1
_REFUSALS = 3
"""After so many refusals in a row an execution is given up; a gateway that restarts may refuse one request."""
_SHOW_SECONDS = 1.0
"""Seconds between two updates of the progress display while a test waits."""
_LAST_POLL_SECONDS = 10.0
"""Seconds for the last poll of an execution whose timeout is over."""
OUTAGE_PATIENCE = 300.0
"""Seconds for which AI Core may not answer for an execution before it is given up. A gateway that is restarted, or a
network that recovers, takes minutes, and a training of hours should survive that; the end of the session stops
executions that were given up."""
STARTING_SECONDS = 600.0
"""Least number of seconds that a test waits for the start of its training; its timeout counts if that is longer."""
_CLOSING_PATIENCE = 5.0
"""Seconds that the end of the session waits for executions that are being started, to learn their ids. Those whose id
is still unknown are found by their configuration."""
_CLOSING_POLL_SECONDS = 1.0
"""The same for the polling thread, whose results are no longer needed."""
_CLOSING = "The session ends, so nothing more was started."


class ClosingError(RunError):
    """The session ends, so nothing more is started."""


class FleetClock(RealClock):
    """The machine's clock. The end of the session ends every sleep, and interrupts the fleet's own threads."""

    def __init__(self) -> None:
        self.closing = Event()
        self._thread = local()

    @contextmanager
    def of_worker(self) -> Iterator[None]:
        """Make the calling thread a worker of the fleet, whose `sleep` raises when the session ends.

        Other threads are not interrupted: the one that ends the session uses this clock to stop executions.
        """
        self._thread.is_worker = True
        try:
            yield
        finally:
            self._thread.is_worker = False

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds, or until the session ends.

        Raises:
            ClosingError: the session ends, and the caller is a worker of the fleet.
        """
        if self.closing.wait(seconds) and getattr(self._thread, "is_worker", False):
            raise ClosingError(_CLOSING)


class Fleet:
    """The trainings of a process of a live session.

    Args:
        api: the service.
        ledger: of this process.
        clock: measures the time, and waits.
        interval: the polling interval in seconds.
        most_at_once: how many executions may run at once.
        budget: seconds that all executions of the session together may run, None for no limit.
        onlooker: the progress display.
        needs_no_start: returns whether another process of the session has started a training, or no remaining test
            needs it.
        home: the process; processes forked from it can neither start trainings nor wait for them.
    """

    def __init__(
        self,
        api: TrainingApi,
        ledger: FileLedger,
        clock: FleetClock,
        interval: float,
        most_at_once: int,
        budget: float | None = None,
        onlooker: Onlooker | None = None,
        needs_no_start: Callable[[Training], bool] = lambda _: False,
        home: Home | None = None,
    ) -> None:
        self._needs_no_start = needs_no_start
        self._api = api
        self._ledger = ledger
        self.clock = clock
        self._longest = interval
        self._interval = min(FIRST_INTERVAL, interval)
        self._most_at_once = ledger.most_at_once = most_at_once
        self.service_clocks: list[Callable[[], float | None]] = [api.service_now]
        """Each returns the service's time as one client knows it, None if it does not."""
        self._budget = Budget(budget, ledger.of_session, clock, self._service_now)
        ledger.refusal = self._why_nothing_is_started
        self._onlooker = onlooker or NoOnlooker()
        self._changed = HomeCondition((home or Home()).require_for_runs)
        self._trainings: dict[Training, LiveTraining] = {}
        self._first_turn = self._last_turn = 0
        self._waited_for: Training | None = None
        self._logs = LogFollowing(api, self._onlooker)
        self._next_poll = 0.0
        self._not_before = 0.0
        self._has_news = False
        self._troubles = 0
        self._thread: Thread | None = None
        self.guard: float | None = None
        """The deadline of the current test from pytest-timeout, by the monotonic clock; None for no deadline."""

    # Asking for runs ------------------------------------------------------------------------------------------------

    def want(self, training: Training, user: str, timeout: float) -> None:
        """Remember that a test needs a training.

        Args:
            training: what it needs.
            user: the test.
            timeout: seconds for which the test would wait.
        """
        with self._changed:
            self._get(training).users[user] = timeout

    def users_of(self, training: Training) -> list[str]:
        """Return the tests that need a training.

        Args:
            training: what they need.
        """
        with self._changed:
            return list(self._get(training).users)

    def state_of(self, training: Training) -> TrainingState:
        """Return the state of a training.

        Args:
            training: the training.
        """
        with self._changed:
            return self._get(training).state

    def enqueue(self, training: Training) -> None:
        """Put a training into the queue, to be started as soon as the limit of executions at once allows it."""
        with self._changed:
            live = self._get(training)
            if live.state is TrainingState.NEW:
                self._last_turn += 1
                live.queue(self._last_turn)
                self._wake_up()

    def release(self, user: str) -> None:
        """Forget that a test needs trainings, and stop those that no remaining test needs.

        Args:
            user: the test.
        """
        with self._changed:
            for live in self._trainings.values():
                if live.users.pop(user, None) is not None and not live.users:
                    live.need_no_more()
            self._changed.notify_all()

    def is_unwanted(self, training: Training) -> bool:
        """Return whether a training is stopped because no remaining test needs it."""
        live = self._trainings.get(training)
        return live is not None and live.is_unwanted

    def start(self, training: Training) -> None:
        """Wait until the execution has been started; it becomes the first in the queue.

        Raises:
            AicoreError: it could not be started, or not in time.
        """
        patience = max(STARTING_SECONDS, training.plan.timeout)
        deadline = self.clock.monotonic() + patience
        with self._changed:
            live = self._get(training)
            self._first_turn -= 1
            live.queue(self._first_turn)
            live.is_urgent = True
            self._wake_up()
            while live.awaits_start:
                self._refuse_if_over(training, "had not been started")
                if self._over(deadline):
                    self._give_up_start(live, patience)
                    break
                self._wait_and_show(training, deadline)
        if live.error is not None and not live.has_execution:
            raise copy_of(live.error)
        training.begin()

    def wait(self, training: Training, timeout: float) -> None:
        """Wait until the execution has a final status.

        Args:
            training: the training.
            timeout: seconds since its start.

        Raises:
            DeadlineError: it had not ended by then; it was stopped, unless another test has a longer timeout.
            RunError: the execution was stopped, or its status is not known any more.
        """
        watch = training.begin()
        deadline = watch.began + timeout
        self._waited_for = training
        try:
            with self._changed:
                live = self._get(training)
                while live.error is None and live.state is not TrainingState.ENDED and not self._over(deadline):
                    self._wait_and_show(training, deadline)
        finally:
            self._waited_for = None
            self._onlooker.done()
        if live.error is not None:
            raise copy_of(live.error)
        if live.state is not TrainingState.ENDED:
            self._give_up(live, watch, timeout)

    def _get(self, training: Training) -> LiveTraining:
        """Return the state object of a training; the caller holds the lock."""
        return self._trainings.setdefault(training, LiveTraining(training))

    def _in_state(self, *states: TrainingState) -> list[LiveTraining]:
        """Return the trainings in any of some states, in the order in which they were started."""
        with self._changed:
            found = [live for live in self._trainings.values() if live.state in states]
        return sorted(found, key=lambda live: live.position)

    def _started(self) -> list[LiveTraining]:
        """Return the trainings whose execution is known, in the order in which they were started."""
        return self._in_state(TrainingState.RUNNING, TrainingState.ENDED, TrainingState.LOST)

    def _queue(self) -> list[LiveTraining]:
        """Return the trainings that are to be started, the next one first."""
        return sorted(self._in_state(TrainingState.QUEUED), key=lambda live: live.turn)

    def _clear_queue(self) -> None:
        for live in self._queue():
            live.leave_queue()

    def _over(self, deadline: float | None) -> bool:
        now = self.clock.monotonic()
        return (deadline is not None and now >= deadline) or (self.guard is not None and now >= self.guard)

    def _refuse_if_over(self, training: Training, what: str) -> None:
        if self._budget.spent is not None:
            raise RunError(f"{training.plan.workflow} {what}: {self._budget.spent}")
        if self._over(None):
            raise DeadlineError(
                f"{training.plan.workflow} {what} before pytest-timeout's limit for this test. Give the test a longer"
                " timeout."
            )

    def _wait_and_show(self, training: Training, deadline: float | None) -> None:
        """Update the progress display, and wait a moment."""
        waiting = self._in_state(TrainingState.QUEUED, TrainingState.STARTING)
        self._onlooker.show(training, [live.training for live in (*self._started(), *waiting)])
        ends = [each - self.clock.monotonic() for each in (deadline, self.guard) if each is not None]
        self._changed.wait(max(0.0, min([_SHOW_SECONDS, *ends])))

    def _give_up(self, live: LiveTraining, watch: Watch, timeout: float) -> None:
        """Poll for the last time, stop the execution, and raise the error.

        Raises:
            DeadlineError: unless the execution has just ended.
        """
        from pytest_aicore.training.service.transport import no_longer_than

        late = self.guard is not None and self.clock.monotonic() >= self.guard
        try:
            with no_longer_than(_LAST_POLL_SECONDS):
                execution = self._api.execution(watch.execution_id)
            self._take_answer(live, execution)
        except CallError as error:
            watch.miss(error, self.clock.monotonic())
        if watch.ended:
            return
        text = too_late(watch, timeout)
        if late:
            text = (
                f"execution {watch.execution_id} had not ended before pytest-timeout's limit for this test: it was"
                f" {watch.history[-1].status.value}. Give the test a longer timeout."
            )
        with self._changed:
            patient = max(live.users.values(), default=0.0)
        if patient > timeout:
            raise deadline_error(watch, text)
        outcome = self._stop(live, "its timeout expired")
        raise deadline_error(watch, f"{text} {outcome}")

    def _stop(self, live: LiveTraining, reason: str, message: str | None = None) -> str:
        """Stop an execution, and return the outcome as a sentence.

        Args:
            live: its training.
            reason: in a few words, for the report and the end of the session.
            message: the error of tests that wait for it; None for one with the reason alone.
        """
        said = message or f"it was stopped: {reason}."
        training = live.training
        watch = training.begin()
        # Written before: another process that watches it says the same of its end.
        self._note(training, "stops", reason=reason, why=said)
        try:
            outcome = f"It {stop_execution(self._api, self.clock, watch.execution_id)}."
        except AicoreError as error:
            outcome = f"It could not be stopped: {error} `pytest-aicore sweep` tries again."
            # Tests do not wait for it any more; the end of the session tries once more to stop it.
            self._lose(live, RunError(f"execution {watch.execution_id}: {reason}. {outcome}"))
            return outcome
        watch.stopped = reason
        why = f"{reason}. {outcome}"
        ran = training.record().ran(self.clock, self._api.service_now())
        self._note(training, "stopping", time=self.clock.now(), seconds=ran, executions=[watch.execution_id], why=why)
        with suppress(AicoreError):  # for the report; a deleted one has no status any more
            execution = self._api.execution(watch.execution_id)
            watch.see(execution, self.clock.monotonic(), self._api.service_now())
        with self._changed:
            live.lose(RunError(f"execution {watch.execution_id}: {said}"))
            self._changed.notify_all()
        return outcome

    def _stopped_by_us(self, live: LiveTraining, watch: Watch) -> RunError | None:
        """Return the error of an execution that a process of this session has stopped, None if none did."""
        stop = live.training.record().stops()
        if stop is None:
            return None
        watch.stopped = stop.reason
        return RunError(f"execution {watch.execution_id}: {stop.why}")

    def _lose(self, live: LiveTraining, error: AicoreError) -> None:
        """Stop polling an execution; if it still runs, the end of the session stops it."""
        self._note(live.training, "lost")
        with self._changed:
            live.lose(error)
            self._changed.notify_all()

    def _give_up_start(self, live: LiveTraining, seconds: float) -> None:
        """Give up the start of an execution: it is removed from the queue."""
        training = live.training
        error = RunError(
            f"{training.plan.workflow} had not been started {seconds:g} s after a test had asked for it: at most"
            f" {self._most_at_once} executions run at once (--aicore-max-parallel), and none of them ended, or AI Core"
            " did not answer. It will not be started."
        )
        training.give_up(error)
        live.give_up(error)

    def _note(self, training: Training, event: str, **facts: object) -> None:
        """Write an event of an execution to the ledger."""
        training.record().note(event, **facts)

    # The thread -----------------------------------------------------------------------------------------------------

    def _wake_up(self) -> None:
        if self._thread is None and not self.clock.closing.is_set():
            self._thread = Thread(target=self._run, name="pytest-aicore fleet", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _run(self) -> None:
        with self.clock.of_worker():
            self._start_and_watch()

    def _start_and_watch(self) -> None:
        while not self.clock.closing.is_set():
            with self._changed:
                try:
                    self._launch_some()
                except AicoreError as error:
                    self._refuse_all(error)
                watched = self._watched()
                unwanted = [live for live in watched if live.is_unwanted]
                now = self.clock.monotonic()
                due = bool(watched) and now >= self._next_poll
                is_running_out = self._budget.spent is None and self._budget.lasts() <= 0
                if not (due or unwanted or is_running_out):
                    if not self.clock.closing.is_set():
                        self._changed.wait(self._pause(now))
                    continue
            try:
                for live in unwanted:
                    self._stop(live, "no remaining test needs it")
                if due:
                    self._poll()
                    self._logs.read_on(self._waited_for)
                self._check_budget()
            except Exception as error:
                self._lose_all(
                    error if isinstance(error, AicoreError) else RunError(f"polling failed ({type(error).__name__}).")
                )

    def _pause(self, now: float) -> float | None:
        """Return how many seconds the thread has nothing to do, None if that lasts until something changes."""
        if not self._watched():
            return _SHOW_SECONDS if self._queue() else None
        pause = min(self._next_poll - now, max(0.05, self._budget.lasts()))
        return max(0.0, pause)

    def _watched(self) -> list[LiveTraining]:
        return self._in_state(TrainingState.RUNNING)

    def _launch_some(self) -> None:
        if self._budget.spent is not None:
            self._clear_queue()
        taken = (TrainingState.STARTING, TrainingState.GIVEN_UP, TrainingState.RUNNING)
        room = self._most_at_once - len(self._in_state(*taken))
        for live in self._queue():
            if room <= 0 and not live.is_urgent:
                break
            # Before the ledger is read: if that fails, all in the queue are refused, but a test may ask for this one.
            live.leave_queue()
            if not live.is_urgent and self._needs_no_start(live.training):
                continue  # a test that needs it calls `start`
            room -= 1
            thread = Thread(target=self._launch, args=(live,), name="pytest-aicore launch", daemon=True)
            live.starts(thread)
            thread.start()

    def _launch(self, live: LiveTraining) -> None:
        training = live.training
        failure: AicoreError | None = None
        try:
            with self.clock.of_worker():
                training.begin()
        except AicoreError as error:
            failure = error
        except Exception as error:
            failure = RunError(f"{training.plan.workflow} could not be started ({type(error).__name__}: {error}).")
        with self._changed:
            if failure is None:
                live.has_started(len(self._started()))
                if live.state is TrainingState.LOST:  # the end of the session stops it
                    self._note(training, "lost")
                self._interval = min(FIRST_INTERVAL, self._longest)
                # News may have come before it counted as started.
                soon = max(self._not_before, 0.0 if self._has_news else self.clock.monotonic() + self._interval)
                self._next_poll = min(self._next_poll or float("inf"), soon)
            else:
                live.refuse(failure)
            self._changed.notify_all()

    def look_now(self) -> None:
        """Poll at once: the status of an execution has changed."""
        with self._changed:
            self._has_news = True
            self._next_poll = self._not_before
            self._changed.notify_all()

    def _poll(self) -> None:
        """Poll all executions with one request, and single ones if the page lacks them."""
        with self._changed:
            self._has_news = False
        watched = self._watched()
        executables = {live.training.plan.template.executable.id for live in watched}
        trouble: CallError | None = None
        page: dict[str, Execution | RunError] = {}
        try:
            page = self._api.page(executables, 2 * len(watched))
        except CallError as error:
            trouble = error
        # After a request without an answer, no more are made in this round. The order is random, so that an execution
        # whose requests always fail does not block the others for good.
        outage = trouble if trouble is not None and trouble.transient and not trouble.is_unreadable else None
        for live in random.sample(watched, len(watched)):
            watch = live.training.begin()
            answer = page.get(watch.execution_id)
            if answer is not None and not isinstance(answer, RunError):
                self._take_answer(live, answer)
            elif outage is not None:
                self._take_failure(live, watch, outage)
            else:
                outage = self._poll_one(live, watch)
        failing = outage if trouble is not None else None
        with self._changed:
            self._troubles = self._troubles + 1 if failing is not None else 0
            self._interval = min(self._interval * 2, self._longest)
            pause = self._interval
            if failing is not None:
                asked = failing.retry_after or 0.0
                pause = max(asked, min(pause * 2**self._troubles, _LONGEST_BACKOFF))
                self._not_before = self.clock.monotonic() + asked
            # Jitter makes the pause shorter, never longer: the end of a run is known after one interval.
            self._next_poll = self.clock.monotonic() + pause * (1 - random.uniform(0, _JITTER))  # noqa: S311
            if self._has_news:  # since the request
                self._next_poll = self._not_before
            self._changed.notify_all()

    def _lose_all(self, error: AicoreError) -> None:
        for live in self._watched():
            self._lose(live, error)

    def _refuse_all(self, error: AicoreError) -> None:
        """Refuse all trainings in the queue."""
        for live in self._queue():
            live.refuse(error)
        self._changed.notify_all()

    def _poll_one(self, live: LiveTraining, watch: Watch) -> CallError | None:
        """Poll one execution, and return the error if the request failed, else None."""
        try:
            execution = self._api.execution(watch.execution_id)
        except CallError as error:
            young = error.is_missing and watch.execution is None
            if error.transient or (young and self.clock.monotonic() - watch.began < SETTLING_SECONDS):
                self._take_failure(live, watch, error)
                return error if error.transient else None
            watch.miss(error, self.clock.monotonic())
            live.refusals += 1
            if live.refusals >= _REFUSALS:
                deleted = error.is_missing and watch.execution is not None
                missing = RunError(f"{error} It may have been deleted.") if deleted else error
                self._lose(live, self._stopped_by_us(live, watch) or missing)
        except RunError as error:
            self._lose(live, error)
        else:
            self._take_answer(live, execution)
        return None

    def _take_failure(self, live: LiveTraining, watch: Watch, trouble: CallError) -> None:
        """Record that a poll failed; after OUTAGE_PATIENCE the execution is given up."""
        now = self.clock.monotonic()
        watch.miss(trouble, now)
        since = watch.troubled_since
        if since is None or now - since < OUTAGE_PATIENCE:
            return
        self._lose(
            live,
            RunError(
                f"execution {watch.execution_id} was {watch.history[-1].status.value}, and AI Core has not answered"
                f" for it since {watch.date(since):%Y-%m-%d %H:%M:%S} UTC: {trouble} It may still run: the end of the"
                " session tries to stop it, and so does `pytest-aicore sweep`."
            ),
        )

    def _take_answer(self, live: LiveTraining, execution: Execution) -> None:
        training = live.training
        watch = training.begin()
        live.refusals = 0
        service_now = self._api.service_now()
        watch.see(execution, self.clock.monotonic(), service_now)
        status = execution.status.value
        if status == "RUNNING" and training.record().running_since is None:
            facts = {"time": self.clock.now(), "ticks": self.clock.monotonic(), "began": watch.running_since}
            self._note(training, "running", **facts)
        if watch.is_deleted:
            self._lose(live, self._stopped_by_us(live, watch) or RunError(deleted(watch)))
        elif watch.ended:
            # AI Core bills by the service's time; this machine's time counts if the service's is not known.
            seconds = watch.lasted
            if seconds is None:
                seconds = training.record().ran(self.clock, service_now)
            self._note(training, "ended", status=status, seconds=seconds)
            ours = self._stopped_by_us(live, watch) if status == "STOPPED" else None
            with self._changed:
                if ours is not None:
                    live.lose(ours)
                else:
                    live.end()
                self._changed.notify_all()

    def _check_budget(self) -> None:
        self._ledger.synchronize()
        why = self._budget.why_spent()
        if why is None:
            return
        with self._changed:
            self._clear_queue()
            watched = self._watched()
            self._changed.notify_all()
        for live in watched:
            self._stop(live, "the budget is spent", why)

    # The end --------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Start nothing more, and wait for the executions that are being started."""
        self.clock.closing.set()
        with self._changed:
            self._clear_queue()
            self._changed.notify_all()
            starting = self._in_state(TrainingState.STARTING, TrainingState.GIVEN_UP)
            threads = [live.thread for live in starting if live.thread is not None]
        deadline = self.clock.monotonic() + _CLOSING_PATIENCE
        for thread in threads:
            thread.join(max(0.0, deadline - self.clock.monotonic()))
        if self._thread is not None:
            self._thread.join(_CLOSING_POLL_SECONDS)

    def _service_now(self) -> float | None:
        return max((now for its in self.service_clocks if (now := its()) is not None), default=None)

    def why_spent(self) -> str | None:
        """Return the sentence that says that the budget of the session is spent, None if it is not."""
        self._ledger.synchronize()
        return self._budget.why_spent()

    def _why_nothing_is_started(self) -> str | None:
        """Return why no more executions may be started, None if they may."""
        return _CLOSING if self.clock.closing.is_set() else self._budget.why_spent()
