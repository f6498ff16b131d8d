"""Tells as soon as a client has left that waits for an answer: nobody reads its connection meanwhile."""

from __future__ import annotations

import os
import select
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator


class Departures:
    """Watches connections in a thread of its own, where the system tells that the other side has closed one (epoll)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._then: dict[int, Callable[[], None]] = {}
        self._epoll: Any = None

    @contextmanager
    def of(self, connection: socket.socket, then: Callable[[], None]) -> Iterator[None]:
        """Call a function as soon as the other side of a connection closes it, as long as the block lasts.

        Args:
            connection: an open connection that is watched once at a time.
            then: the function, which must return at once.
        """
        descriptor = connection.fileno()
        if not hasattr(select, "epoll") or descriptor < 0:
            yield
            return
        with self._lock:
            if self._epoll is None:
                self._epoll = select.epoll()
                threading.Thread(target=self._watch, args=(self._epoll,), daemon=True, name="aicore-clients").start()
            epoll = self._epoll
            self._then[descriptor] = then
            epoll.register(descriptor, select.EPOLLRDHUP | select.EPOLLONESHOT)
        try:
            yield
        finally:
            with self._lock:
                if self._then.get(descriptor) is then:  # else the connection was closed, and another one has its number
                    del self._then[descriptor]
                    with suppress(OSError, ValueError):  # it is closed
                        epoll.unregister(descriptor)

    def forget(self) -> None:
        """Begin again in a forked process, which has no such thread."""
        self._lock, self._then, self._epoll = threading.Lock(), {}, None

    def _watch(self, epoll: select.epoll) -> None:
        while True:
            for descriptor, _ in epoll.poll():
                with self._lock:
                    then = self._then.get(descriptor)
                if then is not None:
                    then()


DEPARTURES = Departures()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=DEPARTURES.forget)

__all__ = ["DEPARTURES", "Departures"]
