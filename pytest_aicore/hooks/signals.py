"""Handlers of signals for one process only: processes forked from it keep the previous handlers."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

from pytest_aicore.processes import Home

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_installed: list[SignalHandlers] = []
"""In the order in which they were installed."""


class SignalHandlers:
    """A handler for some signals.

    Args:
        names: of the signals; those that the system does not have are left out.
        handle: called with the signal's number, in the main thread.
    """

    def __init__(self, names: Sequence[str], handle: Callable[[int], None]) -> None:
        self._numbers = [number for name in names if (number := getattr(signal, name, None)) is not None]
        self._handle = handle
        self._handler = self._handle_here  # one object, so that it can be compared
        self._before: dict[int, Any] = {}
        self._home = Home()

    def install(self) -> None:
        """Begin to handle the signals. A second call does nothing; only the main thread can call it."""
        if self._before or threading.current_thread() is not threading.main_thread():
            return
        self._home.settle()
        self._before = {number: signal.signal(number, self._handler) for number in self._numbers}
        _installed.append(self)

    def restore(self) -> None:
        """Restore the previous handlers, unless other code has replaced ours."""
        before, self._before = self._before, {}
        for number, handler in before.items():
            if signal.getsignal(number) == self._handler:
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if self in _installed:
            _installed.remove(self)

    def _handle_here(self, number: int, frame: object) -> None:
        if self._home.is_here:
            self._handle(number)
            return
        # A process that was forked in C, or is being forked now, keeps the previous handlers.
        before = self._before.get(number, signal.SIG_DFL)
        if callable(before):
            before(number, frame)
        elif before != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def _leave_to_forked_process() -> None:
    for handlers in reversed(_installed.copy()):
        handlers.restore()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_forked_process)
