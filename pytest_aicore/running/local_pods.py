"""Runs the pods of a workflow on this machine."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_aicore.errors import AicoreError
from pytest_aicore.known_secrets import Finder, remember
from pytest_aicore.running.engines.engine import StartError
from pytest_aicore.running.environment import SecretError
from pytest_aicore.running.pods import Ended
from pytest_aicore.running.staging import StagingError
from pytest_aicore.running.step import EntrypointError, Step
from pytest_aicore.running.watching import Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_aicore.running.pods import Pod
    from pytest_aicore.running.settings import Settings

_HIDDEN = "***"


class LocalPods:
    """Runs pods on this machine: each in a thread of its own, which lives as long as the pod.

    Args:
        settings: what is the same for all of them.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stops: dict[str, Stop] = {}
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        values = [value for keys in settings.secrets.values() for value in keys.values()]
        remember(values)
        self._secrets = Finder(values)

    def start(self, pod: Pod, ended: Callable[[Ended], None]) -> None:
        """Start a pod, and return at once.

        Args:
            pod: the pod.
            ended: called exactly once, from the pod's thread.
        """
        stop = Stop()
        # Bubblewrap ends the step when the thread ends that started it: this one accompanies the step to its end.
        thread = threading.Thread(target=self._run, args=(pod, stop, ended), daemon=True, name=f"aicore-{pod.name}")
        with self._lock:
            self._stops[pod.name] = stop
            self._threads.add(thread)
        thread.start()

    def stop(self, name: str, message: str | None = None) -> None:
        """End a pod with all its processes.

        Args:
            name: its name; nothing happens if it has ended already.
            message: the message with which it is then Failed.
        """
        with self._lock:
            stop = self._stops.get(name)
        if stop is not None:
            stop.wish(message)

    def close(self) -> None:
        """End all pods, and return when each has called its `ended`."""
        with self._lock:
            stops, threads = list(self._stops.values()), list(self._threads)
        for stop in stops:
            stop.wish(None)
        for thread in threads:
            thread.join()

    def _run(self, pod: Pod, stop: Stop, ended: Callable[[Ended], None]) -> None:
        step = Step(pod, self._settings, stop, self._hide)
        how = _carried_out(step)
        with self._lock:
            del self._stops[pod.name]
        try:
            ended(how)
        finally:
            with suppress(OSError):  # it is in a folder that is removed later
                step.clean()
            with self._lock:
                self._threads.remove(threading.current_thread())

    def _hide(self, line: str) -> str:
        return self._secrets.hide(line, _HIDDEN)


def _carried_out(step: Step) -> Ended:
    try:
        return step.carry_out()
    except (AicoreError, EntrypointError, SecretError, StagingError, StartError) as error:
        return Ended("Error", str(error))
    except OSError as error:
        return Ended("Error", f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except Exception as error:
        return Ended("Error", f"internal error of pytest-aicore, please report it: {type(error).__name__}: {error}")


__all__ = ["LocalPods"]
