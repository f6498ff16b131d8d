"""Takes what a training logs with `Tracking()` while it runs on this machine."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.emulator import Emulator
from pytest_aicore.emulator.serve.server import Server
from pytest_aicore.emulator.world.pace import RunningClock, pace_named
from pytest_aicore.errors import EmulatorError
from pytest_aicore.local.tracking import tracking_variables

if TYPE_CHECKING:
    from typing_extensions import Self

_GROUP = "default"


class Tracking:
    """The tracking service of one run, as long as the `with` block lasts.

    Args:
        name: of the run.

    Attributes:
        problem: why nothing can be logged, None if it can.
        env: the variables that AI Core gives to each step, with which `Tracking()` finds the service.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._emulator = Emulator(clock=RunningClock(pace_named("real")))
        self._exits = ExitStack()
        self.problem: str | None = None
        self.env = tracking_variables(name, _GROUP, None)

    def __enter__(self) -> Self:
        self._exits.callback(self._emulator.close)
        try:
            server = Server(self._emulator, admin=False)
            self._exits.callback(server.stop)
            server.start()
        except EmulatorError as error:
            self.problem = str(error)
        else:
            self.env = tracking_variables(self._name, _GROUP, server.url)
        return self

    def __exit__(self, *exception: object) -> None:
        self._exits.close()

    def logged(self) -> dict[str, list[dict[str, Any]]]:
        """Return metrics, tags and custom information by their names in the API, each in the order in which it came."""
        kept = self._emulator.state.groups[_GROUP].metrics.get(self._name)
        if kept is None:
            return {"metrics": [], "tags": [], "customInfo": []}
        return {
            "metrics": [
                {"name": each.name, "value": each.value, "step": each.step, "labels": dict(each.labels)}
                for each in kept.metrics
            ],
            "tags": [{"name": name, "value": value} for name, value in kept.tags],
            "customInfo": [{"name": name, "value": value} for name, value in kept.custom_info],
        }


__all__ = ["Tracking"]
