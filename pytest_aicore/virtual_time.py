"""Virtual time for one test: `time.sleep` advances a clock instead of waiting. It knows no pytest."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING
from weakref import WeakSet

from pytest_aicore.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.training.watcher import Clock

_NANOSECONDS = 1_000_000_000


class VirtualTime:
    """The time of a test that asked for `aicore_clock`.

    Offline it is the emulator's time, and only sleeping moves it. Under `--aicore-live` it is the machine's.

    Args:
        clock: the emulator's clock, or the machine's.
        live: whether sleeping is real.
    """

    def __init__(self, clock: Clock, *, live: bool) -> None:
        """Begin to count; nothing is patched yet."""
        self._clock = clock
        self._live = live
        self._began = clock.now()

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self._clock.now()

    @property
    def elapsed(self) -> float:
        """Seconds that have passed since the test began."""
        return self._clock.now() - self._began

    def sleep(self, seconds: float) -> None:
        """Let time pass: at once offline, really under `--aicore-live`.

        Args:
            seconds: how much.
        """
        self._clock.sleep(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass at once.

        Args:
            seconds: how much.

        Raises:
            RunError: the session is live, where nobody can do that.
        """
        if self._live:
            raise RunError("aicore_clock.advance works offline only: the real SAP AI Core keeps its own time.")
        self._clock.sleep(seconds)

    def install(self, patch: Callable[[object, str, object], object]) -> None:
        """Make the functions of the module `time` virtual for this test.

        Threads that run already keep real time: they are not the test's (pytest-timeout, pytest-xdist). Those that the
        test starts share its virtual time: what several of them sleep adds up, as if they took turns.
        An asyncio event loop keeps real time, too: it would otherwise wait for a clock that nobody moves.

        Args:
            patch: sets an attribute until the test ends, as `MonkeyPatch.setattr` does.
        """
        if self._live:
            return
        real_sleep, real_monotonic, real_counter = time.sleep, time.monotonic, time.perf_counter
        own = threading.current_thread()
        # Threads themselves, not their idents: those are given again to new threads.
        foreign = WeakSet(thread for thread in threading.enumerate() if thread is not own)

        def is_real() -> bool:
            thread = threading.current_thread()
            # A thread that the module `threading` did not start shows as a dummy, whenever it began.
            return thread is not own and (thread in foreign or type(thread).__name__ == "_DummyThread")

        # Monotonic clocks go on from their real values, so that points in time taken earlier stay in the past.
        monotonic_began, counter_began = real_monotonic(), real_counter()

        def sleep(seconds: float, /) -> None:
            if is_real():
                real_sleep(seconds)
                return
            if seconds < 0:
                raise ValueError("sleep length must be non-negative")
            self._clock.sleep(seconds)
            real_sleep(0)  # let the test's other threads have their turn

        def virtual(real: Callable[[], float], at: Callable[[], float]) -> Callable[[], float]:
            return lambda: real() if is_real() else at()

        def in_nanoseconds(real: Callable[[], int], at: Callable[[], float]) -> Callable[[], int]:
            return lambda: real() if is_real() else round(at() * _NANOSECONDS)

        def monotonic() -> float:
            return monotonic_began + self.elapsed

        def counter() -> float:
            return counter_began + self.elapsed

        patch(time, "sleep", sleep)
        patch(time, "time", virtual(time.time, self.now))
        patch(time, "time_ns", in_nanoseconds(time.time_ns, self.now))
        patch(time, "monotonic", virtual(real_monotonic, monotonic))
        patch(time, "monotonic_ns", in_nanoseconds(time.monotonic_ns, monotonic))
        patch(time, "perf_counter", virtual(real_counter, counter))
        patch(time, "perf_counter_ns", in_nanoseconds(time.perf_counter_ns, counter))
        loops = sys.modules.get("asyncio.base_events")
        if loops is not None:
            patch(loops.BaseEventLoop, "time", lambda _loop: real_monotonic())
