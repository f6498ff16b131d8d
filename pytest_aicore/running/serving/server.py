"""The server of a deployment: asked until it is ready, watched until it has ended."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from pytest_aicore.errors import listing
from pytest_aicore.running.serving.listening import listening_ports

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from pytest_aicore.running.engines.engine import Running
    from pytest_aicore.running.pods import Ended
    from pytest_aicore.running.serving.probes import Probe
    from pytest_aicore.running.serving.service import Service

PROGRESS_SECONDS: Final = 600.0
"""After that long Knative gives a server up that is not ready (its default `progress-deadline`)."""
_HINT_SECONDS: Final = 3.0
"""After that long the log says where a server listens that does not listen where requests arrive; and whatever accepts
connections there is taken for the server, also where its processes are not known to do that."""

_ONLY_HERE: Final = (
    "pytest-aicore: the server listens at 127.0.0.1 alone. On AI Core it has to listen at 0.0.0.0, where others reach"
    " it"
)


class ModelServer:
    """The server of a deployment, while it runs.

    Args:
        service: what was started.
        say: gets what the user should know, as a line of its log.

    Attributes:
        how: how its container has ended, None while it has not.
        problem: why it has to be ended; empty if nothing is wrong with it.
    """

    def __init__(self, service: Service, say: Callable[[str], None]) -> None:
        self.how: Ended | None = None
        self.problem = ""
        self._service = service
        self._say = say
        self._running: Running | None = None
        self._mapped: Callable[[str], str] = str
        self._has_started = threading.Event()
        self._is_over = threading.Event()
        self._is_told = False

    def started(self, running: Running, mapped: Callable[[str], str]) -> None:
        """Take note that its container was started.

        Args:
            running: the container.
            mapped: returns a text of the template as the container must see it.
        """
        self._running, self._mapped = running, mapped
        self._has_started.set()

    def ended(self, how: Ended) -> None:
        """Take note that its container has ended, or was never started.

        Args:
            how: how it has ended.
        """
        self.how = how
        self.let_go()

    def let_go(self) -> None:
        """Wait for nothing any more."""
        self._is_over.set()
        self._has_started.set()

    def connect(self, seconds: float) -> socket.socket:
        """Return a connection to its port.

        Args:
            seconds: after which it gives up.

        Raises:
            OSError: nothing listens there, or does not accept in time.
        """
        return self._connect(self._service.pod.port or 0, seconds)

    def wait_until_ready(self) -> bool:
        """Return whether it has become ready; not if it has ended before, or nobody waits any more."""
        self._has_started.wait()
        begin = time.monotonic()
        probes = {"Startup": self._service.startup, "Readiness": self._service.readiness}
        is_ready = all(probe is None or self._succeeds(name, probe, begin) for name, probe in probes.items())
        if is_ready and (self._ports() or {}).get(self._service.pod.port or 0) is False:
            self._say(_ONLY_HERE)
        return is_ready

    def wait_until_over(self) -> None:
        """Return when it has ended, when it is not alive any more, or when nobody waits any more."""
        probe = self._service.liveness
        failures = 0
        self._is_over.wait(None if probe is None else probe.delay)
        while probe is not None and not self._is_over.wait(probe.period):
            problem = probe.problem(self._connect, self._execute)
            failures = failures + 1 if problem else 0
            if failures >= probe.failures:
                self.problem = f"Liveness probe failed: {problem}"
                return

    def _succeeds(self, name: str, probe: Probe, begin: float) -> bool:
        """Return whether a probe succeeds in time."""
        self._is_over.wait(max(begin + probe.delay - time.monotonic(), 0.0))
        successes = failures = 0
        while not self._is_over.is_set():
            problem = probe.problem(self._connect, self._execute)
            waited = time.monotonic() - begin
            is_told = problem or probe.command is not None or waited >= _HINT_SECONDS
            if not is_told and not self._is_listening(probe.port):
                problem = f"port {probe.port}: another program accepts connections"
            successes, failures = (0, failures + 1) if problem else (successes + 1, 0)
            if successes >= probe.successes:
                return True
            if problem and (waited > PROGRESS_SECONDS or (name == "Startup" and failures >= probe.failures)):
                self.problem = f"{name} probe failed for {waited:.0f} s: {problem}.{self._hint()}"
                return False
            if problem and waited > _HINT_SECONDS and not self._is_told and (hint := self._hint()):
                self._is_told = True
                self._say(f"pytest-aicore: not ready: {problem}.{hint}")
            self._is_over.wait(probe.period)
        return False

    def _is_listening(self, port: int) -> bool:
        """Return whether it listens at a port itself, which is taken for granted where the system does not tell."""
        ports = self._ports()
        return ports is None or port in ports

    def _ports(self) -> dict[int, bool] | None:
        return None if self._running is None else listening_ports(self._running.usage.pids)

    def _hint(self) -> str:
        """Return where it listens, if that is not where requests arrive."""
        port = self._service.pod.port
        ports = sorted(self._ports() or ())
        if not ports or port in ports:
            return ""
        written = f"`containerPort: {ports[0]}`" if len(ports) == 1 else "its `containerPort`"
        return f" The server listens at {listing(map(str, ports))}, and requests arrive at port {port}: {written}?"

    def _connect(self, port: int, seconds: float) -> socket.socket:
        if self._running is None or self.how is not None:
            raise ConnectionRefusedError("the server does not run")
        return self._running.connect(port, seconds)

    def _execute(self, command: tuple[str, ...], seconds: float) -> str:
        if self._running is None:
            return "the server does not run"
        return self._running.execute(tuple(map(self._mapped, command)), seconds)


__all__ = ["PROGRESS_SECONDS", "ModelServer"]
