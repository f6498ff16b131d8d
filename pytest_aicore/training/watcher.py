"""Waits for executions: until their final status, a deadline, or the certainty that there will be no answer."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_aicore.errors import RunError, our_message
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
"""So much longer an execution may have lasted than time is known to have passed for the service: at a pace of 60x what
is known lags by minutes."""
SETTLING_SECONDS = 60.0
"""Assumed: how long after its start an execution may not be found yet. Nobody has seen it happen with AI Core."""


class Seen(NamedTuple):
    """A status of an execution, and when it was first seen.

    Attributes:
        status: the SDK's `Status`.
        time: when, in UTC.
    """

    status: Status
    time: datetime


class DeadlineError(RunError):
    """An execution had not ended when its time was up."""


class Watch:
    """One execution that somebody waits for.

    Attributes:
        execution_id: which.
        created: when it was started, in seconds since the epoch.
        began: the same by the clock that nobody sets.
        history: each status with the time at which it was first seen, oldest first. These dates are as far apart as the
            looks were, whatever happened to the machine's date meanwhile.
        execution: the newest answer, None before the first.
        service_now: what time it was for the service then, in seconds since the epoch; None if that is not known.
        service_began: the same when the execution was about to be started.
        trouble: why the newest look failed, None if it did not.
        troubled_since: since when each look has failed, by the clock that nobody sets; None if the newest did not.
        stopped: why we stopped it, None if we did not.
    """

    def __init__(
        self,
        execution_id: str,
        created: float,
        first_status: Any,
        began: float | None = None,
        service_began: float | None = None,
    ) -> None:
        """Begin with what the answer to the start of the execution said.

        Args:
            execution_id: which execution.
            created: seconds since the epoch.
            first_status: the SDK's `Status` of that answer.
            began: the same by the clock that nobody sets; None where that is the same clock.
            service_began: the same by the service's clock; None if that is not known.
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
    def last(self) -> Execution:
        """The newest answer.

        Raises:
            RunError: there has been none.
        """
        if self.execution is None:
            raise RunError(f"AI Core has not answered for execution {self.execution_id} yet.")
        return self.execution

    @property
    def took(self) -> float:
        """Seconds from its start to its end: as they were seen, or by the service's own times where those are fewer.

        So a late look makes it no longer, nor do clocks that differ.
        """
        seen = self.history[-1].time.timestamp() - self.created
        ended = self.last.completion_time
        return min(seen, (ended - self.last.created_at).total_seconds()) if ended is not None else seen

    @property
    def ran(self) -> float | None:
        """Seconds for which it ran, None if it was not seen to, or if it still runs.

        By the service's clock, which is what is paid for, where it tells its time; else as it was seen.
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
        """Since when it runs by the service's clock, in seconds since the epoch; None if it does not say.

        Not before it was about to be started: where a time is not known, services write the year 1.
        """
        its = self.last
        if its.start_time is None:
            return None
        earliest = its.created_at.timestamp() if self.service_began is None else self.service_began
        return float(max(its.start_time.timestamp(), earliest))

    @property
    def lasted(self) -> float | None:
        """Seconds from its beginning to its end by the service's own times; None where they cannot be right."""
        its = self.last
        if its.start_time is None or its.completion_time is None:
            return None
        if not its.created_at <= its.start_time <= its.completion_time:
            return None
        seconds = float((its.completion_time - its.start_time).total_seconds())
        if self.service_began is not None and self.service_now is not None:
            # What is known of the service's time lags by a poll or two.
            passed = self.service_now - self.service_began
            return seconds if seconds <= 2 * passed + _LAG_SECONDS else None
        return seconds

    def see(self, execution: Execution, ticks: float, service_now: float | None = None) -> None:
        """Take a new answer.

        Args:
            execution: what the service said.
            ticks: when, by the clock that nobody sets.
            service_now: when, by the service's clock, in seconds since the epoch; None if it does not tell.
        """
        self.execution = execution
        self.service_now = service_now
        self.trouble = self.troubled_since = None
        self._note(execution.status, ticks)

    def miss(self, trouble: CallError, ticks: float) -> None:
        """Take that there was no answer.

        Args:
            trouble: why.
            ticks: when, by the clock that nobody sets.
        """
        self.trouble = trouble
        if self.troubled_since is None:
            self.troubled_since = ticks

    def date(self, ticks: float) -> datetime:
        """Return the date of a moment of the clock that nobody sets, as it was when the execution was started."""
        return datetime.fromtimestamp(self.created + ticks - self.began, timezone.utc)

    def _note(self, status: Status, ticks: float) -> None:
        if not self.history or self.history[-1].status is not status:
            self.history.append(Seen(status, self.date(ticks)))


class Watcher:
    """Looks at executions in intervals.

    Args:
        api: the service.
        clock: how time passes: the real one, or the emulator's.
        interval: seconds between two looks.
    """

    def __init__(self, api: TrainingApi, clock: Clock, interval: float = 5.0) -> None:
        """Take what is needed to look; nothing is called yet."""
        self._api = api
        self._clock = clock
        self._interval = interval

    def wait(self, watch: Watch, timeout: float) -> None:
        """Return when the execution has a final status.

        Args:
            watch: which execution.
            timeout: seconds since its start after which it is too late.

        Raises:
            DeadlineError: it had not ended by then.
            RunError: there is no point in asking again.
        """
        deadline = watch.began + timeout
        self.look([watch])
        while not watch.ended:
            left = deadline - self._clock.monotonic()
            if left <= 0:
                raise DeadlineError(too_late(watch, timeout))
            self._clock.sleep(min(self._interval, left))
            self.look([watch])

    def look(self, watches: Sequence[Watch]) -> None:
        """Ask once for each of the executions; transient failures are kept as `trouble`.

        Args:
            watches: the executions.

        Raises:
            RunError: the service refuses to answer for one, or answers with a status nobody knows.
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
        """Tell whether an execution is not found because it was started a moment ago."""
        young = self._clock.monotonic() - watch.began < SETTLING_SECONDS
        return error.is_missing and watch.execution is None and young


def too_late(watch: Watch, timeout: float) -> str:
    """Return what is said of an execution that had not ended when its time was up.

    Args:
        watch: what is known of it.
        timeout: seconds that it had.
    """
    status = watch.history[-1].status.value
    text = f"execution {watch.execution_id} had not ended {timeout:g} s after its start: it was {status}"
    if watch.trouble is not None:
        text += f" when AI Core last answered, and since then: {watch.trouble}"
    return text.rstrip(".") + ". A longer training needs a longer timeout: timeout= in the marker, or --aicore-timeout."
