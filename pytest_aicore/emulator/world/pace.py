"""How fast time passes on a server: in real time, scaled, by polls, or at once."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.world.clock import END_OF_TIME, LAG_SECONDS, LONGEST_MOVE, POLL_SECONDS, VirtualClock
from pytest_aicore.errors import EmulatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_POLLS_OF_THE_REST = 100
"""The least number of polls that may use up what is left until the machine's time."""
_AT_ONCE = {"unknown": 0.0, "pending": 0.0, "running": 0.0, "stopping": 0.0}
_SCALED = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)x\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast time passes on a server.

    Args:
        name: the name on the command line.
        rate: seconds that pass in a real second.
        poll_seconds: seconds that pass when a client polls something that is not ready yet and does not count polls.
        at_once: whether everything is ready at once.
        said: the same for executions and deployments, as arguments of `Emulator.script`.
    """

    name: str
    rate: float = 1.0
    poll_seconds: float = 0.0
    at_once: bool = False
    said: Mapping[str, Any] = field(default_factory=dict)


class RunningClock(VirtualClock):
    """A clock that runs. It can be moved forward, too, but not held.

    Args:
        pace: its speed.
        start: what the clients' clock shows, in seconds since the epoch; the real time if left out. Where polls take
            time, this clock begins `LAG_SECONDS` earlier.
        ticks: a monotonic clock, in seconds.
    """

    def __init__(self, pace: Pace, *, start: float | None = None, ticks: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._pace = pace
        self._ticks = ticks
        self._start = start
        self.restart()

    def restart(self) -> None:
        """Start again, as if it had never been moved."""
        self._client_origin = time.time() if self._start is None else self._start
        self._origin = self._client_origin - (LAG_SECONDS if self._pace.poll_seconds else 0.0)
        self._began = self._ticks()

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self._origin + (self._ticks() - self._began) * self._pace.rate

    def client_time(self) -> float:
        """Return the time of the clients: it is not scaled, but moves forward when this clock is moved.

        A token that is valid for 43,199 seconds must be valid for that long on the clock of the client.
        """
        return self._client_origin + (self._ticks() - self._began)

    def due(self, seconds: float) -> float:
        """Return when something that takes `seconds` is over: seconds since the epoch."""
        return self.now() + (0.0 if self._pace.at_once else seconds)

    def sleep(self, seconds: float) -> None:
        """Move the clock forward.

        Args:
            seconds: how far; not negative.
        """
        if not seconds >= 0:
            raise EmulatorError(f"The emulator's clock cannot move by {seconds!r} s: expected seconds >= 0.")
        if seconds > min(LONGEST_MOVE, END_OF_TIME - self.now()):
            raise EmulatorError(
                f"The emulator's clock cannot move that far: expected at most {LONGEST_MOVE:,} s (a hundred years) at"
                " once, and a time before the end of the year 9999."
            )
        self._origin += seconds
        self._client_origin += seconds

    advance = sleep

    def hold(self) -> None:
        """Do nothing: polls take no time on this clock."""

    def poll(self) -> None:
        """Let the time of a poll pass; most paces give it none, because the clock runs.

        Polls never take this clock beyond the machine's: the nearer it is, the less a poll takes.
        """
        lag = max(self.client_time() - self.now(), 0.0)
        self._origin += min(self._pace.poll_seconds, lag / _POLLS_OF_THE_REST)

    def set(self, now: float, *, held: bool) -> None:  # noqa: ARG002  # as `VirtualClock.set` has it
        """Set the clock forward; a rollback leaves it as it is, for clients that look at it never see it go back."""
        self._origin += max(now - self.now(), 0.0)


class Passing:
    """The time that passes between the requests to a server whose clock does not run by itself.

    Args:
        pace: its speed; none passes between requests where polls take time, or everything is ready at once.
        ticks: a monotonic clock, in seconds.
    """

    def __init__(self, pace: Pace, ticks: Callable[[], float] = time.monotonic) -> None:
        self.name = pace.name
        self._rate = 0.0 if pace.poll_seconds or pace.at_once else pace.rate
        self._ticks = ticks
        self._last = ticks()

    def since_last(self) -> float:
        """Return the seconds that have passed since the last call."""
        before, self._last = self._last, self._ticks()
        return (self._last - before) * self._rate


PACES = {
    "real": Pace("real"),
    "60x": Pace("60x", rate=60.0),
    "polls": Pace("polls", poll_seconds=POLL_SECONDS, said={"polls": 1}),
    "instant": Pace("instant", at_once=True, said=_AT_ONCE),
}


def pace_named(name: str) -> Pace:
    """Return the pace with a name: `real`, `polls`, `instant`, or a factor such as `60x`.

    Raises:
        EmulatorError: unknown pace.
    """
    if name in PACES:
        return PACES[name]
    scaled = _SCALED.match(name)
    if scaled and float(scaled[1]) > 0:
        return Pace(name, rate=float(scaled[1]))
    raise EmulatorError(
        f"--pace {name}: unknown pace; expected real (one second is one second), a factor such as 60x (a minute "
        "is one second), polls (each poll moves an execution to its next status), or instant."
    )
