"""Virtual time of asyncio's event loops: where a loop would wait for a sleep, the test's clock moves instead.

A loop waits for three kinds of things. For a sleep, or a call that the code under test has scheduled, time passes at
once.
What others bring about, such as an answer over a socket or a function in a thread, takes real time, and is waited for.
A timeout, of asyncio or of a library, guards such waiting: it is never what makes time pass while an answer may come.
"""

# ruff: noqa: SLF001  # where a loop waits has no public name; these have been the same since Python 3.4

from __future__ import annotations

import asyncio
from asyncio import base_events, futures
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE = 0.1
"""Real seconds in which something may happen at open sockets, or by other threads, before the clock moves."""
_SMALLEST_STEP = 1e-6
"""Seconds since the epoch are rounded to less than a microsecond: a smaller step would not move the clock."""
_SLEEP: Any = futures._set_result_unless_cancelled  # type: ignore[attr-defined]
"""What `asyncio.sleep` has the loop call."""


def install(
    patch: Callable[[object, str, object], object],
    *,
    is_virtual: Callable[[], bool],
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
    is_of_test: Callable[[str | None], bool],
) -> None:
    """Make the time of event loops virtual, as long as the patches last.

    Args:
        patch: sets an attribute until the test ends.
        is_virtual: whether time is virtual in the calling thread.
        monotonic: the virtual time of loops, in seconds.
        sleep: moves it by seconds.
        is_of_test: whether a module file is the user's: neither Python's nor of an installed package.
    """
    loops: Any = base_events.BaseEventLoop
    real_time, run_once, run_in_executor = loops.time, loops._run_once, loops.run_in_executor
    working: dict[object, int] = {}

    def time(loop: Any) -> float:
        return monotonic() if is_virtual() else float(real_time(loop))

    def run_in_executor_counted(loop: Any, *arguments: Any) -> asyncio.Future[Any]:
        running: asyncio.Future[Any] = run_in_executor(loop, *arguments)
        working[loop] = working.get(loop, 0) + 1

        def end(_: object) -> None:
            working[loop] -= 1

        running.add_done_callback(end)
        return running

    def run_once_virtually(loop: Any) -> None:
        if is_virtual() and not (loop._ready or loop._stopping):
            timers = [each for each in loop._scheduled if not each.cancelled()]
            due = min((each.when() for each in timers), default=None)
            if due is not None and due > loop.time():
                passes = any(_is_sleep(each, is_of_test) for each in timers)
                patience = _patience(loop, passes=passes, works=working.get(loop, 0) > 0)
                remaining = due - loop.time()
                happened = loop._selector.select(remaining if patience is None else min(patience, remaining))
                loop._process_events(happened)
                if not (happened or loop._ready):
                    step = _SMALLEST_STEP
                    while (remaining := due - loop.time()) > 0:
                        sleep(max(remaining, step))
                        step *= 2
        run_once(loop)

    patch(loops, "time", time)
    patch(loops, "_run_once", run_once_virtually)
    patch(loops, "run_in_executor", run_in_executor_counted)


def _patience(loop: Any, *, passes: bool, works: bool) -> float | None:
    """Return how long a loop waits really before time passes: None for as long as it would without virtual time.

    Args:
        loop: the event loop.
        passes: whether a sleep is among what it waits for.
        works: whether a function in a thread is.
    """
    has_sockets = len(loop._selector.get_map()) > 1 if hasattr(loop._selector, "get_map") else True  # one is its own
    if works or (has_sockets and not passes):
        return None
    return GRACE if has_sockets or not passes else 0.0


def _is_sleep(timer: asyncio.TimerHandle, is_of_test: Callable[[str | None], bool]) -> bool:
    """Return whether a timer is a sleep, or a call of the code under test; the others are timeouts of libraries."""
    called: Any = timer._callback  # type: ignore[attr-defined]
    if called is _SLEEP:
        return True
    while isinstance(called, partial):
        called = called.func
    code = getattr(called, "__code__", None) or getattr(getattr(called, "__func__", None), "__code__", None)
    return is_of_test(getattr(code, "co_filename", None))


__all__ = ["GRACE", "install"]
