"""Waits for executions: until their final status, a deadline, or a permanent error of the service."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_aicore.errors import RunError, VerdictError, our_message
from pytest_aicore.service_facts import FINAL_STATUSES
from pytest_aicore.training.service.failures import CallError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ai_api_client_sdk.models.execution import Execution
    from ai_api_client_sdk.models.status import Status

    from pytest_aicore.training.clock import Clock
    from pytest_aicore.training.service.api import TrainingApi


__tracebackhide__ = our_message

_LAG_SECONDS = 300.0
"""Seconds by which an execution may have lasted longer than the known time of the service: at a pace of 60x the known
time is minutes late."""
SETTLING_SECONDS = 60.0
"""Assumed: how long after its start an execution may not be found yet. It was never observed with AI Core."""


class Seen(NamedTuple):
    """A status of an execution, and when it was first seen.

    Attributes:
        status: the SDK's `Status`.
        time: when, in UTC.
    """

    status: Status
    time: datetime


class DeadlineError(RunError):
    """An execution had not ended before its timeout. A test with a longer timeout may still see the end of it."""


class LateError(DeadlineError, VerdictError):
    """The same, of an execution that AI Core says is not at its end, or was not in time."""


class Watch:
    """What is known of one execution that is polled.

    Attributes:
        execution_id: its id.
        created: when it was started, in seconds since the epoch.
        began: the same by the monotonic clock.
        history: each status with the time at which it was first seen, oldest first. The differences of these dates are
            those of the polls, even if the machine's date was changed meanwhile.
        execution: the newest answer, None before the first.
        service_now: the service's time of that answer, in seconds since the epoch; None if that is not known.
        service_began: the service's time when the execution was about to be started.
        trouble: the error of the newest poll, None if it succeeded.
        troubled_since: since when every poll has failed, by the monotonic clock; None if the newest succeeded.
        stopped: why pytest-aicore stopped it, None if it did not.
    """

    def __init__(
        self,
        execution_id: str,
        created: float,
        first_status: Any,
        began: float | None = None,
        service_began: float | None = None,
    ) -> None:
        """Take the answer to the start of the execution.

        Args:
            execution_id: its id.
            created: when it was started, in seconds since the epoch.
            first_status: the SDK's `Status` of the answer.
            began: `created` by the monotonic clock; None if that is the same clock.
            service_began: `created` by the service's clock; None if that is not known.
        """
        self.execution_id = execution_id
        self.created = created
        self.began = created if began is None else began
        self.history: list[Seen] = []
        self.execution: Execution | None = None
        self.service_now: float | None = None
        self.service_began = service_began
        self.trouble: CallError | None = None
        self.troubled_since: float | None = None
        self.stopped: str | None = None
        self._note(first_status, self.began)

    @property
    def ended(self) -> bool:
        """Whether the newest answer shows a final status."""
        return self.execution is not None and self.history[-1].status.value in FINAL_STATUSES

    @property
    def is_deleted(self) -> bool:
        """Whether somebody has deleted it before its end: AI Core shows such an execution for a while."""
        target = self.execution.target_status if self.execution is not None else None
        return not self.ended and target is not None and target.value == "DELETED"

    @property
    def last(self) -> Execution:
        """The newest answer.

        Raises:
            RunError: there was none yet.
        """
        if self.execution is None:
            raise RunError(f"AI Core has not answered for execution {self.execution_id} yet.")
        return self.execution

    @property
    def took(self) -> float:
        """Seconds from its start to its end: as they were seen, or by the service's own times if those are fewer.

        So neither a late poll nor clocks that differ make it longer.
        """
        seen = self.history[-1].time.timestamp() - self.created
        ended = self.last.completion_time
        return min(seen, (ended - self.last.created_at).total_seconds()) if ended is not None else seen

    @property
    def ran(self) -> float | None:
        """Seconds for which it ran, None if it was not seen to run, or still runs.

        They are counted by the service's clock, as the bill is, if its time is known; else by the times of the polls.
        """
        began = next((seen for seen in self.history if seen.status.value == "RUNNING"), None)
        if began is None or began is self.history[-1]:
            return None
        if self.last.completion_time is not None:
            seconds = self.lasted
        elif (since := self.running_since) is not None and self.service_now is not None and self.service_now >= since:
            seconds = self.service_now - since
        else:
            seconds = None
        return (self.history[-1].time - began.time).total_seconds() if seconds is None else seconds

    @property
    def running_since(self) -> float | None:
        """Since when it runs by the service's clock, in seconds since the epoch; None if the service gives no time.

        It is not earlier than the start, because services write the year 1 for an unknown time.
        """
        its = self.last
        if its.start_time is None:
            return None
        earliest = its.created_at.timestamp() if self.service_began is None else self.service_began
        return float(max(its.start_time.timestamp(), earliest))

    @property
    def lasted(self) -> float | None:
        """Seconds from its beginning to its end by the service's own times; None if these are impossible."""
        its = self.last
        if its.start_time is None or its.completion_time is None:
            return None
        if not its.created_at <= its.start_time <= its.completion_time:
            return None
        seconds = float((its.completion_time - its.start_time).total_seconds())
        if self.service_began is not None and self.service_now is not None:
            # The known time of the service is late by a poll or two.
            passed = self.service_now - self.service_began
            return seconds if seconds <= 2 * passed + _LAG_SECONDS else None
        return seconds

    def see(self, execution: Execution, ticks: float, service_now: float | None = None) -> None:
        """Record an answer of the service.

        Args:
            execution: the answer.
            ticks: its time by the monotonic clock.
            service_now: its time by the service's clock, in seconds since the epoch; None if that is not known.
        """
        self.execution = execution
        self.service_now = service_now
        self.trouble = self.troubled_since = None
        self._note(execution.status, ticks)

    def miss(self, trouble: CallError, ticks: float) -> None:
        """Record a poll without an answer.

        Args:
            trouble: its error.
            ticks: its time by the monotonic clock.
        """
        self.trouble = trouble
        if self.troubled_since is None:
            self.troubled_since = ticks

    def date(self, ticks: float) -> datetime:
        """Return the date of a time of the monotonic clock, relative to the start of the execution."""
        return datetime.fromtimestamp(self.created + ticks - self.began, timezone.utc)

    def _note(self, status: Status, ticks: float) -> None:
        if not self.history or self.history[-1].status is not status:
            self.history.append(Seen(status, self.date(ticks)))


class Watcher:
    """Polls executions.

    Args:
        api: the service.
        clock: measures the time, and waits: the real one, or the emulator's.
        interval: the polling interval in seconds.
    """

    def __init__(self, api: TrainingApi, clock: Clock, interval: float = 5.0) -> None:
        """Take the arguments; nothing is called yet."""
        self._api = api
        self._clock = clock
        self._interval = interval

    def wait(self, watch: Watch, timeout: float) -> None:
        """Wait until the execution has a final status.

        Args:
            watch: the execution.
            timeout: seconds since its start after which waiting ends.

        Raises:
            DeadlineError: it had not ended by then.
            RunError: the service refuses to answer, or the execution was deleted.
        """
        deadline = watch.began + timeout
        self.poll([watch])
        while not watch.ended:
            if watch.is_deleted:
                raise RunError(deleted(watch))
            left = deadline - self._clock.monotonic()
            if left <= 0:
                raise deadline_error(watch, too_late(watch, timeout))
            self._clock.sleep(min(self._interval, left))
            self.poll([watch])

    def poll(self, watches: Sequence[Watch]) -> None:
        """Poll each of the executions once; transient failures are kept as `trouble`.

        Args:
            watches: the executions.

        Raises:
            RunError: the service refuses to answer for one, or its status is unknown to the SDK.
        """
        for watch in watches:
            try:
                execution = self._api.execution(watch.execution_id)
            except CallError as error:  # noqa: PERF203  between two network calls
                if not (error.transient or self._is_early_404(watch, error)):
                    raise
                watch.miss(error, self._clock.monotonic())
            else:
                watch.see(execution, self._clock.monotonic())

    def _is_early_404(self, watch: Watch, error: CallError) -> bool:
        """Return whether an execution may be missing because it was started a moment ago."""
        young = self._clock.monotonic() - watch.began < SETTLING_SECONDS
        return error.is_missing and watch.execution is None and young


def deadline_error(watch: Watch, text: str) -> DeadlineError:
    """Return the error for an execution that had not ended before its timeout.

    It is a verdict about the training, unless AI Core no longer answered: then nobody knows.

    Args:
        watch: what is known of the execution.
        text: the error's.
    """
    return (LateError if watch.trouble is None else DeadlineError)(text)


def deleted(watch: Watch) -> str:
    """Return the error text for an execution that was deleted before its end.

    Args:
        watch: what is known of the execution.
    """
    return (
        f"execution {watch.execution_id} was deleted while it was {watch.history[-1].status.value}, so it will not end:"
        " its target status is DELETED. Something other than this test has deleted it."
    )


def too_late(watch: Watch, timeout: float) -> str:
    """Return the error text for an execution that had not ended before its timeout.

    Args:
        watch: what is known of the execution.
        timeout: the timeout in seconds.
    """
    status = watch.history[-1].status.value
    text = f"execution {watch.execution_id} had not ended {timeout:g} s after its start: it was {status}"
    if watch.trouble is not None:
        text += f" when AI Core last answered, and since then: {watch.trouble}"
    return text.rstrip(".") + ". A longer training needs a longer timeout: timeout= in the marker, or --aicore-timeout."
