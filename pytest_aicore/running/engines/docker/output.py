"""What a container writes: the API passes it on as it comes, and what that misses is in the container's log."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker import APIClient

LOG: Final = {"type": "json-file", "config": {"max-size": "256k"}}
"""The log of a container: only its end is kept, until the container is removed. Podman calls this kind `k8s-file`."""
_BEGIN, _END = 128 * 1024, 4096
"""Bytes of what was passed on that are compared with the log."""
_MISSING: Final = b"pytest-aicore: the API of Docker has not passed on all that was written here\n"


class Output(threading.Thread):
    """Passes on what a container writes; who does not read lets it wait.

    Args:
        client: of the API.
        container: its id; it has not started.
        stdout: the descriptor to which is written; it is not closed.
        stderr: the other one; may be the same.

    Raises:
        DockerException: the API does not pass on.
        RequestException: the API does not answer.
    """

    def __init__(self, client: APIClient, container: str, stdout: int, stderr: int) -> None:
        super().__init__(daemon=True, name="aicore-container-output")
        self.is_over = threading.Event()
        self._client = client
        self._container = container
        self._connection: Any = client.attach_socket(container, params={"stdout": 1, "stderr": 1, "stream": 1})
        both = _Stream(os.dup(stdout), {"stdout": True, "stderr": True})
        self._stdout = self._stderr = both
        if stdout != stderr:
            both.logged["stderr"] = False
            self._stderr = _Stream(os.dup(stderr), {"stdout": False, "stderr": True})
        self._has_ended = threading.Event()
        self._is_doubtful = True
        self._may_be_silent = False

    def run(self) -> None:
        """Pass on until the output is closed; once the container has ended, pass on what was missed."""
        from docker.utils.socket import STDERR, frames_iter

        try:
            for stream, content in frames_iter(self._connection, tty=False):
                (self._stderr if stream == STDERR else self._stdout).write(content)
            self._is_doubtful = False
        except Exception:  # noqa: S110  of the connection
            pass
        finally:
            self._connection._response.close()  # noqa: SLF001  docker-py keeps it there
            self._connection.close()
            self.is_over.set()
        self._has_ended.wait()
        streams = {self._stdout, self._stderr}
        try:
            if self._is_doubtful or not (self._length or self._may_be_silent):
                for each in streams:
                    each.complete(self._log)
        finally:
            for each in streams:
                each.close()

    def give_up(self) -> None:
        """Wait for no end: the container does not start."""
        self._may_be_silent = True
        self._has_ended.set()

    def finish(self, seconds: float, *, is_early: bool, is_stopped: bool) -> None:
        """Wait until all is passed on, or nobody reads any more; the container has ended.

        Podman's connection may have ended, or not have begun, before it had passed on everything.

        Args:
            seconds: after which nobody reads any more.
            is_early: whether the output was over before the container had ended.
            is_stopped: whether the container was stopped: whoever waits for that need not wait for an empty log.
        """
        self._may_be_silent = is_stopped
        self._wait_while_it_goes_on(self.is_over.wait, seconds)
        if not self.is_over.is_set():
            self._disconnect()
        elif is_early:
            self._is_doubtful = True
        self._has_ended.set()
        self._wait_while_it_goes_on(self.join, seconds)

    def _wait_while_it_goes_on(self, wait: Callable[[float], object], seconds: float) -> None:
        before = -1
        while before != self._length and self.is_alive():
            before = self._length
            wait(seconds)

    def _disconnect(self) -> None:
        self._is_doubtful = True
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as connection:
            connection.shutdown(socket.SHUT_RDWR)

    @property
    def _length(self) -> int:
        return self._stdout.length + self._stderr.length

    def _log(self, **which: bool) -> bytes:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        with contextlib.suppress(DockerException, RequestException, OSError):
            return bytes(self._client.logs(self._container, **which))
        return b""


class _Stream:
    """What goes to one descriptor.

    Args:
        descriptor: to which is written; closed in the end.
        logged: which of the container's outputs go to it.
    """

    def __init__(self, descriptor: int, logged: dict[str, bool]) -> None:
        self.length = 0
        self.logged = logged
        self._descriptor = descriptor
        self._begin, self._end = b"", b""

    def write(self, content: bytes) -> None:
        """Write as soon as somebody reads."""
        self._begin += content[: _BEGIN - len(self._begin)]
        self._end = (self._end + content)[-_END:]
        with contextlib.suppress(BrokenPipeError):
            while content:
                written = os.write(self._descriptor, content)
                self.length += written
                content = content[written:]

    def complete(self, log: Callable[..., bytes]) -> None:
        """Write what is in the log and was not written; Docker may have dropped the beginning of the log."""
        kept = log(**self.logged)
        if self.length == len(self._begin) and kept.startswith(self._begin):
            self.write(kept[self.length :])
        elif not kept.endswith(self._end):
            self.write(b"\n" * (not self._end.endswith(b"\n")) + _MISSING)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


__all__ = ["LOG", "Output"]
