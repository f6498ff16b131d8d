"""Threads in simulated time: when all of them wait, the clock jumps to the moment at which the first one wakes up.

So tests do not wait for real, and the order of events is the same each time.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from pytest_aicore.training.live.fleet import FleetClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.emulator.world.clock import VirtualClock

PATIENCE = 20.0
"""Seconds of real time after which a thread that is not woken up is an error."""


class _Sleeper:
    def __init__(self, until: float) -> None:
        self.until = until
        self.is_awake = False


class SimulatedTime(FleetClock):
    """The clock of a fleet, and of the emulator that it meets. The thread that makes it is the first of its threads.

    Args:
        clock: of the emulator.
    """

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        clock.hold()
        self._clock = clock
        self._gate = threading.Condition()
        self._running = 1
        self._sleepers: list[_Sleeper] = []
        self._began = clock.now()
        self.closing: Any = Event(self)
        self.slept: list[float] = []
        self.threads: list[threading.Thread] = []

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return round(self._clock.now() - self._began, 6)

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self._clock.now()

    monotonic = now

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds, or until the session ends."""
        self.slept.append(seconds)
        super().sleep(seconds)

    def block(self, seconds: float | None, sleepers: list[_Sleeper]) -> bool:
        """Wait until one of the sleepers is woken up, and return whether that happened before the time was up."""
        with self._gate:
            sleeper = _Sleeper(float("inf") if seconds is None else self.now() + seconds)
            sleepers.append(sleeper)
            self._sleepers.append(sleeper)
            self._running -= 1
            self._go_on()
            while sleeper in self._sleepers:
                assert self._gate.wait(PATIENCE), "every thread waits for another"
            sleepers.remove(sleeper)
            return sleeper.is_awake

    def wake(self, sleepers: list[_Sleeper]) -> None:
        """Wake sleepers up."""
        with self._gate:
            for sleeper in sleepers:
                if sleeper in self._sleepers:
                    sleeper.is_awake = True
                    self._let_run(sleeper)

    def began(self) -> None:
        """Record that there is another thread."""
        with self._gate:
            self._running += 1

    def ended(self) -> None:
        """Record that a thread has ended."""
        with self._gate:
            self._running -= 1
            self._go_on()

    def _let_run(self, sleeper: _Sleeper) -> None:
        self._sleepers.remove(sleeper)
        self._running += 1
        self._gate.notify_all()

    def _go_on(self) -> None:
        if self._running or not self._sleepers:
            return
        first = min(self._sleepers, key=lambda sleeper: sleeper.until)
        if first.until < float("inf"):
            self._clock.sleep(max(0.0, first.until - self.now()))
            self._let_run(first)

    def thread(self, target: Callable[..., object], **how: Any) -> threading.Thread:
        """Make a thread that lives in this time; in the place of `threading.Thread`."""
        self.threads.append(_Thread(self, target=target, **how))
        return self.threads[-1]

    def condition(self, require: Callable[[], None]) -> Condition:
        """Make a condition of this time; in the place of `pytest_aicore.processes.HomeCondition`."""
        return Condition(self, require)


class Event:
    """As `threading.Event`."""

    def __init__(self, time: SimulatedTime) -> None:
        self._time = time
        self._is_set = False
        self._sleepers: list[_Sleeper] = []

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        self._time.wake(self._sleepers)

    def wait(self, seconds: float | None = None) -> bool:
        return self._is_set or self._time.block(seconds, self._sleepers)


class Condition:
    """As `pytest_aicore.processes.HomeCondition`."""

    def __init__(self, time: SimulatedTime, require: Callable[[], None]) -> None:
        self._time = time
        self._require = require
        self._lock: Any = threading.RLock()
        self._sleepers: list[_Sleeper] = []

    def __enter__(self) -> None:
        self._require()
        self._lock.acquire()

    def __exit__(self, *exception: object) -> None:
        self._lock.release()

    def wait(self, seconds: float | None = None) -> bool:
        with self._time._gate:  # a notification from now on finds this sleeper
            held = self._lock._release_save()
            woken = self._time.block(seconds, self._sleepers)
        self._lock._acquire_restore(held)
        return woken

    def notify_all(self) -> None:
        assert self._lock._is_owned()
        self._time.wake(self._sleepers)


class _Thread(threading.Thread):
    def __init__(self, time: SimulatedTime, **how: Any) -> None:
        super().__init__(**how)
        self._time = time
        self._over = Event(time)

    def start(self) -> None:
        self._time.began()
        super().start()

    def run(self) -> None:
        try:
            super().run()
        finally:
            self._over.set()
            self._time.ended()

    def join(self, timeout: float | None = None) -> None:
        self._over.wait(timeout)
