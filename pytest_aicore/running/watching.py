"""Accompanies a step from its start to its end: reads what it writes, measures it, ends it in time."""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_aicore.running.engines.engine import CommandError, StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_aicore.running.engines.engine import Running

_CHUNK = 65536
_AFTER_THE_END = 1 << 20
"""Bytes: the most that a pipe holds (pipe(7)). A process that survived its step may go on writing for ever."""
_FIRST_MEASURE = 0.01
_NEXT_MEASURES = 0.1
_MEASURES_OF_A_LIMIT = 0.05
"""Seconds between two measurements of memory and processor time."""
TOO_LONG = "Pod was active on the node longer than the specified deadline"
"""The kubelet's sentence (kubernetes, pkg/kubelet/active_deadline.go)."""


class Pipe:
    """A pipe whose ends are closed once, whoever closes them."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()

    def close_writing(self) -> None:
        """Close the end to which is written."""
        if self.writing >= 0:
            os.close(self.writing)
        self.writing = -1

    def close(self) -> None:
        """Close both ends."""
        self.close_writing()
        if self.reading >= 0:
            os.close(self.reading)
        self.reading = -1


class Stop:
    """The wish that a step ends, from any thread, before or after its start."""

    def __init__(self) -> None:
        self.message: str | None = None
        self.is_wished = False
        self._lock = threading.Lock()
        self._wake: int | None = None

    def wish(self, message: str | None) -> None:
        """Ask for the end; the first wish counts.

        Args:
            message: why.
        """
        with self._lock:
            if not self.is_wished:
                self.is_wished, self.message = True, message
            if self._wake is not None:
                os.write(self._wake, b"s")

    def wakes(self, writing: int | None) -> None:
        """Say where the thread that accompanies the step listens.

        Args:
            writing: the end of a pipe, None if it does not listen any more.
        """
        with self._lock:
            self._wake = writing
            if writing is not None and self.is_wished:
                os.write(writing, b"s")


@dataclass(slots=True)
class Watched:
    """What happened to a step.

    Attributes:
        seconds: how long it ran.
        peak_memory: the most memory of its processes, in bytes.
        cpu_seconds: their processor time.
        is_too_long: whether it was ended at its deadline.
        is_too_large: whether it was ended because of the memory of its processes.
    """

    seconds: float
    peak_memory: int | None
    cpu_seconds: float | None
    is_too_long: bool
    is_too_large: bool


def watch(
    running: Running,
    streams: Mapping[int, Callable[[bytes], None]],
    deadline: float | None,
    stop: Stop,
    most_memory: int | None = None,
) -> Watched:
    """Accompany a step until its main process has ended. Nothing of what was written before is lost.

    Args:
        running: the step.
        streams: the pipes from which to read, and who gets what was read.
        deadline: seconds that it may run, None for no limit.
        stop: ends it.
        most_memory: bytes that its processes may have together, None for no limit.
    """
    began = time.monotonic()
    usage = running.usage
    wake = Pipe()
    waiter = threading.Thread(target=_tell_end, args=(running, wake.writing), daemon=True, name="aicore-step-end")
    is_too_long = is_too_large = False
    ends = began + deadline if deadline is not None else None
    measures = began + _FIRST_MEASURE
    try:
        waiter.start()
        stop.wakes(wake.writing)
        with selectors.DefaultSelector() as selector:
            for reading, take in streams.items():
                os.set_blocking(reading, False)
                selector.register(reading, selectors.EVENT_READ, take)
            selector.register(wake.reading, selectors.EVENT_READ, None)
            has_ended = False
            while not has_ended:
                now = time.monotonic()
                if ends is not None and now >= ends:
                    is_too_long, ends = True, None
                    running.stop()
                if now >= measures:
                    usage.measure()
                    measures = now + (_NEXT_MEASURES if most_memory is None else _MEASURES_OF_A_LIMIT)
                    if most_memory is not None and (usage.peak_memory or 0) > most_memory:
                        is_too_large, most_memory = True, None
                        running.stop()
                limit = min(measures, ends) if ends is not None else measures
                for key, _ in selector.select(max(0.0, limit - now)):
                    if key.data is None:
                        signs = os.read(wake.reading, _CHUNK)
                        has_ended = b"e" in signs
                        if b"s" in signs and not has_ended:
                            running.stop()
                    elif not (content := _read(key.fd)):
                        selector.unregister(key.fd)
                    else:
                        key.data(content)
    except BaseException:  # whoever reads the lines may fail: the step must not survive that
        running.stop()
        running.wait()
        with contextlib.suppress(CommandError, StartError):
            running.ended("")
        raise
    finally:
        stop.wakes(None)
        waiter.join()
        wake.close()
    return Watched(time.monotonic() - began, usage.peak_memory, usage.cpu_seconds, is_too_long, is_too_large)


def drain(streams: Mapping[int, Callable[[bytes], None]]) -> None:
    """Read what is still in the pipes of a step that has ended, without waiting for more.

    Args:
        streams: the pipes, and who gets what was read.
    """
    for reading, take in streams.items():
        left = _AFTER_THE_END
        while left > 0 and (content := _read(reading)):
            take(content)
            left -= len(content)


def _read(reading: int) -> bytes:
    try:
        return os.read(reading, _CHUNK)
    except BlockingIOError:
        return b""


def _tell_end(running: Running, writing: int) -> None:
    running.wait()
    os.write(writing, b"e")


__all__ = ["TOO_LONG", "Pipe", "Stop", "Watched", "drain", "watch"]
