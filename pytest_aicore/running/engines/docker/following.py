"""What the API says while it builds or pulls an image: that takes long, and can be given up."""

from __future__ import annotations

import os
import queue
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from docker import APIClient
    from requests import Response

_HOOKS: Final = threading.Lock()
"""Held while the hooks of a client are replaced, which several threads share."""


class GivenUp(Exception):  # noqa: N818  nothing is wrong
    """Somebody does not want to know the rest."""


class Silence(Exception):  # noqa: N818  as `TimeoutError`, without its name
    """The API has said nothing for too long."""


class Following(threading.Thread):
    """Reads what the API says in a thread of its own, so that nobody has to wait for the next line.

    Args:
        client: of the API.
        begin: asks it, and returns what it says.
    """

    def __init__(self, client: APIClient, begin: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
        super().__init__(daemon=True, name="aicore-image")
        self._client = client
        self._begin = begin
        self._said: queue.SimpleQueue[Mapping[str, Any] | BaseException | None] = queue.SimpleQueue()
        self._response: Response | None = None
        self._is_given_up = False

    def lines(self, longest_silence: float | None) -> Iterator[Mapping[str, Any]]:
        """Yield what it says, to the end.

        Args:
            longest_silence: seconds, None for any number.

        Raises:
            GivenUp: `give_up` was called.
            Silence: it has said nothing for too long.
            DockerException: it refuses.
            RequestException: it does not answer.
        """
        if not self._is_given_up:
            self.start()
        try:
            while (said := self._next(longest_silence)) is not None:
                yield said
        finally:
            if self.is_alive():
                self.give_up()

    def _next(self, longest_silence: float | None) -> Mapping[str, Any] | None:
        try:
            said = self._said.get(timeout=longest_silence)
        except queue.Empty:
            raise Silence from None
        if isinstance(said, BaseException):
            raise said
        return said

    def give_up(self) -> None:
        """End the connection, on which the API ends what it does; from any thread."""
        self._is_given_up = True
        self._said.put(GivenUp())
        if self._response is not None:
            _cut(self._response)

    def run(self) -> None:
        """Read."""
        from requests.exceptions import ConnectionError as BrokenConnectionError
        from urllib3.exceptions import HTTPError

        with _HOOKS:
            self._client.hooks["response"] = [*self._client.hooks["response"], self._note]
        end: BaseException | None = None
        try:
            for said in self._begin():
                self._said.put(said)
        except HTTPError as error:  # docker-py reads below requests
            end = BrokenConnectionError(str(error))
        except Exception as error:
            end = error
        finally:
            with _HOOKS:
                hooks = self._client.hooks["response"]
                self._client.hooks["response"] = [hook for hook in hooks if hook != self._note]
            self._said.put(end)

    def _note(self, response: Response, **_: object) -> None:
        """Take note of the answer, of which only the beginning has come."""
        if threading.current_thread() is self:
            self._response = response
            if self._is_given_up:
                _cut(response)


def _cut(response: Response) -> None:
    # AttributeError: it was read to its end meanwhile.
    with (
        suppress(OSError, ValueError, AttributeError),
        socket.socket(fileno=os.dup(response.raw.fileno())) as connection,
    ):
        connection.shutdown(socket.SHUT_RDWR)


__all__ = ["Following", "GivenUp", "Silence"]
