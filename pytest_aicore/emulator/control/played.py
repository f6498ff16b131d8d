"""What the emulator plays in the place of training code: the argument `emulated` of the marker `aicore`.

It belongs to the configuration of a run, so that it applies to the executions of that run and to no other. Scripts
override it field by field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_aicore.emulator.control.shapes import SHAPES, ShapeError
from pytest_aicore.errors import PlanError

if TYPE_CHECKING:
    from pytest_aicore.emulator.world.world import World


class Played:
    """What executions write in the emulator.

    Args:
        emulated: `metrics`, `logs` and `outputs`, as `Emulator.script` takes them, but no functions.
        place: `file:line` of the test, for messages.

    Attributes:
        values: the same, checked, by the names of fields of a script.
        key: equal for equal values.

    Raises:
        PlanError: a value has another shape, or a path cannot be read.
    """

    def __init__(self, emulated: Mapping[str, Any], place: str) -> None:
        self.values = {name: _checked(name, value, place) for name, value in emulated.items()}
        self.key = hashlib.sha256(repr(_ordered(self.values)).encode()).hexdigest()[:16]

    def play(self, world: World, configuration_id: str) -> None:
        """Let the executions of a configuration write it.

        Args:
            world: contains the configuration.
            configuration_id: its id.
        """
        with world.lock:
            for group in world.state.groups.values():
                configuration = group.configurations.get(configuration_id)
                if configuration is not None:
                    group.configurations.put(replace(configuration, played=self.values))


def _checked(name: str, value: object, place: str) -> Any:
    try:
        return SHAPES[name](value)
    except ShapeError as error:
        raise PlanError(f"{place + ': ' if place else ''}emulated: {name}={error}") from None


def _ordered(value: Any) -> Any:
    """Return the value with lists of pairs, in the order of their names, instead of mappings."""
    if isinstance(value, Mapping):
        return [(name, _ordered(inner)) for name, inner in sorted(value.items())]
    return value


__all__ = ["Played"]
