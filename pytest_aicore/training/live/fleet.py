"""Many trainings at once on the real service: started together, watched with one question per interval.

One thread watches. It asks for one page of executions, whatever their number, and for a single one only where the page
does not show it. Threads of their own start executions, as many at once as the session may have. Whoever waits for a
run waits for what the watching thread tells, and for no longer than its deadline, whatever the service does; then the
execution is looked at for the last time, and stopped.

Deadlines, intervals and ages are measured by a clock that nobody sets; dates are for people and other processes.
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
from pytest_aicore.training.live.log_stream import LogFollowing, NobodyLooks
from pytest_aicore.training.live.stop import stop_execution
from pytest_aicore.training.run import again
from pytest_aicore.training.service.failures import CallError
from pytest_aicore.training.watcher import SETTLING_SECONDS, DeadlineError, too_late

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
"""Seconds between the first looks at new executions: what fails at once should be known at once."""
_LONGEST_BACKOFF = 30.0
_JITTER = 0.1
_REFUSALS = 3
"""So many refusals in a row are believed; a gateway that restarts may refuse one."""
_GLANCE = 1.0
"""Seconds after which whoever waits looks up, to show how far things are."""
_LAST_LOOK = 10.0
"""Seconds that the last look at an execution may take whose time is up."""
OUTAGE_PATIENCE = 300.0
"""Seconds for which AI Core may not answer for an execution before nobody waits for it any more. A gateway that is set
up anew, or a network that comes back, takes minutes, and a training of hours should survive that; what is paid for
during an outage is stopped by the end of the session."""
STARTING_SECONDS = 600.0
"""For so long at least a test waits for its training to be started; longer if the training itself may take longer."""
_CLOSING_PATIENCE = 5.0
"""Seconds that the end of the session waits for what is being started, whose id is worth knowing. What is not known by
then is found by its configuration."""
_CLOSING_GLANCE = 1.0
"""The same for the thread that watches: nobody needs what it would see."""


_CLOSING = "The session ends, so nothing more was started."


class ClosingError(RunError):
    """The session ends, so nothing more is started."""


class FleetClock(RealClock):
    """The machine's clock. The end of the session ends every sleep, and the work of the fleet's own threads."""

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
        clock: how time passes.
        interval: seconds between two looks.
        most_at_once: how many executions may run at once.
        budget: seconds that all executions of the session may run together, None for any.
        onlooker: is shown how far things are.
        needs_no_start: tells whether another process of the session has begun a training, or no test is left for it.
        home: the process; one that was forked from it can neither start nor wait.
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
        self._budget = Budget(budget, ledger.of_session, clock, api.service_now)
        ledger.refusal = self._why_nothing_is_started
        self._onlooker = onlooker or NobodyLooks()
        self._changed = HomeCondition((home or Home()).require_for_runs)
        self._trainings: dict[Training, LiveTraining] = {}
        self._first_turn = self._last_turn = 0
        self._waited_for: Training | None = None
        self._logs = LogFollowing(api, self._onlooker)
        self._next_look = 0.0
        self._not_before = 0.0
        self._troubles = 0
        self._thread: Thread | None = None
        self.guard: float | None = None
        """When the test that runs now is over, whatever it waits for, by the clock that nobody sets; None for never."""

    # Asking for runs ------------------------------------------------------------------------------------------------

    def want(self, training: Training, user: str, timeout: float) -> None:
        """Remember that a test needs a training.

        Args:
            training: what it needs.
            user: the test.
            timeout: seconds for which it would wait.
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
        """Return how far a training is.

        Args:
            training: which one.
        """
        with self._changed:
            return self._get(training).state

    def enqueue(self, training: Training) -> None:
        """Start a training as soon as there is room for it."""
        with self._changed:
            live = self._get(training)
            if live.state is TrainingState.NEW:
                self._last_turn += 1
                live.queue(self._last_turn)
                self._wake_up()

    def release(self, user: str) -> None:
        """Forget that a test needs trainings, and stop those that nobody needs any more.

        Args:
            user: the test.
        """
        with self._changed:
            for live in self._trainings.values():
                if live.users.pop(user, None) is not None and not live.users:
                    live.need_no_more()
            self._changed.notify_all()

    def is_unwanted(self, training: Training) -> bool:
        """Tell whether a training was given up because nobody needed it any more."""
        live = self._trainings.get(training)
        return live is not None and live.is_unwanted

    def start(self, training: Training) -> None:
        """Return when the execution has been started; who waits for that is first in the queue.

        Raises:
            AicoreError: it could not be, or not in time.
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
                self._glance(training, deadline)
        if live.error is not None and not live.has_execution:
            raise again(live.error)
        training.begin()

    def wait(self, training: Training, timeout: float) -> None:
        """Return when the execution has a final status.

        Args:
            training: whose execution.
            timeout: seconds since its start.

        Raises:
            DeadlineError: it had not ended by then; it was stopped, unless another test has more time.
            RunError: there is no point in waiting.
        """
        watch = training.begin()
        deadline = watch.began + timeout
        self._waited_for = training
        try:
            with self._changed:
                live = self._get(training)
                while live.error is None and live.state is not TrainingState.ENDED and not self._over(deadline):
                    self._glance(training, deadline)
        finally:
            self._waited_for = None
            self._onlooker.done()
        if live.error is not None:
            raise again(live.error)
        if live.state is not TrainingState.ENDED:
            self._give_up(live, watch, timeout)

    def _get(self, training: Training) -> LiveTraining:
        """Return what is known of a training; the caller holds the lock."""
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
                f"{training.plan.workflow} {what} when the time was up that pytest-timeout gives this test. Give the"
                " test a longer timeout."
            )

    def _glance(self, training: Training, deadline: float | None) -> None:
        """Wait a little, and let the user see how far things are."""
        self._onlooker.show(training, [live.training for live in self._started()])
        ends = [each - self.clock.monotonic() for each in (deadline, self.guard) if each is not None]
        self._changed.wait(max(0.0, min([_GLANCE, *ends])))

    def _give_up(self, live: LiveTraining, watch: Watch, timeout: float) -> None:
        """Look for the last time, stop the execution, and say so.

        Raises:
            DeadlineError: always, unless it has just ended.
        """
        from pytest_aicore.training.service.transport import no_longer_than

        late = self.guard is not None and self.clock.monotonic() >= self.guard
        try:
            with no_longer_than(_LAST_LOOK):
                execution = self._api.execution(watch.execution_id)
            self._see(live, execution)
        except CallError as error:
            watch.miss(error, self.clock.monotonic())
        if watch.ended:
            return
        text = too_late(watch, timeout)
        if late:
            text = (
                f"execution {watch.execution_id} had not ended when the time was up that pytest-timeout gives this"
                f" test: it was {watch.history[-1].status.value}. Give the test a longer timeout."
            )
        with self._changed:
            patient = max(live.users.values(), default=0.0)
        if patient > timeout:
            raise DeadlineError(text)
        outcome = self._stop(live, "its time was up")
        raise DeadlineError(f"{text} {outcome}")

    def _stop(self, live: LiveTraining, reason: str, message: str | None = None) -> str:
        """Stop an execution, and return a sentence about that.

        Args:
            live: whose execution.
            reason: in a few words, for the report and the end of the session.
            message: is said to whoever waits for it, if more than the reason is to be said.
        """
        said = message or f"it was stopped, because {reason}."
        training = live.training
        watch = training.begin()
        try:
            outcome = f"It {stop_execution(self._api, self.clock, watch.execution_id)}."
        except AicoreError as error:
            outcome = f"It could not be stopped: {error} `pytest-aicore sweep` tries again."
            # Nobody waits for what may not run any more; the end of the session tries once more to stop it.
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

    def _lose(self, live: LiveTraining, error: AicoreError) -> None:
        """Wait no more for an execution; if it exists at all, the end of the session stops it."""
        self._note(live.training, "lost")
        with self._changed:
            live.lose(error)
            self._changed.notify_all()

    def _give_up_start(self, live: LiveTraining, seconds: float) -> None:
        """Wait no more for the start of an execution, and start it no more."""
        training = live.training
        error = RunError(
            f"{training.plan.workflow} had not been started {seconds:g} s after a test had asked for it: at most"
            f" {self._most_at_once} executions run at once (--aicore-max-parallel), and none of them ended, or AI Core"
            " did not answer. It is not started any more."
        )
        training.give_up(error)
        live.give_up(error)

    def _note(self, training: Training, event: str, **facts: object) -> None:
        """Take down what is known of an execution."""
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
                due = bool(watched) and now >= self._next_look
                is_running_out = self._budget.spent is None and self._budget.lasts() <= 0
                if not (due or unwanted or is_running_out):
                    if not self.clock.closing.is_set():
                        self._changed.wait(self._pause(now))
                    continue
            try:
                for live in unwanted:
                    self._stop(live, "no test needed it any more")
                if due:
                    self._look()
                    self._logs.read_on(self._waited_for)
                self._mind_the_budget()
            except Exception as error:
                self._lose_all(
                    error if isinstance(error, AicoreError) else RunError(f"watching failed ({type(error).__name__}).")
                )

    def _pause(self, now: float) -> float | None:
        """Return how long nothing is to be done, None for until something changes."""
        if not self._watched():
            return _GLANCE if self._queue() else None
        pause = min(self._next_look - now, max(0.05, self._budget.lasts()))
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
                continue  # whoever needs it asks for it
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
                soon = max(self._not_before, self.clock.monotonic() + self._interval)
                self._next_look = min(self._next_look or float("inf"), soon)
            else:
                live.refuse(failure)
            self._changed.notify_all()

    def _look(self) -> None:
        """Ask about all executions at once, and about one alone if need be."""
        watched = self._watched()
        executables = {live.training.plan.template.executable.id for live in watched}
        trouble: CallError | None = None
        page: dict[str, Execution | RunError] = {}
        try:
            page = self._api.page(executables, 2 * len(watched))
        except CallError as error:
            trouble = error
        # Who does not answer one question is not asked the next. Each execution is the first one that is asked for some
        # time, so that one that nobody can tell about does not hide the others.
        outage = trouble if trouble is not None and trouble.transient and not trouble.is_unreadable else None
        for live in random.sample(watched, len(watched)):
            watch = live.training.begin()
            answer = page.get(watch.execution_id)
            if answer is not None and not isinstance(answer, RunError):
                self._see(live, answer)
            elif outage is not None:
                self._miss(live, watch, outage)
            else:
                outage = self._look_at(live, watch)
        failing = outage if trouble is not None else None
        with self._changed:
            self._troubles = self._troubles + 1 if failing is not None else 0
            self._interval = min(self._interval * 2, self._longest)
            pause = self._interval
            if failing is not None:
                asked = failing.retry_after or 0.0
                pause = max(asked, min(pause * 2**self._troubles, _LONGEST_BACKOFF))
                self._not_before = self.clock.monotonic() + asked
            # Earlier, never later: the end of a run is known after one interval.
            self._next_look = self.clock.monotonic() + pause * (1 - random.uniform(0, _JITTER))  # noqa: S311
            self._changed.notify_all()

    def _lose_all(self, error: AicoreError) -> None:
        for live in self._watched():
            self._lose(live, error)

    def _refuse_all(self, error: AicoreError) -> None:
        """Start nothing of what waits for its start."""
        for live in self._queue():
            live.refuse(error)
        self._changed.notify_all()

    def _look_at(self, live: LiveTraining, watch: Watch) -> CallError | None:
        """Ask for one execution alone, and return why there was no answer, None if there was one."""
        try:
            execution = self._api.execution(watch.execution_id)
        except CallError as error:
            young = error.is_missing and watch.execution is None
            if error.transient or (young and self.clock.monotonic() - watch.began < SETTLING_SECONDS):
                self._miss(live, watch, error)
                return error if error.transient else None
            watch.miss(error, self.clock.monotonic())
            live.refusals += 1
            if live.refusals >= _REFUSALS:
                deleted = error.is_missing and watch.execution is not None
                self._lose(live, RunError(f"{error} Somebody may have deleted it.") if deleted else error)
        except RunError as error:
            self._lose(live, error)
        else:
            self._see(live, execution)
        return None

    def _miss(self, live: LiveTraining, watch: Watch, trouble: CallError) -> None:
        """Take that there was no answer; nobody waits for ever for one."""
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

    def _see(self, live: LiveTraining, execution: Execution) -> None:
        training = live.training
        watch = training.begin()
        live.refusals = 0
        service_now = self._api.service_now()
        watch.see(execution, self.clock.monotonic(), service_now)
        status = execution.status.value
        if status == "RUNNING" and training.record().running_since is None:
            facts = {"time": self.clock.now(), "ticks": self.clock.monotonic(), "began": watch.running_since}
            self._note(training, "running", **facts)
        if watch.ended:
            # What is paid for is the service's time; ours counts where its times are not known.
            seconds = watch.lasted
            if seconds is None:
                seconds = training.record().ran(self.clock, service_now)
            self._note(training, "ended", status=status, seconds=seconds)
            with self._changed:
                live.end()
                self._changed.notify_all()

    def _mind_the_budget(self) -> None:
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
        """Start nothing more, and wait for what is being started."""
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
            self._thread.join(_CLOSING_GLANCE)

    def _why_nothing_is_started(self) -> str | None:
        """Return why no execution may be started any more, None if one may."""
        return _CLOSING if self.clock.closing.is_set() else self._budget.why_spent()
