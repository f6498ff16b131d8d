"""The calls that code made: how many, and whether it repeated a creation that must not be repeated blindly."""

from __future__ import annotations

from datetime import datetime, timezone
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from pytest_aicore.errors import EmulatorError, did_you_mean, our_message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_aicore.emulator.api.request_record import RequestRecord
    from pytest_aicore.emulator.world.world import World

__tracebackhide__ = our_message

NOT_TO_BE_REPEATED = ("artifact.create", "configuration.create", "deployment.create", "execution.create")
"""Each creates another record: the API has no idempotency key by which the service could recognise a repetition."""


class Repeat(NamedTuple):
    """A call that was sent again although its first answer had got lost.

    Attributes:
        lost: the first time.
        again: the next time.
    """

    lost: RequestRecord
    again: RequestRecord


class Calls:
    """All calls that were made during `Emulator.recording`. `len` counts logical calls.

    A client that retries makes several attempts of one logical call. Over HTTP attempts look like calls.

    Args:
        world: the world of the emulator.
        operations: the known operations.
        on_request: called with each request.
    """

    def __init__(
        self, world: World, operations: Sequence[str], on_request: Callable[[RequestRecord], None] | None = None
    ) -> None:
        self._world = world
        self._operations = operations
        self._since = world.state.drawn
        self._on_request = on_request
        self._records: list[RequestRecord] = []
        self._duplicates: Mapping[str, tuple[str, ...]] | None = None

    def __len__(self) -> int:
        return self.made()

    def __repr__(self) -> str:
        return f"<Calls: {self.made()} in {self.attempts()} attempts>"

    def take(self, record: RequestRecord) -> None:
        """Add a request; called by the emulator."""
        self._records.append(record)
        if self._on_request is not None:
            self._on_request(record)

    def end(self) -> None:
        """Keep the present executions; called by the emulator at the end."""
        self._duplicates = self._find_duplicates()

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        """Every attempt, in order."""
        return tuple(self._records)

    def made(self, operation: str = "*") -> int:
        """Return how many logical calls were made, without counting retries.

        Args:
            operation: as faults name it (`execution.get`, `*.create`); without it all, tokens included.

        Raises:
            EmulatorError: unknown call.
        """
        return len({record.number for record in self._of(operation)})

    def attempts(self, operation: str = "*") -> int:
        """Return how many requests were sent.

        Args:
            operation: as of `made`.

        Raises:
            EmulatorError: unknown call.
        """
        return len(self._of(operation))

    def _of(self, operation: str) -> list[RequestRecord]:
        known = self._operations
        if not any(fnmatchcase(each, operation) for each in known):
            raise EmulatorError(f"recording: unknown call {operation!r}.{did_you_mean(operation, known)}")
        return [record for record in self._records if fnmatchcase(record.operation, operation)]

    @property
    def blind_repeats(self) -> tuple[Repeat, ...]:
        """Requests that were sent again, word for word, after their answer was lost, without checking first.

        Only creations count: the first request may have succeeded. An answer is lost if there is none, if it is 5xx,
        or 200, which no creation answers (a page of a gateway, for example). A check is an answered request that lists
        or counts the resource.
        """
        lost: dict[str, list[RequestRecord]] = {}
        repeats = []
        for record in self._records:
            resource, _, verb = record.operation.partition(".")
            creation = f"{resource}.create"
            if verb in ("query", "count") and 200 <= record.status < 300:
                lost.pop(creation, None)
            if record.operation not in NOT_TO_BE_REPEATED:
                continue
            unclear = lost.setdefault(creation, [])
            first = next((each for each in unclear if record.repeats(each)), None)
            if first is not None:
                unclear.remove(first)
                repeats.append(Repeat(first, record))
            if record.status in (0, 200) or record.status >= 500:
                unclear.append(record)
        return tuple(repeats)

    @property
    def duplicate_executions(self) -> Mapping[str, tuple[str, ...]]:
        """Executions by configuration id, where more than one was started; those of schedules do not count."""
        return self._find_duplicates() if self._duplicates is None else self._duplicates

    def _find_duplicates(self) -> Mapping[str, tuple[str, ...]]:
        started: dict[str, list[str]] = {}
        with self._world.lock:
            for group in self._world.state.groups.values():
                for execution in group.executions:
                    if execution.number > self._since and execution.schedule_id is None:
                        started.setdefault(execution.configuration_id, []).append(execution.id)
        return {configuration: tuple(ids) for configuration, ids in started.items() if len(ids) > 1}

    def assert_no_blind_repeat(self) -> None:
        """Fail if a creation was sent again after its answer was lost, without checking first.

        Raises:
            AssertionError: naming the requests.
        """
        __tracebackhide__ = True
        repeats = self.blind_repeats
        if not repeats:
            return
        lines = []
        for lost, again in repeats:
            resource = lost.operation.partition(".")[0]
            lines += [
                f"{lost.operation} was sent again after its answer was lost; the first request may have succeeded:",
                f"  {_moment(lost)} {lost}",
                f"  {_moment(again)} {again}",
                f"Check before you repeat it: {resource}.query shows whether it exists.",
            ]
        raise AssertionError("\n".join(lines))

    def assert_no_duplicate_execution(self) -> None:
        """Fail if more than one execution of the same configuration was started.

        Raises:
            AssertionError: naming the executions.
        """
        __tracebackhide__ = True
        lines = [
            f"configuration {configuration} was executed {len(ids)} times: {', '.join(ids)}."
            for configuration, ids in self.duplicate_executions.items()
        ]
        if lines:
            raise AssertionError("\n".join(lines))


def _moment(record: RequestRecord) -> str:
    return f"{datetime.fromtimestamp(record.at, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
